"""How numbers are printed."""

from __future__ import annotations

from videossl.common.results import is_fraction


def number(metric: str, value: float) -> str:
    """A value as printed.

    Fractions are printed as percent with one decimal, counts as integers, sizes and costs with two decimals, and others
    with three significant digits.
    """
    if is_fraction(metric):
        return f"{100 * value:z.1f}"  # z: avoids -0.0
    if metric in ("training_videos", "frames"):
        return f"{value:,.0f}"
    return f"{value:.2f}" if metric in ("parameters_millions", "gflops") else f"{value:.3g}"
