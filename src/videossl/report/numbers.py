"""How numbers are printed."""

from __future__ import annotations

from videossl.common.results import is_fraction
from videossl.study.titles import GAIN


def number(metric: str, value: float) -> str:
    """A value as printed.

    Fractions are printed as percent with one decimal, counts as integers, sizes and costs with two decimals, and others
    with three significant digits. Gains have a sign.
    """
    sign = "+" if metric.startswith(GAIN) else "-"  # "-": only that of negative values
    if is_fraction(metric):
        return f"{100 * value:{sign}z.1f}"  # z: avoids -0.0
    if metric in ("training_videos", "frames"):
        return f"{value:,.0f}"
    return f"{value:{sign}.2f}" if metric in ("parameters_millions", "gflops") else f"{value:{sign}.3g}"
