"""The training curve of a run, short enough to be embedded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videossl.training.history import read_epochs

POINTS = 80
"""As many points of a curve are kept."""
_NOT_DRAWN = ("epoch", "samples", "seconds")


def read_curve(folders: Sequence[Path]) -> dict[str, list[float]]:
    """Epochs and series (loss, learning rate, the task's own scalars) of runs that continue each other.

    Lines that a kill left half written, or that are damaged, are passed over. A long history is thinned to POINTS
    epochs, the last among them; {} without one.
    """
    lines = [line for folder in folders for line in read_epochs(folder / "train.jsonl")[0]]
    if not lines:
        return {}
    keep = sorted({round(i * (len(lines) - 1) / (POINTS - 1)) for i in range(POINTS)}) if len(lines) > POINTS else None
    lines = [lines[i] for i in keep] if keep else lines
    names = [name for name in dict.fromkeys(key for line in lines for key in line) if name not in _NOT_DRAWN]
    series = {name: [_short(line.get(name)) for line in lines] for name in names}
    return {"epoch": [line["epoch"] for line in lines], **series}


def _short(value: Any) -> float | None:
    """Four digits are more than a curve shows."""
    return float(f"{value:.4g}") if isinstance(value, int | float) and value == value else None
