"""Summary of a run's predictions: accuracy per class, the most frequent confusions, and the surest errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from videossl.common.intact import read_frame
from videossl.report.site.mistakes import surest_errors

CLASSES = 12
"""Maximum number of listed classes; of more classes, the best and the worst half as many each."""
CONFUSED = 6
COLUMNS = ["video", "label", "prediction", "correct", "probability_label", "noise"]


def class_names(manifest: Path) -> dict[int, str]:
    """Class names of a dataset by label; {} without a manifest."""
    if not manifest.exists():
        return {}
    frame = read_frame(manifest, columns=["label", "label_name"]).drop_duplicates("label")
    return dict(zip(frame["label"].astype(int), frame["label_name"].astype(str), strict=True))


def summary(path: Path, names: dict[int, str]) -> dict[str, Any]:
    """Number of correct and of all predictions, [class, correct, total] per class, the most frequent errors as
    [class, predicted class, count], and the surest ones (:func:`videossl.report.site.mistakes.surest_errors`).

    If there are noisy predictions, the summary covers all noises and severities and excludes clean ones. {} without a
    file.
    """
    if not path.exists():
        return {}
    frame = read_frame(path, columns=COLUMNS)
    if (frame["noise"] != "").any():
        frame = frame[frame["noise"] != ""]
    named = {label: names.get(label, f"class {label}") for label in {*frame["label"], *frame["prediction"]}}
    counts = frame.groupby("label")["correct"].agg(["sum", "count"])
    counts["share"] = counts["sum"] / counts["count"]
    counts = counts.sort_values(["share", "count"], ascending=False, kind="stable")
    shown = counts if len(counts) <= CLASSES else pd.concat([counts.head(CLASSES // 2), counts.tail(CLASSES // 2)])
    wrong = frame[~frame["correct"]].groupby(["label", "prediction"]).size()
    wrong = wrong.sort_values(ascending=False, kind="stable").head(CONFUSED)
    return {
        "correct": int(frame["correct"].sum()),
        "n": len(frame),
        "noisy": bool((frame["noise"] != "").any()),
        "classes": [[named[label], int(row["sum"]), int(row["count"])] for label, row in shown.iterrows()],
        "left_out": len(counts) - len(shown),
        "confused": [[named[label], named[other], int(count)] for (label, other), count in wrong.items()],
        "wrong": surest_errors(frame, named),
    }
