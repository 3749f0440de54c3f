"""Reads manifests and listings, and selects the videos that a job uses."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from videossl.common.errors import UserError
from videossl.common.intact import read_frame
from videossl.data.classes import ClassGaps, class_gaps, class_names
from videossl.data.materialise import MANIFEST_SCHEMA
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.selection import open_subset
from videossl.data.store import FrameStore

MANIFEST = "manifest.parquet"
"""File name of the manifest of a dataset that is stored as a whole, or of a noisy test set."""


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a dataset's manifest: one row per video (columns: docs/datasets.md). Raises UserError if the file is
    damaged."""
    return read_frame(path, schema=MANIFEST_SCHEMA)


def tell_broken(videos: pd.DataFrame) -> None:
    """Write the path and the reason of each broken video of a manifest or subset to standard error."""
    for video in videos[videos["status"] == "broken"].itertuples():
        print(f"broken: {video.path}: {video.reason}", file=sys.stderr)  # which accepts any character in any locale


def read_listing_file(path: Path) -> pd.DataFrame:
    """Read a dataset's listing as the workflow wrote it. Raises UserError if the file is damaged."""
    return read_frame(path, schema=LISTING_SCHEMA)


def open_store(manifest: Path, videos: pd.DataFrame) -> FrameStore:
    """Open the frame store of a manifest, whose rows are `videos`, or of a subset."""
    if manifest.name != MANIFEST:
        return open_subset(manifest)[1]
    return FrameStore(shard_files(manifest, videos))


def shard_files(manifest: Path, videos: pd.DataFrame) -> list[Path]:
    """The shards beside a manifest, whose rows are `videos`."""
    shards = int(videos["shard"].max()) + 1
    return [manifest.parent / "shards" / f"{shard:04d}.arrow" for shard in range(shards)]


@dataclass(frozen=True)
class Target:
    """A dataset as the target of an evaluation: its usable training and test videos."""

    train: pd.DataFrame
    test: pd.DataFrame
    test_split: str
    classes: int
    unreadable: dict[str, int]
    """Numbers of unreadable videos: `test_missing`, `test_broken`, `train_missing`, `train_broken`."""
    gaps: ClassGaps = field(default_factory=ClassGaps)
    """Classes that lack training or test videos."""


def test_split(labelled: pd.DataFrame) -> str:
    """The split that a dataset is tested on: `test`, or `val` if no video of `test` has a label."""
    return "test" if (labelled["split"] == "test").any() else "val"


def labelled_parts(videos: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Labelled training videos, labelled test videos (usable or not), and the name of the test split.

    The test split is `test`; it is `val` if the official test videos have no labels (Something-Something) or do not
    exist. Finetuning reports its last epoch and selects nothing, so if the test split is `test`, training includes
    `val`. A protocol that selects hyper-parameters must exclude `val` from its training itself.
    """
    labelled = videos[videos["label"] >= 0]
    name = test_split(labelled)
    train = labelled[labelled["split"].isin(["train", "val"]) & (labelled["split"] != name)]
    return train, labelled[labelled["split"] == name], name


def gaps_of(videos: pd.DataFrame) -> ClassGaps:
    """Classes without usable videos in a manifest, or in a listing (where every video found counts as usable)."""
    usable = videos[videos["status"].isin(["ok", "found"])]
    train, test, _ = labelled_parts(videos)
    labels = (part.loc[part.index.isin(usable.index), "label"] for part in (train, test))
    return class_gaps(class_names(videos), *labels)


def target_videos(manifest: pd.DataFrame) -> Target:
    """Training and test videos of a target dataset (:func:`labelled_parts`). Raises UserError if either is empty."""
    train, test, name = labelled_parts(manifest)
    usable_train, usable_test = (part[part["status"] == "ok"].reset_index(drop=True) for part in (train, test))
    if usable_train.empty or usable_test.empty:
        raise UserError(
            f"the target dataset has {len(usable_train)} readable training and {len(usable_test)} readable test "
            "videos; both are needed. Its manifest gives the reason for each video (columns status and reason)."
        )
    unreadable = {
        f"{part}_{status}": int((videos["status"] == status).sum())
        for part, videos in (("test", test), ("train", train))
        for status in ("missing", "broken")
    }
    return Target(
        train=usable_train,
        test=usable_test,
        test_split=name,
        classes=int(manifest["label"].max()) + 1,
        unreadable=unreadable,
        gaps=gaps_of(manifest),
    )
