"""The file with the features of a target dataset (:func:`videossl.evaluation.features.extract`). Does not import
torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from videossl.common.intact import check_archive, damaged, unreadable
from videossl.data.classes import ClassGaps

ARRAYS = {
    "train": ("f", 2),
    "train_labels": ("i", 1),
    "validation": ("b", 1),
    "test": ("f", 2),
    "test_labels": ("i", 1),
    "test_videos": ("U", 1),
    "test_split": ("U", 0),
    "classes": ("i", 0),
}
"""The arrays of the file: kind of dtype and number of dimensions."""


@dataclass(frozen=True)
class Features:
    """Mean features per video: `train` (the official training videos, of which `validation` are held out by protocols
    that select hyper-parameters) and `test`."""

    train: np.ndarray
    """float32 (N, D)"""
    train_labels: np.ndarray
    """int64 (N,)"""
    validation: np.ndarray
    """bool (N,)"""
    test: np.ndarray
    """float32 (M, D)"""
    test_labels: np.ndarray
    """int64 (M,)"""
    test_videos: np.ndarray
    """str (M,): video ids."""
    test_split: str
    classes: int
    gaps: ClassGaps = field(default_factory=ClassGaps)
    """Classes that lack training or test videos."""


def read_features(path: Path) -> Features:
    """Read the features of one file. Raises UserError if it is damaged or not such a file."""
    values = read_arrays(path, ARRAYS, "features")
    try:
        gaps = ClassGaps.parse(json.loads(str(values.pop("gaps", "{}"))))
        known = {"test_split": str(values["test_split"]), "classes": int(values["classes"]), "gaps": gaps}
        features = Features(**{**values, **known})
    except (TypeError, ValueError) as error:
        raise damaged(path, f"holds no features: {error}") from error
    if not _agree(features):
        raise damaged(path, "holds no features: their numbers of videos differ")
    return features


def _agree(features: Features) -> bool:
    """Whether all arrays have one row per video."""
    train, test = features.train, features.test
    counts = (
        {len(features.train_labels), len(features.validation), len(train)},
        {
            len(features.test_labels),
            len(features.test_videos),
            len(test),
        },
    )
    return all(len(count) == 1 for count in counts) and train.shape[1] == test.shape[1]


def read_arrays(path: Path, expected: Mapping[str, tuple[str, int]], what: str) -> dict[str, np.ndarray]:
    """Read the arrays of a `.npz` file that should hold `what`. Raises UserError if it is damaged or not such a file.

    expected: by name, the kind of dtype (numpy's letter) and the number of dimensions.
    """
    check_archive(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
    except Exception as error:  # for other archives numpy may raise anything
        raise unreadable(path, error) from error
    for name, (kind, dimensions) in expected.items():
        if name not in values:
            raise damaged(path, f"holds no {what}: it has no `{name}`")
        if values[name].dtype.kind != kind or values[name].ndim != dimensions:
            found = f"{values[name].dtype} of {values[name].ndim} dimensions"
            raise damaged(path, f"holds no {what}: its `{name}` is {found}")
    return values
