"""Lines of a figure for a paper as small multiples: a panel per series, with the other series in grey behind it.

Panels share both axes. With a `panels` axis, each of its values has its own rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from videossl.report import layout, style
from videossl.report.collect import OK, Record, Results
from videossl.report.figures import lines
from videossl.report.figures import panels as shared
from videossl.report.figures.frame import finish, new, wrapped
from videossl.report.figures.limits import cut_outliers
from videossl.report.figures.panels import Panel
from videossl.report.notes import unit_line
from videossl.study import titles

_OTHERS = "#D4D4D4"
_NARROWEST, _HEIGHT = 1.1, 1.15
_LABEL_SIZE = style.PRINT_RC["axes.labelsize"]


def draw(results: Results) -> Figure:
    """Draw the figure."""
    groups = shared.with_values(results, layout.by_panel_axis(results))
    shown = {name: _series(results, records) for name, records in groups.items()}
    most = max(len(names) for names in shown.values())
    width = style.COLUMN_INCHES[results.columns]
    rows_of_group = math.ceil(most / int(width / _NARROWEST))
    columns = math.ceil(most / rows_of_group)
    figure = new(width, _HEIGHT * rows_of_group * len(groups) + 0.2)
    grid = figure.subplots(rows_of_group * len(groups), columns, squeeze=False, sharex=True, sharey=True)
    panels = []
    for at, (name, records) in enumerate(groups.items()):
        own = grid[at * rows_of_group : (at + 1) * rows_of_group].ravel()
        for ax, series in zip(own, shown[name], strict=False):
            panels.append(Panel(results, records, False, ax, width / columns - 0.35))
            _draw_panel(panels[-1], series, shown[name])
        for ax in own[len(shown[name]) :]:
            ax.set_axis_off()
        if name:
            own[0].set_ylabel(name)
    _finish_axes(figure, grid, panels)
    return finish(figure, results, [], _legend(results))


def _series(results: Results, records: Sequence[Record]) -> list[Any]:
    """Series with something to draw; all of them if there are none."""
    series, paper = results.spec.series, results.has_paper_values
    drawn = {
        r.identity[series] for r in records if not r.is_baseline and (r.status == OK or (paper and r.paper is not None))
    }
    order = layout.values(results, series)
    return [name for name in order if name in drawn] or order


def _draw_panel(panel: Panel, own: Any, all_series: Sequence[Any]) -> None:
    """Draw one series, and the others in grey."""
    spec, ax = panel.spec, panel.axes
    positions = {value: float(place) for place, value in enumerate(layout.x_values(panel))}
    everything = layout.values(panel.results, spec.series)
    for name in all_series:
        points = [(positions[x], entry) for x, entry in layout.entries(panel, name)]
        if name == own:
            look = spec.look(name, everything.index(name))
            lines.our_line(panel, points, look, aside=0.0)
            if panel.results.has_paper_values:
                lines.paper_line(panel, points, look)
            ax.set_title(spec.label(spec.series, name), loc="left", color=look.colour, fontweight="bold")
        else:
            done = [(at, shared.scale(panel.results) * entry.value) for at, entry in points if entry.status == OK]
            if done:
                ax.plot(*zip(*done, strict=True), color=_OTHERS, linewidth=1.1, zorder=0.5)
    lines.baseline(_of_series(panel, own), positions)
    shared.draw_chance(panel)
    ax.grid(axis="x", visible=False)
    ax.set_xticks(list(positions.values()), [spec.label(spec.x, x).partition(" (")[0] for x in positions])
    ax.set_xlim(-0.5, len(positions) - 0.5)
    sns.despine(ax=ax)


def _of_series(panel: Panel, own: Any) -> Panel:
    """The panel with the baseline of its own series alone, where each series has one."""
    series = panel.spec.series
    found = [r for r in panel.records if not r.is_baseline or r.identity[series] in (own, titles.BASELINE_TASK)]
    kept = found if any(r.is_baseline for r in found) else panel.records
    return Panel(panel.results, kept, False, panel.axes, panel.width)


def _finish_axes(figure: Figure, grid: np.ndarray, panels: Sequence[Panel]) -> None:
    """Label the outer axes only, and limit the shared y axis."""
    axes: list[Axes] = [panel.axes for panel in panels]
    spec = panels[0].spec
    if all(ax.dataLim.y0 >= 0 for ax in axes):
        axes[0].set_ylim(bottom=0)
    cut_outliers(axes, [panel.drawn for panel in panels])
    for place, ax in np.ndenumerate(grid):
        below = grid[place[0] + 1, place[1]] if place[0] + 1 < len(grid) else None
        if below is None or not below.axison:
            ax.tick_params(labelbottom=True)
    figure.supxlabel(titles.axis_label(spec.x), fontsize=_LABEL_SIZE)
    figure.supylabel(wrapped(unit_line(panels[0].results), figure.get_figheight(), _LABEL_SIZE), fontsize=_LABEL_SIZE)


def _legend(results: Results) -> list[Artist]:
    """What the panels' titles do not say: grey lines, reference lines and the paper's values."""
    handles: list[Artist] = [Line2D([], [], color=_OTHERS, linewidth=1.1, label="the others")]
    handles += shared.reference_handles(results)
    if results.has_paper_values:
        theirs = {"marker": "o", "markerfacecolor": "white", "linestyle": (0, (4, 2)), "linewidth": 1}
        handles.append(Line2D([], [], color=style.PAPER_COLOUR, markersize=5.5, label="the paper's value", **theirs))
    return handles
