"""Job specifications of data preparation."""

from __future__ import annotations

from typing import Any

from videossl.common.ranges import Seed, ShareBelowOne, Version
from videossl.common.specification import Specification
from videossl.data.generated import Generated
from videossl.data.settings import Shards, Side, Size, Store

DATA_VERSION = 4
"""Increase this number if a change in the code of `videossl.data` should rebuild listings and frame stores."""


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


class StoreSpec(Store, Specification):
    """The frame store of a dataset."""

    data_version: Version
    shards: Shards


class SubsetSpec(Specification):
    """A named subset of a dataset's training videos."""

    data_version: Version
    size: Size
    seed: Seed


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
