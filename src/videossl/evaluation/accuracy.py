"""Predictions, accuracies with confidence intervals, and video counts from logits.

Does not import torch: importing it takes longer than some protocols need for their work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from videossl.analysis.statistics import wilson_interval
from videossl.data.classes import ClassGaps
from videossl.data.manifest import Target
from videossl.data.notes import tell


def predict(videos: pd.DataFrame, split: str, logits: np.ndarray, clips: int) -> pd.DataFrame:
    """Predictions from logits: one row per video with label, prediction and the softmax probability of the label.

    `videos`: rows of a manifest.
    """
    labels = videos["label"].to_numpy()
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "split": split,
            "video": videos["id"],
            "label": labels,
            "prediction": logits.argmax(axis=1),
            "correct": logits.argmax(axis=1) == labels,
            "probability_label": probabilities[np.arange(len(labels)), labels],
            "clips": clips,
        }
    )


def accuracies(predictions: pd.DataFrame, logits: np.ndarray, split: str) -> list[dict[str, Any]]:
    """Metrics rows: top-1 accuracy, and top-5 if there are more than 5 classes, with 95 % Wilson intervals.

    Chance is the accuracy of guessing among the classes with test videos; classes without test videos do not count.
    """
    n, classes = logits.shape
    tested = predictions["label"].nunique()
    ranks = (logits > logits[np.arange(n), predictions["label"]][:, None]).sum(axis=1)
    # The top-1 hit follows the prediction, so a label that only ties with the predicted class is not a hit.
    hits = {1: int(predictions["correct"].sum()), 5: int((ranks < 5).sum())}
    rows = []
    for k in (k for k in hits if k < classes):
        low, high = wilson_interval(hits[k], n)
        interval = {"ci_low": low, "ci_high": high, "chance": min(1.0, k / tested)}
        rows.append({"split": split, "metric": f"top{k}", "value": hits[k] / n, "n": n, **interval})
    return rows


def video_counts(target: Target) -> list[dict[str, Any]]:
    """Metrics rows: number of videos of each split that were used, missing and broken."""
    rows = []
    for name, verb, split, used in (
        ("test", "evaluated", target.test_split, len(target.test)),
        ("train", "trained", "train", len(target.train)),
    ):
        counts = {verb: used, **{status: target.unreadable[f"{name}_{status}"] for status in ("missing", "broken")}}
        listed = sum(counts.values())
        rows += [
            {"split": split, "metric": f"videos_{kind}", "value": float(count), "n": listed}
            for kind, count in counts.items()
        ]
    return rows


def report(target: Target, rows: list[dict[str, Any]]) -> None:
    """Log the accuracies and video counts. `rows`: metrics rows, including top-1."""
    top1 = next(row for row in rows if row["metric"] == "top1")
    value, low, high, chance = (100 * top1[key] for key in ("value", "ci_low", "ci_high", "chance"))
    print(
        f"top-1 {value:.1f} % [{low:.1f}, {high:.1f}] on {top1['n']} {top1['split']} videos (chance {chance:.1f} %),"
        f" trained on {len(target.train)}; videos that could not be read: "
        + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in target.unreadable.items()),
        flush=True,
    )
    report_gaps(target.gaps)


def report_gaps(gaps: ClassGaps) -> None:
    """Log the classes that have no videos."""
    if text := gaps.summary():
        tell(text)
