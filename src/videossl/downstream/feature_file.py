"""The file of a target's features, as :func:`videossl.downstream.features.extract` writes it. Without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from videossl.data.classes import ClassGaps


@dataclass(frozen=True)
class Features:
    """Mean features of videos: `train` (the official training videos; of which `validation` are held out where a
    protocol selects something) and `test`."""

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
    """str (M,): their ids."""
    test_split: str
    classes: int
    gaps: ClassGaps = field(default_factory=ClassGaps)
    """Classes that lack training or test videos."""


def read_features(path: Path) -> Features:
    """The features of one file."""
    with np.load(path, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    gaps = ClassGaps.parse(json.loads(str(values.pop("gaps", "{}"))))
    known = {"test_split": str(values["test_split"]), "classes": int(values["classes"]), "gaps": gaps}
    return Features(**{**values, **known})
