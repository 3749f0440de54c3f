"""Specifications of the jobs that prepare data."""

from __future__ import annotations

from typing import Any

from videossl.common.ranges import Seed, ShareBelowOne, Version
from videossl.common.specification import Specification
from videossl.data.generated import Generated
from videossl.data.settings import Shards, Side, Size, Store

DATA_VERSION = 4
"""Raise it when a change in the code of `videossl.data` should remake listings and frame stores."""


class GenerateSpec(Generated, Specification):
    """The generated videos of a dataset."""

    data_version: Version
    dataset: str


class ListingSpec(Specification):
    """The videos of a dataset and their splits. Not its folders: moving a dataset changes no result."""

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
    """Test videos by noise, one number a severity; "none" has one number."""
    shards: Shards
