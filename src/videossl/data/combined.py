"""Several datasets as one source: the training videos of all of them together, read from their own stores.

The parts are stored as a whole, as those of targets are, and often are targets. A subset of the combination is a list
that refers to their shards, so no frame is stored twice. Only videos of the parts' training splits are chosen (of
held-out videos: of their validation splits), never a test video.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from videossl.data.manifest import read_manifest, shard_files
from videossl.data.selection import write_chosen, write_empty_store
from videossl.data.specs import CombinedSampleSpec, CombinedSubsetSpec
from videossl.data.subsets import SubsetOrder, require_size


def together(names: Sequence[str], manifests: Sequence[Path]) -> tuple[pd.DataFrame, list[Path]]:
    """The videos of several datasets as one manifest, and the shards that its column `shard` refers to.

    Ids, paths and names of classes begin with the dataset, and classes of different datasets are different. A video
    without label keeps the label -1.
    """
    parts, shards, classes = [], [], 0
    for name, path in zip(names, manifests, strict=True):
        part = read_manifest(path)
        own = shard_files(path, part)
        labelled = part["label"] >= 0
        count = int(part["label"].max()) + 1 if labelled.any() else 0
        parts.append(
            part.assign(
                id=f"{name}/" + part["id"],
                path=f"{name}/" + part["path"],
                label=part["label"].where(~labelled, part["label"] + classes),
                label_name=part["label_name"].where(~labelled, f"{name}/" + part["label_name"]),
                shard=part["shard"] + len(shards),
            )
        )
        shards += own
        classes += count
    return pd.concat(parts, ignore_index=True), shards


def write_combined_subset(spec: CombinedSubsetSpec, manifests: Sequence[Path], output: Path) -> dict[str, Any]:
    """Write a subset of the training videos of several datasets: the first of their class-balanced order.

    Args:
        manifests: of the datasets `spec.combine`, in this order.
        output: the list of the videos (.parquet); its description (.json) and an empty store (.arrow) are written
            beside it, as of any subset.

    Returns the description. Raises UserError if too few videos are usable.
    """
    videos, shards = together(spec.combine, manifests)
    order = SubsetOrder(videos, spec.seed).of((videos["status"] == "ok").to_numpy())
    size = len(order) if spec.size == "all" else int(spec.size)
    require_size(size, len(order), videos)
    write_empty_store(output, spec)
    more = {"replaced": 0, "combine": spec.combine}
    return write_chosen(videos, videos, order[:size], "train", spec.seed, shards, output, more)


def write_combined_sample(spec: CombinedSampleSpec, manifests: Sequence[Path], output: Path) -> dict[str, Any]:
    """Write up to `spec.at_most` videos of a split of several datasets. Arguments and files as of
    :func:`write_combined_subset`."""
    videos, shards = together(spec.combine, manifests)
    order = SubsetOrder(videos, spec.seed, spec.split).of((videos["status"] == "ok").to_numpy())
    rows = order[: spec.at_most]
    rows.sort()
    write_empty_store(output, spec)
    more = {"combine": spec.combine}
    return write_chosen(videos, videos, rows, spec.split, spec.seed, shards, output, more)
