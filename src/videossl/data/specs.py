"""Job specifications of data preparation."""

from __future__ import annotations

from typing import Any, Literal

from videossl.common.ranges import Count, Seed, ShareBelowOne, Version
from videossl.common.specification import Specification
from videossl.data.generated import Generated
from videossl.data.settings import FrameFormat, Shards, Side, Size

DATA_VERSION = 4
"""Increase this number if a change in the code of `videossl.data` should rebuild listings and frame stores."""
GENERATOR_VERSION = 6
"""Of the generated videos. Increase it after a change of what they show: they are then made and stored again."""


class GenerateSpec(Generated, Specification):
    """The generated videos of a dataset."""

    data_version: Version
    dataset: str


class ListingSpec(Specification):
    """The videos of a dataset and their splits. Excludes folders: moving a dataset does not change any result."""

    data_version: Version
    reader: str
    options: dict[str, Any]
    validation: ShareBelowOne
    seed: Seed


class StoreSpec(FrameFormat, Specification):
    """The frame store of a whole dataset."""

    data_version: Version
    shards: Shards


class TrainStoreSpec(FrameFormat, Specification):
    """The frame store of a source: training videos in the order in which subsets take them."""

    data_version: Version
    videos_per_shard: Count
    seed: Seed


class SubsetSpec(FrameFormat, Specification):
    """A named subset of a dataset's training videos, with the frames of those that replace broken ones."""

    data_version: Version
    size: Size
    seed: Seed


class SampleSpec(FrameFormat, Specification):
    """Videos of one split of a dataset, with their frames: those on which pretext tasks are measured, or are shown."""

    data_version: Version
    split: Literal["train", "val"]
    at_most: Count
    seed: Seed


class CombinedSubsetSpec(SubsetSpec):
    """A named subset of the training videos of several datasets, whose frames stay where they are."""

    combine: list[str]


class CombinedSampleSpec(SampleSpec):
    """Videos of one split of several datasets, whose frames stay where they are."""

    combine: list[str]


class CorruptedSpec(FrameFormat, Specification):
    """The corrupted copies of a dataset's test videos by one corruption, and the copy without it (severity 0)."""

    data_version: Version
    kind: str
    videos: Size
    """Number of test videos."""
    seed: Seed
    severities: list[int]


class NoiseSpec(Specification):
    """The noisy copies of a dataset's test videos, and the copy without noise."""

    data_version: Version
    short_side: Side
    codec: str
    constants: str
    seed: Seed
    videos: dict[str, list[Size]]
    """Number of test videos by noise, one per severity; "none" has one number."""
    shards: Shards
