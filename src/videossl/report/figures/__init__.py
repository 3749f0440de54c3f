"""Figures, one file per kind of plot. Only this package imports matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from videossl.common.errors import UserError, unknown_name
from videossl.report import style
from videossl.report.collect import Results
from videossl.report.figures import bars, cka, distillation, lines, noise_samples, samples, scatter
from videossl.report.figures.fonts import families
from videossl.report.figures.frame import save
from videossl.report.render import DATA_SUFFIXES, write_data

FIGURE_SUFFIXES = (*DATA_SUFFIXES, ".png", ".pdf")
_DRAW: dict[str, Callable[[Results], Figure]] = {
    "lines": lines.draw,
    "bars": bars.draw,
    "scatter": scatter.draw,
    "distillation": distillation.draw,
    "cka": cka.draw,
    "samples": samples.draw,
    "noise_samples": noise_samples.draw,
}


def settings() -> dict[str, Any]:
    """matplotlib settings of all figures."""
    return sns.axes_style("whitegrid") | style.FIGURE_RC | {"font.family": families()}


def draw(results: Results) -> Figure:
    """Draw the figure of an entry."""
    with mpl.rc_context(settings()):
        return _DRAW[results.spec.plot](results)


def write_figure(results: Results, paths: list[Path]) -> None:
    """Draw the figure and write it to each path, in the format of its suffix (FIGURE_SUFFIXES)."""
    for path in paths:
        if path.suffix not in FIGURE_SUFFIXES:
            raise unknown_name("figure format", path.suffix, FIGURE_SUFFIXES, str(path))
        if path.suffix in DATA_SUFFIXES and not results.records:
            raise UserError(f"{path}: a figure of videos has no numbers; its formats are .png and .pdf.")
    with mpl.rc_context(settings()):  # also applies to saving: fonts of a PDF
        figure = draw(results)
        for path in paths:
            if path.suffix in DATA_SUFFIXES:
                write_data(results, path)
            else:
                save(figure, results, path)
