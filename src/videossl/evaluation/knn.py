"""k-NN classification on the features of a frozen backbone: test videos get the class of similar training videos."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from videossl.common.results import write_metrics, write_predictions
from videossl.data.feature_file import read_features
from videossl.evaluation.accuracy import accuracies, predict, report_gaps
from videossl.evaluation.specs import KNNSpec
from videossl.training.record import write_run

CHUNK = 1024
"""Queries per chunk: only the similarities of one chunk are held in memory."""


def nearest_neighbours(spec: KNNSpec, identity: dict[str, Any], *, features: Path, folder: Path) -> None:
    """Classify every test video by its nearest training videos; writes metrics, predictions and `run.json` to `folder`.

    The vote of Wu et al. 2018 (Unsupervised feature learning via non-parametric instance discrimination, section 3.4),
    which DINO also uses (Caron et al. 2021): the k training videos of highest cosine similarity vote for their class
    with the weight exp(similarity / temperature). k is `spec.neighbours`, without unit; the temperature has the unit of
    a cosine, which has none. A target with fewer training videos than `spec.neighbours` uses all of them.

    Nothing is selected, so the validation videos vote as well. There is no top-5 accuracy: k neighbours need not have
    five classes, and classes without a vote have no order.
    """
    start = time.monotonic()
    data = read_features(features)
    shares = vote(data.test, data.train, data.train_labels, data.classes, spec.neighbours, spec.temperature)
    logits = np.log(np.maximum(shares, np.finfo(np.float64).tiny))  # their softmax is the share of the votes
    videos = pd.DataFrame({"id": data.test_videos, "label": data.test_labels})
    predictions = predict(videos, data.test_split, logits, spec.features.test_clips)
    rows = [row for row in accuracies(predictions, logits, data.test_split) if row["metric"] == "top1"]
    used = min(spec.neighbours, len(data.train))
    write_predictions(folder / "predictions.parquet", identity, predictions)
    write_metrics(folder / "metrics.parquet", identity, rows)
    write_run(
        folder / "run.json",
        spec=spec,
        identity=identity,
        device=None,
        seconds=time.monotonic() - start,
        samples={"train": len(data.train), "test": len(data.test), "neighbours": used},
        classes=data.gaps.as_json(),
    )
    report_gaps(data.gaps)
    print(
        f"top-1 {100 * rows[0]['value']:.1f} % on {len(data.test)} {data.test_split} videos by {used} of"
        f" {len(data.train)} training videos",
        flush=True,
    )


def vote(
    queries: np.ndarray, train: np.ndarray, labels: np.ndarray, classes: int, neighbours: int, temperature: float
) -> np.ndarray:
    """Share of each class in the weighted vote of the nearest training videos.

    Args:
        queries, train: features (Q, D) and (N, D).
        labels: classes (N,) of the training videos.
        classes: number C of classes.
        neighbours: number of voting training videos; all if there are fewer.
        temperature: a neighbour of cosine similarity s has the weight exp(s / temperature).

    Returns:
        (Q, C) float64; each row adds up to 1.
    """
    neighbours, gallery, found = min(neighbours, len(train)), _normalised(train).T, []
    for begin in range(0, len(queries), CHUNK):
        similarities = _normalised(queries[begin : begin + CHUNK]) @ gallery
        nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :neighbours]
        near = np.take_along_axis(similarities, nearest, axis=1)
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / temperature)  # a common factor; no overflow
        votes = np.zeros((len(nearest), classes))
        np.add.at(votes, (np.arange(len(nearest))[:, None], labels[nearest]), weights)
        found.append(votes / votes.sum(axis=1, keepdims=True))
    return np.concatenate(found)


def _normalised(features: np.ndarray) -> np.ndarray:
    """Rows of length 1, float64; a row of zeros stays as it is."""
    rows = features.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(np.float64).tiny)
