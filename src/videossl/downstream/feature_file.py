"""The file of a target's features, as :func:`videossl.downstream.features.extract` writes it. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


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


def read_features(path: Path) -> Features:
    """The features of one file."""
    with np.load(path, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    return Features(**{**values, "test_split": str(values["test_split"]), "classes": int(values["classes"])})
