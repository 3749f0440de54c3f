"""Grouped bars: a group per value of `x` and a bar per value of `series`, with intervals and the paper's numbers.

At the paper's scale, its numbers are hollow diamonds on the bars; at a reduced scale, hollow bars in a separate panel.
A missing cell is shown as a word ("pending" or "failed") instead of a bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from videossl.report import layout, style
from videossl.report.collect import FAILED, OK, PENDING, Record, Results
from videossl.report.figures import panels as shared
from videossl.report.figures.frame import finish
from videossl.report.figures.panels import Panel
from videossl.report.tables import Entry

GROUP_WIDTH = 0.8
_PAPER_MARK = {"marker": "D", "markersize": 5, "markerfacecolor": "white", "linestyle": "none"}
_HOLLOW = {"facecolor": "white", "linewidth": 1.4, "hatch": "////"}


@dataclass(frozen=True)
class Bar:
    """One bar of a group."""

    entry: Entry
    colour: str


def draw(results: Results) -> Figure:
    """Draw the figure."""
    spec = results.spec
    colours = {value: spec.look(value, i).colour for i, value in enumerate(layout.values(results, spec.series))}
    bars = len(colours) * len(layout.values(results, results.spec.x))
    figure, panels = shared.lay_out(results, layout.by_panel_axis(results), width=width_for(bars))
    remarks = [remark for panel in panels for remark in _draw_panel(panel, colours)]
    return finish(figure, results, shared.sentences(results, remarks), _legend(results, colours))


def width_for(bars: int) -> float:
    """Width in inches of a panel with this number of bars."""
    return min(max(3.2, 0.8 + 0.17 * bars), 6.5)


def _draw_panel(panel: Panel, colours: Mapping[Any, str]) -> list[str]:
    """Draw one panel; returns remarks for the notes."""
    positions = {value: float(place) for place, value in enumerate(layout.x_values(panel))}
    by_series = {name: dict(layout.entries(panel, name)) for name in colours}
    groups = [[Bar(by_series[name].get(x, Entry()), colour) for name, colour in colours.items()] for x in positions]
    draw_groups(panel, list(positions.values()), groups)
    if not panel.paper:
        _baseline(panel, positions, list(colours))
        shared.draw_chance(panel)
    remarks = shared.label_x(panel, positions)
    shared.finish_y(panel)
    return remarks


def draw_groups(panel: Panel, positions: Sequence[float], groups: Sequence[Sequence[Bar]]) -> None:
    """Draw the bars of each group, centred on the group's position."""
    panel.axes.grid(axis="x", visible=False)
    panel.axes.set_axisbelow(True)
    for position, group in zip(positions, groups, strict=True):
        for bar, at in zip(group, places(position, len(group)), strict=True):
            if panel.paper:
                _paper_bar(panel, bar, at, GROUP_WIDTH / len(group))
            else:
                _our_bar(panel, bar, at, GROUP_WIDTH / len(group))


def places(position: float, count: int) -> list[float]:
    """Centres of the bars of a group."""
    width = GROUP_WIDTH / count
    return [position + width * (index - (count - 1) / 2) for index in range(count)]


def _our_bar(panel: Panel, bar: Bar, at: float, width: float) -> None:
    ax, entry, factor = panel.axes, bar.entry, shared.scale(panel.results)
    if entry.status == OK:
        whiskers = None
        if entry.low is not None and entry.high is not None:
            whiskers = shared.errors([entry], factor)
        kind = {"color": bar.colour, "edgecolor": "white", "linewidth": 0.6}
        panel.mark(at, entry, bar.colour)
        ax.bar(at, factor * entry.value, 0.94 * width, yerr=whiskers, capsize=2, error_kw={"elinewidth": 0.9}, **kind)
    elif entry.status in (PENDING, FAILED):
        word = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": 6.5, "color": "#666666"}
        # At the bottom of the axes, at the position of the missing bar.
        ax.annotate(entry.main, (at, 0), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points", **word)
    if entry.paper is not None and not panel.results.reduced:
        ax.plot([at], [factor * entry.paper], color=style.PAPER_COLOUR, zorder=5, **_PAPER_MARK)


def _paper_bar(panel: Panel, bar: Bar, at: float, width: float) -> None:
    if bar.entry.paper is not None:
        height = shared.scale(panel.results) * bar.entry.paper
        panel.axes.bar(at, height, 0.86 * width, edgecolor=bar.colour, **_HOLLOW)


def _baseline(panel: Panel, positions: Mapping[Any, float], series: list[Any]) -> None:
    """Draw the network without pretraining as a dashed line across all bars that share it."""
    for name, found in layout.baselines(panel, list(positions)):
        for x, entry in found:
            if name is None and x is None:
                shared.reference_line(panel, entry, style.BASELINE_COLOUR)
            elif entry.status == OK:
                for position in positions.values() if x is None else [positions[x]]:
                    _level(panel, entry, *_span(position, series, name))


def _span(position: float, series: list[Any], name: Any) -> tuple[float, float]:
    """Ends of a group, or of one of its bars."""
    middles = places(position, len(series))
    half = GROUP_WIDTH / len(series) / 2
    first, last = (middles[0], middles[-1]) if name is None else (middles[series.index(name)],) * 2
    return first - half, last + half


def _level(panel: Panel, entry: Entry, left: float, right: float) -> None:
    factor = shared.scale(panel.results)
    height = factor * entry.value
    if entry.low is not None and entry.high is not None:
        band = shared.BAND | {"alpha": 0.15, "zorder": 3}  # on top of the bar
        panel.axes.fill_between(
            [left, right], factor * entry.low, factor * entry.high, color=style.BASELINE_COLOUR, **band
        )
    kind = {"color": style.BASELINE_COLOUR, "linestyle": (0, (3, 1.5)), "linewidth": 1.4, "zorder": 4}
    panel.axes.plot([left, right], [height, height], **kind)


def _legend(results: Results, colours: Mapping[Any, str]) -> list[Artist]:
    """One legend entry per series, with the number of missing cells."""
    handles: list[Artist] = []
    for name, colour in colours.items():
        cells = [r for r in results.records if not r.is_baseline and r.identity[results.spec.series] == name]
        handles.append(handle(results.spec.label(results.spec.series, name), colour, cells))
    return [*handles, *shared.reference_handles(results), *paper_handle(results)]


def handle(text: str, colour: str, cells: Sequence[Record]) -> Patch:
    """Legend entry of a series."""
    return Patch(facecolor=colour, label=text + shared.missing(cells))


def paper_handle(results: Results) -> list[Artist]:
    """Legend entry of the paper's values, if there are any."""
    if not results.has_paper_values:
        return []
    if results.reduced:
        return [Patch(edgecolor=style.PAPER_COLOUR, label="the paper's value", **_HOLLOW)]
    return [Line2D([], [], color=style.PAPER_COLOUR, label="the paper's value", **_PAPER_MARK)]
