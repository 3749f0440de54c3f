"""Limits of a y axis that single outliers and wide intervals do not stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from videossl.report.tables import Entry

_FENCE = 3.0
"""Distance of an outlier from the nearer quartile, in interquartile ranges (Tukey's outer fence)."""
_STRETCH = 2.0
"""An axis is cut if outliers or intervals would make it more than this many times as long."""
_FEWEST = 5
_MARGIN = 0.08


@dataclass(frozen=True)
class Mark:
    """A number in a plot: its place along x, the factor from its value to the plotted number, and its colour."""

    at: float
    factor: float
    entry: Entry
    colour: str

    @property
    def value(self) -> float:
        """The plotted number."""
        return self.factor * self.entry.value

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of its interval, or the number twice."""
        low, high = self.entry.low, self.entry.high
        return (self.value, self.value) if low is None or high is None else (self.factor * low, self.factor * high)


def limits(values: Sequence[float], ends: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Limits that leave out what would stretch the axis; None if nothing would.

    Args:
        values: the plotted numbers.
        ends: their intervals, in the same order.
    """
    if len(values) < _FEWEST:
        return None
    found = np.asarray(values, dtype=float)
    first, third = np.percentile(found, [25, 75])
    reach = _FENCE * (third - first)
    near = (found >= first - reach) & (found <= third + reach)
    low, high = float(found[near].min()), float(found[near].max())
    span = high - low
    if span <= 0:
        return None
    all_low, all_high = min(one for one, _ in ends), max(one for _, one in ends)
    inner = [end for end, kept in zip(ends, near, strict=True) if kept]
    # An interval may be longer than the range of the values, but not by any length.
    wanted_low = max(min(one for one, _ in inner), low - span)
    wanted_high = min(max(one for _, one in inner), high + span)
    if all_high - all_low <= _STRETCH * (wanted_high - wanted_low):
        return None
    return wanted_low, wanted_high


def cut_outliers(axes: Sequence[Axes], drawn: Sequence[Sequence[Mark]]) -> None:
    """Limit the y axes, which show the same scale, and print the numbers that are outside at their edge.

    Args:
        drawn: the numbers in each of the axes.
    """
    marks = [mark for own in drawn for mark in own]
    found = limits([mark.value for mark in marks], [mark.ends for mark in marks])
    if found is None:
        return
    low, high = found
    margin = _MARGIN * (high - low)
    for ax, own in zip(axes, drawn, strict=True):
        bottom, top = ax.get_ylim()
        ax.set_ylim(max(bottom, low - margin), min(top, high + margin))
        bottom, top = ax.get_ylim()
        for mark in own:
            if not bottom <= mark.value <= top:
                above = mark.value > top
                ax.annotate(
                    f"{'↑' if above else '↓'} {mark.value:.0f}",
                    (mark.at, top if above else bottom),
                    (0, -2 if above else 2),
                    textcoords="offset points",
                    ha="center",
                    va="top" if above else "bottom",
                    fontsize=6,
                    color=mark.colour,
                )
