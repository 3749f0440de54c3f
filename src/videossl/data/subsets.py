"""Nested, class-balanced subsets of a dataset's training videos.

The paper pretrains on 10k, 30k, 50k and 100k videos of Kinetics-400, with equally many per class; each subset contains
the smaller ones. All subsets are prefixes of one total order, so they are nested by construction: in round r, every
class that still has videos contributes its r-th. The order within a class follows a hash of (seed, video id), not a
random stream. It therefore does not depend on the order of the manifest's rows, and a video that drops out (broken,
missing) does not change which videos of its class come before it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from videossl.common.errors import UserError
from videossl.common.files import write_json, write_parquet
from videossl.common.intact import read_json, read_table

SUBSET_SCHEMA = pa.schema([("row", pa.int32()), ("id", pa.string()), ("label", pa.int32())])


def subset_order(manifest: pd.DataFrame, seed: int) -> np.ndarray:
    """Row positions (int64) of all usable training videos of `manifest`, in the order in which subsets take them.

    Usable: split is train and status is ok. Every prefix is balanced: among classes that still have videos, the numbers
    differ by at most one.
    """
    rows = np.flatnonzero((manifest["split"] == "train") & (manifest["status"] == "ok"))
    videos = manifest.iloc[rows]
    if videos["id"].duplicated().any():
        raise ValueError("ids of the manifest are not unique")
    keys = pd.DataFrame(
        {
            "label": videos["label"].to_numpy(),
            "video": [_hash(seed, "video", name) for name in videos["id"]],
        }
    )
    rank = {label: _hash(seed, "class", label) for label in keys["label"].unique()}
    keys["class"] = keys["label"].map(rank)
    keys = keys.sort_values(["class", "video"], kind="stable")
    keys["round"] = keys.groupby("class", sort=False).cumcount()
    return rows[keys.sort_values(["round", "class"], kind="stable").index.to_numpy()]


def make_subset(manifest: pd.DataFrame, size: int | None, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The first `size` videos of the order (None: all), and a description.

    Returns a frame with the columns row (int32, position in the manifest), id and label, in the order of the subset;
    and a dictionary: size, seed, checksum (of the ids, in order), available, classes, per_class {min, max}, and
    shortfall {class: videos missing from its equal share}, which other classes fill evenly. Classes are those of the
    training split, usable or not, so a class whose videos are all broken appears as a shortfall. Raises UserError if
    fewer videos are usable than requested.
    """
    order = subset_order(manifest, seed)
    wanted = len(order) if size is None else size
    if not 0 < wanted <= len(order):
        listed = int((manifest["split"] == "train").sum())
        raise UserError(
            f"a subset of {wanted} videos was requested, but {len(order)} training videos are usable "
            f"({listed} listed; the rest is missing or broken). Choose a size from 1 to {len(order)}."
        )
    chosen = manifest.iloc[order[:wanted]]
    frame = pd.DataFrame(
        {
            "row": order[:wanted].astype(np.int32),
            "id": chosen["id"].to_numpy(),
            "label": chosen["label"].to_numpy().astype(np.int32),
        }
    )
    train = manifest[manifest["split"] == "train"]
    classes = train.drop_duplicates("label").set_index("label")["label_name"].sort_index()
    counts = frame["label"].value_counts().reindex(classes.index, fill_value=0)
    description = {
        "size": wanted,
        "seed": seed,
        "checksum": checksum(frame["id"]),
        "available": len(order),
        "classes": len(classes),
        "per_class": {"min": int(counts.min()), "max": int(counts.max())},
        "shortfall": _shortfall(classes, counts, wanted, seed),
    }
    return frame, description


def checksum(ids: pd.Series) -> str:
    """SHA-256 of the ids, one per line, in order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def write_subset(frame: pd.DataFrame, description: dict[str, Any], parquet: str | Path, json_path: str | Path) -> None:
    """Write a subset of :func:`make_subset`: the videos as Parquet, the description as JSON."""
    write_parquet(parquet, pa.Table.from_pandas(frame, schema=SUBSET_SCHEMA, preserve_index=False))
    write_json(json_path, description)


def read_subset(
    parquet: str | Path, json_path: str | Path, manifest: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a subset. Raises UserError if its ids do not match the checksum, or its rows do not match `manifest`."""
    frame = read_table(parquet, schema=SUBSET_SCHEMA).to_pandas()
    description = read_json(json_path, {"checksum": str, "size": int}, "description of a subset")
    remedy = f"Remove {parquet} and {json_path}, and let the workflow make them again."
    if checksum(frame["id"]) != description["checksum"] or len(frame) != description["size"]:
        raise UserError(f"the subset {parquet} does not match the checksum in {json_path}. {remedy}")
    if manifest is not None:
        rows = frame["row"].to_numpy()
        if (
            rows.min() < 0
            or rows.max() >= len(manifest)
            or (manifest["id"].to_numpy()[rows] != frame["id"].to_numpy()).any()
        ):
            raise UserError(f"the subset {parquet} was made from another manifest. {remedy}")
    return frame, description


def _shortfall(classes: pd.Series, counts: pd.Series, size: int, seed: int) -> dict[str, int]:
    """{class name: videos missing from the equal share}; the first classes of the order get the remainder."""
    ordered = sorted(classes.index, key=lambda label: _hash(seed, "class", label))
    share, remainder = divmod(size, len(ordered))
    missing = {label: share + (place < remainder) - counts[label] for place, label in enumerate(ordered)}
    return {classes[label] or str(label): int(missing[label]) for label in sorted(missing) if missing[label] > 0}


def _hash(seed: int, kind: str, name: object) -> bytes:
    return hashlib.sha256(f"{kind}:{seed}:{name}".encode()).digest()
