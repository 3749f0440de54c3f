"""Maps of CKA, the similarity of all layers of two networks, or of one network with itself; one map per panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from videossl.report import layout
from videossl.report.cka_map import Map, read_map
from videossl.report.collect import OK, Record, Results
from videossl.report.figures import panels as shared
from videossl.report.figures.frame import finish, new, wrapped
from videossl.report.tables import merge
from videossl.study.titles import axis_label

_SIDE, _MOST_COLUMNS, _MOST_TICKS = 1.75, 4, 16
_UNDEFINED = "#BBBBBB"
_LONGEST_NAME = 16
_NOTES = (
    "CKA of the activations of the layers, in the order in which they fire, from the input (lower left) on. A tick"
    " stands at the first layer of the module that it names; modules with few layers have none.",
    "Grey: not defined (a layer whose output hardly differs between videos). Estimates outside 0 to 1, which the"
    " unbiased estimator can give, have the colour of that end.",
)


def draw(results: Results) -> Figure:
    """Draw the figure."""
    if results.columns:
        results = _without_empty(results)
    places, rows, columns = _arrange(results)
    names = {place: _name(results, records[0]) for place, records in places.items()}
    lines = 1 + max(name.count("\n") for name in names.values())
    figure = new(columns * _SIDE + 1.7, rows * (_SIDE + 0.2 + 0.18 * lines) + 0.5)
    figure.get_layout_engine().set(h_pad=0.08)
    grid = figure.subplots(rows, columns, squeeze=False)
    maps: dict[tuple[int, int], Map] = {}
    for place, records in places.items():
        grid[place].set_title(names[place], loc="left", fontsize=9)
        merge(results.spec, records)  # raises if networks differ in more than the seed
        done = [record for record in records if record.status == OK]
        if done:
            maps[place] = read_map(done[0].run_dir)  # with several seeds, the first finished one
            draw_map(grid[place], maps[place], done[0].identity["against"])
        else:
            _draw_absence(grid[place], records[0])
    for place in np.ndindex(rows, columns):
        if place not in places:
            grid[place].remove()
    _label(grid, maps)
    _colour_bar(figure, [grid[place] for place in places])
    several = len({record.identity["seed"] for record in results.records}) > 1
    remarks = [*_NOTES, *(["Of several seeds the map is that of the first one that has finished."] if several else [])]
    return finish(figure, results, shared.sentences(results, remarks))


def _without_empty(results: Results) -> Results:
    """The results without the panels that have no map, unless none has one."""
    axes = results.spec.panels
    drawn = {tuple(r.identity[axis] for axis in axes) for r in results.records if r.status == OK}
    kept = tuple(r for r in results.records if tuple(r.identity[axis] for axis in axes) in drawn)
    return replace(results, records=kept) if kept else results


def _arrange(results: Results) -> tuple[dict[tuple[int, int], list[Record]], int, int]:
    """Records of each panel, and the numbers of rows and columns.

    With two `panels` axes, these are the rows and columns; with one, its values are wrapped into rows.
    """
    orders = [layout.values(results, axis) for axis in results.spec.panels]
    if len(orders) == 2:
        rows, columns = len(orders[0]), len(orders[1])
        where = {(a, b): (i, j) for i, a in enumerate(orders[0]) for j, b in enumerate(orders[1])}
    else:
        rows = math.ceil(len(orders[0]) / (_MOST_COLUMNS if results.columns != 1 else _MOST_COLUMNS // 2))
        columns = math.ceil(len(orders[0]) / rows)
        where = {(value,): divmod(index, columns) for index, value in enumerate(orders[0])}
    return {where[key]: records for key, records in layout.by_panel_axes(results).items()}, rows, columns


def _name(results: Results, record: Record) -> str:
    """Title of a panel: its values on the axes, on one line if they fit. Numbers include the axis's name."""
    spec = results.spec
    names = [(axis, spec.label(axis, record.identity[axis])) for axis in spec.panels]
    parts = [f"{axis_label(axis)} {name}" if name[0].isdigit() else name for axis, name in names]
    if wrapped(", ".join(parts), _SIDE, 9).count("\n"):
        return ",\n".join(parts).replace(" (", "\n(")
    return ", ".join(parts)


def draw_map(ax: Axes, shown: Map, against: str) -> None:
    """Draw a map with the names of its layers; `against`: description of the network on the x axis."""
    colours = mpl.colormaps["magma"].with_extremes(bad=_UNDEFINED)
    ax.imshow(shown.matrix, origin="lower", cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for axis, names in ((ax.yaxis, shown.rows), (ax.xaxis, shown.columns)):
        ticks = layer_ticks(names)
        axis.set_ticks(list(ticks), list(ticks.values()), fontsize=6.5)
    ax.set_ylabel("Layer", fontsize=8, labelpad=2)
    if against != "itself":
        ax.set_xlabel(f"Layer, {against.replace('_', ' ')}", fontsize=8, labelpad=2)
    ax.tick_params(axis="x", labelrotation=90)
    _square(ax)
    ax.tick_params(length=2, width=0.6, left=True, bottom=True)


def _draw_absence(ax: Axes, record: Record) -> None:
    """Draw an empty frame with the status of the missing map."""
    ax.set(xticks=[], yticks=[], facecolor="#F4F4F4")
    ax.text(0.5, 0.5, record.status, transform=ax.transAxes, ha="center", va="center", color="#444444")
    _square(ax)


def _square(ax: Axes) -> None:
    ax.grid(visible=False)
    ax.set_box_aspect(1)


def layer_ticks(names: Sequence[str], most: int = _MOST_TICKS) -> dict[int, str]:
    """Ticks of an axis of layers, at the first layer of each module.

    Modules are taken from the deepest level with at most `most` modules. If ticks would overlap, the module with more
    layers gets the tick.
    """
    short = [name.removeprefix("backbone.") for name in names]
    levels = [_starts(short, depth) for depth in range(1, 2 + max(name.count(".") for name in short))]
    chosen = max((level for level in levels if len(level) <= most), key=len, default=levels[0])
    sizes = dict(zip(chosen, np.diff([*chosen, len(names)]), strict=True))
    kept: list[int] = []
    for place in sorted(chosen, key=lambda place: (-sizes[place], place)):
        if all(abs(place - other) * most >= len(names) for other in kept):
            kept.append(place)
    return {place: _shortened(chosen[place]) for place in sorted(kept)}


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def _starts(names: Sequence[str], depth: int) -> dict[int, str]:
    """Start index of each run of layers whose names share the first `depth` parts, with this prefix."""
    prefixes = [".".join(name.split(".")[:depth]) for name in names]
    return {i: prefix for i, prefix in enumerate(prefixes) if i == 0 or prefixes[i - 1] != prefix}


def _label(grid: np.ndarray, maps: Mapping[tuple[int, int], Map]) -> None:
    """Omit labels that the panel to the left or the one below already shows."""
    for (row, column), shown in maps.items():
        left, below = maps.get((row, column - 1)), maps.get((row + 1, column))
        if left is not None and left.rows == shown.rows:
            grid[row, column].tick_params(labelleft=False)
            grid[row, column].set_ylabel("")
        if below is not None and below.columns == shown.columns:
            grid[row, column].tick_params(labelbottom=False)


def _colour_bar(figure: Figure, axes: list[Any]) -> None:
    colours = ScalarMappable(Normalize(0, 1), mpl.colormaps["magma"])
    bar = figure.colorbar(colours, ax=axes, location="right", fraction=0.05, aspect=25, pad=0.02)
    bar.set_label("CKA")
    bar.outline.set_linewidth(0.5)
