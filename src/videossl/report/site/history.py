"""Training curve of a run, short enough to be embedded in the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videossl.training.history import read_epochs

POINTS = 80
"""Maximum number of points of a curve."""
_NOT_DRAWN = ("epoch", "samples", "seconds")


def read_curve(folders: Sequence[Path]) -> dict[str, list[float]]:
    """Epochs and series (loss, learning rate, the task's scalars) of runs that continue each other.

    Skips damaged and partially written lines. A long history is thinned to POINTS epochs, including the last; {}
    without a history.
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
    """Rounded to four significant digits, enough for a curve."""
    return float(f"{value:.4g}") if isinstance(value, int | float) and value == value else None
