"""Accuracy over size or cost of the network, with a point per network and value of `series`.

Colours show the series, markers the backbone. The paper's numbers are hollow.
"""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from videossl.report import layout, style
from videossl.report.collect import OK, Record, Results
from videossl.report.figures import panels as shared
from videossl.report.figures.frame import finish
from videossl.report.figures.panels import Panel
from videossl.report.notes import unit_line
from videossl.study import titles

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p")
_SIZE = 6.5
_ASIDE = 0.045
"""Offset between series in decades, so that the points of a network do not overlap."""


def draw(results: Results) -> Figure:
    """Draw the figure."""
    costs, accuracies = layout.costs_and_accuracies(results)
    markers = _markers(accuracies)
    figure, panels = shared.lay_out(accuracies, layout.by_panel_axis(accuracies), width=4.0, height=3.2)
    for panel in panels:
        _draw_panel(panel, costs, markers)
    remarks = ["The points of a network stand slightly aside of one another, so that all can be seen."]
    return finish(figure, results, shared.sentences(accuracies, remarks), _legend(accuracies, markers))


def _markers(results: Results) -> dict[str, str]:
    """Marker of each backbone."""
    names = layout.values(results, "backbone")
    return {name: _MARKERS[index % len(_MARKERS)] for index, name in enumerate(names)}


def _draw_panel(panel: Panel, costs: list[Record], markers: dict[str, str]) -> None:
    ax = panel.axes
    series = layout.values(panel.results, panel.spec.series)
    for index, name in enumerate(series):
        colour = panel.spec.look(name, index).colour
        aside = 10 ** (_ASIDE * (index - (len(series) - 1) / 2))
        for backbone, cost, entry in layout.points(panel, name, costs):
            kind = {"marker": markers[backbone], "markersize": _SIZE, "linestyle": "none"}
            factor = shared.scale(panel.results)
            if not panel.paper and cost.value is not None and entry.status == OK:
                bars = shared.errors([entry], factor)
                colours = {"color": colour, "markeredgecolor": "white", "markeredgewidth": 0.6}
                panel.mark(aside * cost.value, entry, colour)
                ax.errorbar([aside * cost.value], [factor * entry.value], bars, elinewidth=0.8, **colours, **kind)
            if (panel.paper or not panel.results.reduced) and cost.paper is not None and entry.paper is not None:
                hollow = {"color": colour, "markerfacecolor": "none", "zorder": 5}
                larger = {"markersize": _SIZE + (0 if panel.paper else 3)}  # drawn around our marker
                ax.plot([aside * cost.paper], [factor * entry.paper], **kind | hollow | larger)
    if not panel.paper:
        shared.draw_chance(panel)
    _finish_x(panel, costs)
    shared.finish_y(panel, unit_line(panel.results))


def _finish_x(panel: Panel, costs: list[Record]) -> None:
    """Set a logarithmic axis that covers the costs of all networks, equal in every panel."""
    ax, shown = panel.axes, {record.identity["backbone"] for record in panel.records}
    own = [record for record in costs if record.identity["backbone"] in shown]
    found = [value for record in own for value in (record.value, record.paper) if value is not None]
    if found:
        ax.set_xscale("log")
        ax.set_xlim(min(found) / 1.6, max(found) * 1.6)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_xticks([])
    name = titles.label("metric", panel.spec.x_metric)
    ax.set_xlabel(f"{name[:1].upper()}{name[1:]} of the network at full width")


def _legend(results: Results, markers: dict[str, str]) -> list[Line2D]:
    """Legend entries: colours of the series, markers of the backbones."""
    spec, handles = results.spec, []
    for index, name in enumerate(layout.values(results, spec.series)):
        cells = [r for r in results.records if not r.is_baseline and r.identity[spec.series] == name]
        colour = spec.look(name, index).colour
        text = spec.label(spec.series, name) + shared.missing(cells)
        handles.append(Line2D([], [], color=colour, marker="s", markersize=8, linestyle="none", label=text))
    for backbone, marker in markers.items():
        kind = {"marker": marker, "markersize": _SIZE, "linestyle": "none", "label": spec.label("backbone", backbone)}
        handles.append(Line2D([], [], color="#444444", **kind))
    handles += shared.reference_handles(results)
    if results.has_paper_values:
        hollow = {"marker": "o", "markersize": _SIZE, "markerfacecolor": "white", "linestyle": "none"}
        handles.append(Line2D([], [], color=style.PAPER_COLOUR, label="the paper's value", **hollow))
    return handles
