"""Low-shot finetuning with all labels is the finetuning itself: its results are taken over, nothing is trained."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from videossl.common.results import IDENTITY, read_metrics, read_predictions, write_metrics, write_predictions
from videossl.evaluation.specs import LowShotSpec
from videossl.training.record import read_run, write_run


def take_over(
    spec: LowShotSpec, identity: dict[str, Any], *, metrics: Path, predictions: Path, record: Path, folder: Path
) -> None:
    """Write the results of a finetuning as those of low-shot finetuning with all labels.

    Args:
        spec: of the low-shot finetuning; its other settings are those of the finetuning.
        identity: the cell's identity columns.
        metrics, predictions, record: files of the finetuning.
        folder: the run folder.
    """
    start = time.monotonic()
    run = read_run(record)
    write_predictions(
        folder / "predictions.parquet", identity, read_predictions(predictions).drop(columns=list(IDENTITY))
    )
    write_metrics(folder / "metrics.parquet", identity, read_metrics(metrics).drop(columns=list(IDENTITY)))
    write_run(
        folder / "run.json",
        spec=spec,
        identity=identity,
        device=None,
        seconds=time.monotonic() - start,
        samples=run["samples"],
        classes=run.get("classes"),
        length=run.get("length"),
    )
    print(f"all labels: the results of the finetuning in {metrics.parent}", flush=True)
