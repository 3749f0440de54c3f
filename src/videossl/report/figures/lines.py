"""Lines over the entry's `x`, one per value of `series`, with intervals and the paper's numbers.

At the paper's scale, its numbers are hollow markers in the same panel; at a reduced scale they have a separate panel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from videossl.report import layout, style
from videossl.report.collect import OK, Results
from videossl.report.figures import panels as shared
from videossl.report.figures.frame import finish
from videossl.report.figures.panels import Panel
from videossl.report.style import Look
from videossl.report.tables import NOT_ZERO, Entry

_PAPER_LINE = {"markersize": 5.5, "markerfacecolor": "white", "linewidth": 1, "linestyle": (0, (4, 2))}


def draw(results: Results) -> Figure:
    """Draw the figure."""
    figure, panels = shared.lay_out(results, layout.by_panel_axis(results), width=3.5)
    remarks = [remark for panel in panels for remark in draw_panel(panel)]
    return finish(figure, results, shared.sentences(results, remarks), legend(results))


def draw_panel(panel: Panel) -> list[str]:
    """Draw one panel; returns remarks for the notes."""
    # Evenly spaced, because milestones and subsets are treated as levels, not as quantities.
    positions = {value: float(place) for place, value in enumerate(layout.x_values(panel))}
    series = layout.values(panel.results, panel.spec.series)
    for index, name in enumerate(series):
        look = panel.spec.look(name, index)
        points = [(positions[x], entry) for x, entry in layout.entries(panel, name)]
        if not panel.paper:
            our_line(panel, points, look, aside=0.05 * (index - (len(series) - 1) / 2))
        if panel.paper or not panel.results.reduced:
            paper_line(panel, points, look)
    if not panel.paper:
        baseline(panel, positions)
        shared.draw_chance(panel)
    remarks = shared.label_x(panel, positions)
    panel.axes.grid(axis="x", visible=False)
    shared.finish_y(panel)
    return remarks


def our_line(panel: Panel, points: list[tuple[float, Entry]], look: Look, aside: float) -> None:
    """Draw values with intervals, slightly offset for each series so that error bars do not overlap."""
    done = [(at + aside, entry) for at, entry in points if entry.status == OK]
    if done:
        places, found = zip(*done, strict=True)
        factor = shared.scale(panel.results)
        kind = {"color": look.colour, "marker": look.marker, "markersize": 5.5, "linewidth": 1.6}
        bars = shared.errors(found, factor)
        panel.axes.errorbar(places, [factor * e.value for e in found], bars, capsize=2.5, elinewidth=1, **kind)
        for at, entry in done:
            panel.mark(at, entry, look.colour)
            if entry.is_marked:
                top = (at, factor * entry.high)
                panel.axes.annotate(NOT_ZERO, top, (0, 1), textcoords="offset points", ha="center", color=look.colour)


def paper_line(panel: Panel, points: list[tuple[float, Entry]], look: Look) -> None:
    theirs = [(at, shared.scale(panel.results) * entry.paper) for at, entry in points if entry.paper is not None]
    if theirs:
        panel.axes.plot(*zip(*theirs, strict=True), color=look.colour, marker=look.marker, **_PAPER_LINE)


def baseline(panel: Panel, positions: Mapping[Any, float]) -> None:
    """Draw the network without pretraining as a dashed line, in the series' colour if each series has its own.

    The line spans the panel, or connects the places along x if it differs between them.
    """
    for index, (series, found) in enumerate(layout.baselines(panel, list(positions))):
        look = None if series is None else panel.spec.look(series, index)
        colour = look.colour if look else style.BASELINE_COLOUR
        if [x for x, _ in found] == [None]:
            shared.reference_line(panel, found[0][1], colour)
            continue
        _baseline_along(panel, [(positions[x], entry) for x, entry in found if entry.status == OK], colour)


def _baseline_along(panel: Panel, points: list[tuple[float, Entry]], colour: str) -> None:
    factor = shared.scale(panel.results)
    heights = [factor * entry.value for _, entry in points]
    panel.axes.plot([at for at, _ in points], heights, color=colour, linestyle="--", **shared.REFERENCE)
    band = [(at, factor * e.low, factor * e.high) for at, e in points if e.low is not None and e.high is not None]
    if band:
        panel.axes.fill_between(*zip(*band, strict=True), color=colour, **shared.BAND)


def legend(results: Results) -> list[Line2D]:
    """One legend entry per series, with the number of missing cells."""
    spec, handles = results.spec, []
    for index, name in enumerate(layout.values(results, spec.series)):
        look = spec.look(name, index)
        cells = [r for r in results.records if not r.is_baseline and r.identity[spec.series] == name]
        text = spec.label(spec.series, name) + shared.missing(cells)
        handles.append(Line2D([], [], color=look.colour, marker=look.marker, linewidth=1.6, label=text))
    handles += shared.reference_handles(results)
    if results.has_paper_values:
        theirs = {"color": style.PAPER_COLOUR, "marker": "o", "label": "the paper's value"}
        handles.append(Line2D([], [], **theirs, **_PAPER_LINE))
    return handles
