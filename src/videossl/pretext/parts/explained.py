"""How much of what a task predicts is explained by its predictions."""

from __future__ import annotations

from torch import Tensor

from videossl.analysis.statistics import ratio_interval


def explained_rows(what: str, error: Tensor, elsewhere: Tensor, variance: Tensor) -> list[dict[str, object]]:
    """Metrics rows: the explained fraction of the targets' variance, in all, and by the clip itself.

    In all: 1 is perfect, 0 is the constant prediction from which the variance is measured; there is no lower limit. A
    network that ignores the clip can exceed 0 by predicting what all videos have in common, such as a sky that is
    brighter below. By the clip: half of what is lost if another video is seen; 0 for such a network. Half, because
    another video costs the best possible prediction its variance twice: once as it no longer follows the clip, once as
    it follows another one. For the best prediction this is a part of the whole; worse ones may exceed it.

    Args:
        what: beginning of the metrics' names.
        error, elsewhere: (n,) each, mean squared errors of the videos, and those if another video is seen.
        variance: (n,), of the videos' targets.
    """
    error, elsewhere, variance = (values.double().cpu().numpy() for values in (error, elsewhere, variance))
    rows = []
    for name, part in (("explained_variance", variance - error), ("explained_by_clip", (elsewhere - error) / 2)):
        value, low, high = ratio_interval(part, variance)
        row = {"metric": f"{what}_{name}", "value": value, "n": len(part), "chance": 0.0}
        rows.append(row | {"ci_low": low, "ci_high": high})
    return rows
