"""Lays out tables and figures before any job runs, to report layout errors early.

Uses the code of the renderers, on cells without numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from videossl.common.errors import UserError
from videossl.report import layout
from videossl.report.collect import Results, collect
from videossl.report.document import Document
from videossl.report.entry import entry_of
from videossl.report.paper import read_paper_values
from videossl.report.scale import reduced_note
from videossl.report.spec import Spec
from videossl.report.tables import merge
from videossl.study.study import Study


def check_layouts(study: Study) -> None:
    """Lay out every entry of the study that has cells. Raises UserError with all errors and their places."""
    values = read_paper_values(study.config.paper_values)
    problems = []
    for name, entry in study.entries.items():
        try:
            spec = Spec.parse(entry_of(study, name))
            if not entry.datasets:  # a figure of videos has no numbers
                lay_out(study, spec, values, reduced_note(study, name))
        except UserError as error:
            problems.append(f"{study.place_of(name)}: {error}")
    if problems:
        raise UserError("\n".join(problems))


def lay_out(study: Study, spec: Spec, values: pd.DataFrame, reduced: str) -> None:
    """Lay out one entry. Any error raised here would also occur when the entry is rendered."""
    cells = [
        {
            **cell.identity,
            "run_dir": cell.path,
            "metrics": "",
            "views": views,
            "partners": [other.path for other in cell.partners],
        }
        for cell, views in study.views_of[spec.name].items()
    ]
    results = collect(spec, cells, values, reduced=reduced, read=False)
    if spec.kind == "table":
        Document.of(results).notes()
    else:
        FIGURES[spec.plot](results)


def _series_over_x(results: Results) -> None:
    """Lay out lines or bars."""
    for view in layout.views(results, layout.by_panel_axis(results)):
        along = layout.x_values(view)
        for series in layout.values(results, view.spec.series):
            layout.entries(view, series)
        if not view.paper:
            list(layout.baselines(view, along))


def _scatter(results: Results) -> None:
    costs, accuracies = layout.costs_and_accuracies(results)
    for view in layout.views(accuracies, layout.by_panel_axis(accuracies)):
        for series in layout.values(accuracies, view.spec.series):
            list(layout.points(view, series, costs))


def _distillation(results: Results) -> None:
    parts = layout.by_part(results)
    for number, records in parts.items():
        for view in layout.views(results, {number: records}):
            layout.students_with_teachers(view, results.spec.parts[number])


def _maps(results: Results) -> None:
    for records in layout.by_panel_axes(results).values():
        merge(results.spec, records)


FIGURES: dict[str, Callable[[Results], None]] = {
    "lines": _series_over_x,
    "bars": _series_over_x,
    "scatter": _scatter,
    "distillation": _distillation,
    "cka": _maps,
}
"""Layout function of each kind of plot of numbers."""
