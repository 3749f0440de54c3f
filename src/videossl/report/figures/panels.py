"""Shared by plots of numbers: panels for our and the paper's values, axis labels, reference lines, legends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D

from videossl.common.results import is_fraction
from videossl.report import style
from videossl.report.collect import OK, Record, Results
from videossl.report.figures.frame import LETTER, new, wrapped
from videossl.report.figures.limits import Mark, cut_outliers
from videossl.report.layout import View
from videossl.report.notes import PAPER_BLOCK_TITLE, notes, unit_line
from videossl.report.style import BASELINE_COLOUR, CHANCE_COLOUR
from videossl.report.tables import PRETRAINING_AXES, Entry
from videossl.study import titles

REFERENCE = {"linewidth": 1.2, "zorder": 1}
BAND = {"alpha": 0.08, "linewidth": 0, "zorder": 0}
_USUAL_WIDTH = 3.5
"""Width of a panel whose height is right; narrower ones in a paper are lower in proportion."""
_LEANING = 35
"""Degrees by which labels are rotated that have too little room."""
_MOST_INCHES = 10
"""Width of the panels of a row, at most."""
_LEGEND_WIDTH, _TICKS_WIDTH, _PRINT_TICKS_WIDTH = 1.5, 0.65, 0.45


@dataclass(frozen=True)
class Panel(View):
    """Axes with their values: ours or, on separate axes at a reduced scale, the paper's."""

    axes: Axes
    width: float
    """Approximate length of the x axis in inches."""
    drawn: list[Mark] = field(default_factory=list)
    """Measured numbers in the panel."""

    def mark(self, at: float, entry: Entry, colour: str) -> None:
        """Note a number that was drawn at `at`."""
        self.drawn.append(Mark(at, scale(self.results), entry, colour))


def lay_out(
    results: Results, groups: Mapping[str, Sequence[Record]], width: float, height: float = 2.6
) -> tuple[Figure, list[Panel]]:
    """A figure with a panel for each of `groups` (by title), `width` x `height` inches each.

    At a reduced scale, each group has a second panel with the paper's values, if there are any. It is below the first
    one, or to its right if there is one group or if the groups do not fit into one row.
    """
    if results.columns:
        groups = with_values(results, groups)
        width = print_width(len(groups), results.columns)
        height *= min(1.0, width / _USUAL_WIDTH)
    apart = results.paper_apart
    beside = len(groups) == 1 or len(groups) * width > _MOST_INCHES
    room = style.COLUMN_INCHES[results.columns] if results.columns else _MOST_INCHES
    rows, columns = _shape(len(groups), width, room, apart=apart, beside=beside)
    figure = new(columns * width + (0 if results.columns else _LEGEND_WIDTH), rows * height)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    panels = []
    for number, (name, records) in enumerate(groups.items()):
        place, other = (2 * number, 2 * number + 1) if apart and beside else (number, number + len(groups))
        inches = width - (_PRINT_TICKS_WIDTH if results.columns else _TICKS_WIDTH)
        panels.append(Panel(results, records, False, grid[place], inches))
        unnamed = "This study, reduced scale" if results.reduced and not results.columns else ""
        grid[place].set_title(name or unnamed, loc="left")
        if apart:
            panels.append(Panel(results, records, True, grid[other], inches))
            grid[other].set_title(f"The paper, {name or fixed(results)}".removesuffix(", "), loc="left")
    for unused in grid[len(panels) :]:
        unused.remove()
    return figure, panels


def with_values(results: Results, groups: Mapping[str, Sequence[Record]]) -> Mapping[str, Sequence[Record]]:
    """The groups in which something is drawn; all of them if there are none."""
    shown = results.has_paper_values
    own = {
        name: records
        for name, records in groups.items()
        if any((one.status == OK and not one.is_baseline) or (shown and one.paper is not None) for one in records)
    }
    return own or groups


def print_width(panels: int, columns: int) -> float:
    """Width of a panel of a figure for a paper: up to two of them side by side in one column, three in two."""
    rows = math.ceil(panels / (columns + 1))
    return style.COLUMN_INCHES[columns] / math.ceil(panels / rows)


def _shape(count: int, width: float, room: float, *, apart: bool, beside: bool) -> tuple[int, int]:
    if apart:
        return (count, 2) if beside else (2, count)
    columns = max(1, min(count, int(room / width + 0.01)))
    columns = math.ceil(count / math.ceil(count / columns))  # balance the rows: four panels as 2 x 2, not 3 + 1
    return math.ceil(count / columns), columns


def scale(results: Results) -> float:
    """Factor from values to plotted numbers: fractions are plotted as percent."""
    return 100.0 if is_fraction(results.metrics[0]) else 1.0


def draw_chance(panel: Panel) -> None:
    """Draw a dotted line at each chance level."""
    for chance in sorted({record.chance for record in panel.records if record.chance is not None}):
        panel.axes.axhline(scale(panel.results) * chance, color=CHANCE_COLOUR, linestyle=":", **REFERENCE)


def reference_line(panel: Panel, entry: Entry, colour: str) -> None:
    """Draw a dashed line across the panel, with its interval as a band."""
    if entry.status != OK:
        return
    factor = scale(panel.results)
    panel.axes.axhline(factor * entry.value, color=colour, linestyle="--", **REFERENCE)
    if entry.low is not None and entry.high is not None:
        panel.axes.axhspan(factor * entry.low, factor * entry.high, color=colour, **BAND)


def errors(found: Sequence[Entry], factor: float) -> list[list[float]]:
    """Lengths of error bars below and above the values."""
    below = [factor * (e.value - e.low if e.low is not None else 0) for e in found]
    above = [factor * (e.high - e.value if e.high is not None else 0) for e in found]
    return [below, above]


def label_x(panel: Panel, positions: Mapping[Any, float]) -> list[str]:
    """Label the places along x; returns remarks that did not fit, as notes."""
    spec, low, high = panel.spec, min(positions.values()), max(positions.values())
    names = [spec.label(spec.x, value) for value in positions]
    ax, room = panel.axes, panel.width / (high - low + 1)
    labels, remarks = fitted(spec.x, names, room)
    ax.set_xticks(list(positions.values()), labels)
    lean(ax, labels, room)
    ax.set_xlim(low - 0.5, high + 0.5)
    milestones = spec.x == "epochs" and panel.results.reduced and not panel.paper
    ax.set_xlabel("Milestone, named by the paper's epochs" if milestones else titles.axis_label(spec.x))
    return [] if spec.x == "subset" and spec.subsets_here else remarks  # the notes have them


def lean(ax: Axes, labels: Sequence[str], room: float) -> int:
    """Rotate the labels of the x axis if one is wider than `room` (inches); returns their height in lines."""
    if room >= _inches(labels):
        return 1 + max(label.count("\n") for label in labels)
    for label in ax.get_xticklabels():
        label.set(rotation=_LEANING, ha="right", rotation_mode="anchor")
    rise = max(_inches([label]) for label in labels) * math.sin(math.radians(_LEANING))
    return math.ceil(rise * 72 / (1.2 * mpl.rcParams["font.size"])) + max(label.count("\n") for label in labels)


def fitted(axis: str, names: Sequence[str], room: float) -> tuple[list[str], list[str]]:
    """Tick labels of `axis` that fit into `room` inches each, and a note with remarks that do not fit.

    A remark, the part of a name in brackets, is placed below its label or, if it is too wide there, in the note.
    """
    labels = [name.replace(" (", "\n(").replace(" + ", " +\n") for name in names]
    if _inches(labels) <= room or not any("\n(" in label for label in labels):
        return labels, []
    remarks = [f"{short}: {rest.removesuffix(')')}" for short, _, rest in (name.partition(" (") for name in names)]
    note = f"{titles.axis_label(axis)} {'; '.join(dict.fromkeys(remarks))}."
    return [label.partition("\n(")[0] for label in labels], [note]


def _inches(labels: Sequence[str]) -> float:
    longest = max(len(line) for label in labels for line in label.splitlines())
    return (longest + 0.3) * LETTER * mpl.rcParams["font.size"] / 72


def finish_y(panel: Panel, label: str = "") -> None:
    """Set label and limits of the y axis, which starts at 0 unless values are negative. Marks an empty panel."""
    ax = panel.axes
    room = 1.2 if panel.results.columns else 2.0
    size = FontProperties(size=mpl.rcParams["axes.labelsize"]).get_size_in_points()  # may be a word, "medium"
    ax.set_ylabel(wrapped(label or unit_line(panel.results), room, size))
    sns.despine(ax=ax)
    drawn = [r for r in panel.records if (r.paper is not None if panel.paper else r.status == OK)]
    if not drawn:
        ax.set_yticks([])  # no values, so no scale
        own = "no finished cell" if panel.spec.plot in ("lines", "scatter") else ""  # missing bars are marked
        text = "the paper has no values" if panel.paper else own
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", color="#444444")
    elif is_fraction(panel.results.metrics[0]) and ax.dataLim.y0 >= 0:
        ax.set_ylim(bottom=0)
    elif ax.dataLim.y0 < 0:
        ax.axhline(0, color="#444444", linewidth=0.8, zorder=1)
    if panel.results.columns:
        cut_outliers([ax], [panel.drawn])


def missing(records: Sequence[Record]) -> str:
    """E.g. "(2 of 4 pending, 1 of 4 failed)" on a separate line; "" if no cell is missing."""
    counts = {word: sum(record.status == word for record in records) for word in ("pending", "failed")}
    words = [f"{count} of {len(records)} {word}" for word, count in counts.items() if count]
    return f"\n({', '.join(words)})" if words else ""


def reference_handles(results: Results) -> list[Line2D]:
    """Legend entries of the reference lines in the figure."""
    handles = []
    if baseline := [record for record in results.records if record.is_baseline]:
        each = results.spec.plot == "lines" and results.spec.series not in PRETRAINING_AXES
        text = titles.BASELINE_LABEL + (",\nin each one's colour" if each else "") + missing(baseline)
        handles.append(Line2D([], [], color=BASELINE_COLOUR, linestyle="--", linewidth=1.2, label=text))
    if any(record.chance is not None for record in results.records):
        handles.append(Line2D([], [], color=CHANCE_COLOUR, linestyle=":", linewidth=1.2, label="chance"))
    return handles


def sentences(results: Results, remarks: Sequence[str] = ()) -> list[str]:
    """Notes of a figure of numbers, including its own remarks."""
    block = [f"{PAPER_BLOCK_TITLE}."] if results.paper_apart else []
    return [*dict.fromkeys(remarks), *notes(results, drawn=True), *block]


def fixed(results: Results) -> str:
    """Values that all cells share, with the paper's names, e.g. "K400, 50k, R(2+1)D"."""
    spec, names = results.spec.as_in_paper(), []
    for axis in ("source", "subset", "backbone", "target"):
        found = {r.paper_identity[axis] for r in results.records if not r.is_baseline}
        if axis not in spec.axes and len(found) == 1:
            names.append(spec.label(axis, found.pop()))
    return ", ".join(names)
