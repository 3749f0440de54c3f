"""Figures, one file per kind of plot. Only this package imports matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from videossl.common.errors import UserError, unknown_name
from videossl.report import layout, style
from videossl.report.collect import Results
from videossl.report.figures import bars, cka, distillation, lines, multiples, noise_samples, samples, scatter
from videossl.report.figures.fonts import families
from videossl.report.figures.frame import save
from videossl.report.render import DATA_SUFFIXES, write_data
from videossl.report.renderings import PAPER

_FEW_LINES, _FEW_BARS = 3, 4
FIGURE_SUFFIXES = (*DATA_SUFFIXES, ".png", ".pdf")
_DRAW: dict[str, Callable[[Results], Figure]] = {
    "lines": lambda results: (multiples if _has_many_lines(results) else lines).draw(results),
    "bars": bars.draw,
    "scatter": scatter.draw,
    "distillation": distillation.draw,
    "cka": cka.draw,
    "samples": samples.draw,
    "noise_samples": noise_samples.draw,
}


def _has_many_lines(results: Results) -> bool:
    """Whether it is a figure for a paper with so many lines that each has a panel of its own."""
    return bool(results.columns) and len(layout.values(results, results.spec.series)) > _FEW_LINES


def settings(columns: int = 0) -> dict[str, Any]:
    """matplotlib settings of all figures; `columns`: of a figure for a paper."""
    printed = style.PRINT_RC if columns else {}
    return sns.axes_style("whitegrid") | style.FIGURE_RC | printed | {"font.family": families()}


def draw(results: Results) -> Figure:
    """Draw the figure of an entry."""
    with mpl.rc_context(settings(results.columns)):
        return _DRAW[results.spec.plot](results)


def for_paper(results: Results, columns: int | None = None) -> Results:
    """The results for a figure without title and notes, as wide as one or two columns of a page.

    Args:
        columns: default: those of the entry, else one for a plot of a single panel with few lines or bars.
    """
    spec = results.spec
    if columns is None and spec.columns_in_paper is None:
        small = spec.plot in ("lines", "bars", "scatter") and not spec.panels
        count = len(layout.values(results, spec.series)) if small else 0
        few = _FEW_LINES if spec.plot == "lines" else _FEW_BARS
        columns = 1 if small and (spec.plot == "scatter" or count <= few) else 2
    return replace(results, columns=columns or spec.columns_in_paper)


def write_figure(results: Results, paths: list[Path], columns: int | None = None) -> None:
    """Draw the figure and write it to each path, in the format of its suffix (FIGURE_SUFFIXES).

    Images in a folder called PAPER are drawn for a paper; with `columns` all of them are, in that width.
    """
    for path in paths:
        if path.suffix not in FIGURE_SUFFIXES:
            raise unknown_name("figure format", path.suffix, FIGURE_SUFFIXES, str(path))
        if path.suffix in DATA_SUFFIXES and not results.records:
            raise UserError(f"{path}: a figure of videos has no numbers; its formats are .png and .pdf.")
    for path in paths:
        if path.suffix in DATA_SUFFIXES:
            write_data(results, path)
    images = [path for path in paths if path.suffix not in DATA_SUFFIXES]
    printed = [path for path in images if columns or path.parent.name == PAPER]
    if plain := [path for path in images if path not in printed]:
        _save(results, plain)
    if printed:
        _save(for_paper(results, columns), printed)


def _save(results: Results, paths: list[Path]) -> None:
    with mpl.rc_context(settings(results.columns)):  # also applies to saving: fonts of a PDF
        figure = draw(results)
        for path in paths:
            save(figure, results, path)
