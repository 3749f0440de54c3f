"""Nested, class-balanced subsets of a dataset's training videos.

The paper pretrains on 10k, 30k, 50k and 100k videos of Kinetics-400, with equally many per class; each subset contains
the smaller ones. All subsets are prefixes of one total order, so they are nested by construction: in round r, every
class that still has videos contributes its r-th. The order within a class follows a hash of (seed, video id), not a
random stream. It therefore does not depend on the order of the manifest's rows, and a video that drops out (broken,
missing) is replaced by the next of its class: it changes neither which videos come before it nor the other classes.

How subsets are stored: :mod:`videossl.data.selection`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from videossl.common.errors import UserError


class SubsetOrder:
    """The order in which subsets take the videos of a split, whichever of them turn out to be usable."""

    def __init__(self, videos: pd.DataFrame, seed: int, split: str = "train") -> None:
        """`videos`: a listing or manifest; the columns id, label and split are read."""
        rows = np.flatnonzero(videos["split"] == split)
        chosen = videos.iloc[rows]
        if chosen["id"].duplicated().any():
            raise ValueError("ids of the manifest are not unique")
        ranked = sorted(chosen["label"].unique(), key=lambda label: _hash(seed, "class", label))
        rank = {label: place for place, label in enumerate(ranked)}
        classes = chosen["label"].map(rank).to_numpy(np.int64)
        keys = np.array([_hash(seed, "video", name) for name in chosen["id"]], dtype="S32")
        by_class = np.lexsort((keys, classes))
        self._rows, self._classes = rows[by_class], classes[by_class]

    def of(self, usable: np.ndarray) -> np.ndarray:
        """Rows (int64) of the usable videos of the split, in order. `usable`: bool, one value for each row of the
        videos. Every prefix is balanced: among classes that still have videos, the numbers differ by at most one."""
        kept = usable[self._rows]
        rows, classes = self._rows[kept], self._classes[kept]
        first = np.searchsorted(classes, classes)  # of each video's class
        rounds = np.arange(len(classes)) - first
        return rows[np.lexsort((classes, rounds))]


def subset_order(manifest: pd.DataFrame, seed: int) -> np.ndarray:
    """Row positions (int64) of all usable training videos of `manifest`, in the order in which subsets take them.

    Usable: split is train and status is ok.
    """
    return SubsetOrder(manifest, seed).of((manifest["status"] == "ok").to_numpy())


def make_subset(manifest: pd.DataFrame, size: int | None, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The first `size` videos of the order (None: all), and their description (:func:`describe`).

    Returns a frame with the columns row (int32, position in the manifest), id and label, in the order of the subset.
    Raises UserError if fewer videos are usable than requested.
    """
    order = subset_order(manifest, seed)
    wanted = len(order) if size is None else size
    require_size(wanted, len(order), manifest)
    chosen = manifest.iloc[order[:wanted]]
    frame = pd.DataFrame(
        {
            "row": order[:wanted].astype(np.int32),
            "id": chosen["id"].to_numpy(),
            "label": chosen["label"].to_numpy().astype(np.int32),
        }
    )
    return frame, describe(frame, manifest, seed)


def require_size(size: int, usable: int, videos: pd.DataFrame) -> None:
    """Raise UserError unless 1 <= `size` <= `usable`, the number of training videos of `videos` that can be used."""
    if not 0 < size <= usable:
        listed = int((videos["split"] == "train").sum())
        raise UserError(
            f"a subset of {size} videos was requested, but {usable} training videos are usable "
            f"({listed} listed; the rest is missing or broken). Choose a size from 1 to {usable}."
        )


def describe(chosen: pd.DataFrame, videos: pd.DataFrame, seed: int, split: str = "train") -> dict[str, Any]:
    """Description of a subset: size, seed, checksum (of the ids, in order), listed, classes, per_class {min, max}, and
    shortfall {class: videos missing from its equal share}, which other classes fill evenly.

    Classes are those of the split in `videos`, usable or not, so a class whose videos are all broken appears as a
    shortfall. `chosen`: the subset, with the columns id and label.
    """
    listed = videos[videos["split"] == split]
    classes = listed.drop_duplicates("label").set_index("label")["label_name"].sort_index()
    counts = chosen["label"].value_counts().reindex(classes.index, fill_value=0)
    return {
        "size": len(chosen),
        "seed": seed,
        "checksum": checksum(chosen["id"]),
        "listed": len(listed),
        "classes": len(classes),
        "per_class": {"min": int(counts.min()), "max": int(counts.max())} if len(classes) else {"min": 0, "max": 0},
        "shortfall": _shortfall(classes, counts, len(chosen), seed),
    }


def checksum(ids: pd.Series | Sequence[str]) -> str:
    """SHA-256 of the ids, one per line, in order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _shortfall(classes: pd.Series, counts: pd.Series, size: int, seed: int) -> dict[str, int]:
    """{class name: videos missing from the equal share}; the first classes of the order get the remainder."""
    if classes.empty:
        return {}
    ordered = sorted(classes.index, key=lambda label: _hash(seed, "class", label))
    share, remainder = divmod(size, len(ordered))
    missing = {label: share + (place < remainder) - counts[label] for place, label in enumerate(ordered)}
    return {classes[label] or str(label): int(missing[label]) for label in sorted(missing) if missing[label] > 0}


def _hash(seed: int, kind: str, name: object) -> bytes:
    return hashlib.sha256(f"{kind}:{seed}:{name}".encode()).digest()
