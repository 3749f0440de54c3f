"""Whether the curve of a training has flattened, or the training ended too early to say how good it can become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

TOLERANCE = 0.05
"""Largest part of the whole drop of the loss that may fall on the last quarter of a flattened training."""
FLATTENED = "flattened"
"""Metric: 1 if the curve has flattened, else 0."""
LAST_QUARTER, THIRD_QUARTER = "last_quarter_top1", "third_quarter_top1"
"""Metrics: training accuracy, mean over the epochs of a quarter of the training."""
CURVE_METRICS = (FLATTENED, LAST_QUARTER, THIRD_QUARTER)


def curve_metrics(epochs: Sequence[Mapping[str, Any]], length: int) -> list[dict[str, Any]]:
    """Metrics rows of a training's curve: `flattened`, and the training accuracies of its last two quarters.

    Flattened means: the mean loss of the last quarter of the epochs is at most 5 % below that of the quarter before,
    relative to the whole drop, that is to the difference of the first and the last quarter. A loss that has not dropped
    at all has not flattened: nothing is learned. Quarters and not shorter parts, because a learning rate that decays to
    0 flattens the end of any curve.

    Args:
        epochs: entries of the history (`epoch`, `loss`, `top1`, `samples`).
        length: number of epochs of the training.

    Returns:
        No rows for a training of fewer than 4 epochs, or if the history lacks some.
    """
    if length < 4 or [entry["epoch"] for entry in epochs] != list(range(1, length + 1)):
        return []
    quarters = [epochs[length * place // 4 : length * (place + 1) // 4] for place in range(4)]
    loss, top1 = ([fmean(entry[name] for entry in quarter) for quarter in quarters] for name in ("loss", "top1"))
    samples = [sum(entry["samples"] for entry in quarter) for quarter in quarters]
    rows = ((FLATTENED, float(has_flattened(loss)), 3), (LAST_QUARTER, top1[3], 3), (THIRD_QUARTER, top1[2], 2))
    return [{"split": "train", "metric": name, "value": value, "n": samples[at]} for name, value, at in rows]


def has_flattened(loss: Sequence[float]) -> bool:
    """Whether a curve has flattened, from the mean losses of its four quarters."""
    drop = loss[0] - loss[3]
    return drop > 0 and loss[2] - loss[3] <= TOLERANCE * drop
