"""Figures. The only module of the package that imports matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from videossl.errors import unknown_name
from videossl.files import atomic_path
from videossl.report import style
from videossl.report.collect import OK, Record, Results
from videossl.report.notes import PAPER_BLOCK_TITLE, notes, provenance_line, unit_line
from videossl.report.render import DATA_SUFFIXES, write_data
from videossl.report.tables import PRETRAINING_AXES, Entry, merge
from videossl.results import is_fraction

FIGURE_SUFFIXES = (*DATA_SUFFIXES, ".png", ".pdf")
_BASELINE_COLOUR, _CHANCE_COLOUR = "#222222", "#777777"
_PAPER_LINE = {"markersize": 5.5, "markerfacecolor": "white", "linewidth": 1, "linestyle": (0, (4, 2))}
Identity = Callable[[Record], dict[str, Any]]


def write_figure(results: Results, paths: list[Path]) -> None:
    """Draw the figure and write it to each path, in the format of its suffix (FIGURE_SUFFIXES)."""
    for path in paths:
        if path.suffix not in FIGURE_SUFFIXES:
            raise unknown_name("figure format", path.suffix, FIGURE_SUFFIXES, str(path))
    with mpl.rc_context(sns.axes_style("whitegrid") | style.FIGURE_RC):
        figure = draw_lines(results)
        for path in paths:
            if path.suffix in DATA_SUFFIXES:
                write_data(results, path)
            else:
                _save(figure, results, path)


def draw_lines(results: Results) -> Figure:
    """Lines over the entry's `x`, one a value of `series`; with the paper's numbers, as far as there are any.

    At the paper's scale they are hollow markers in the same panel, at reduced scale a panel of their own.
    """
    spec = results.spec
    apart = bool(results.reduced) and results.has_paper_values
    panels = _values(results, spec.panels) if spec.panels else [None]
    # One panel: ours and the paper's side by side. Several: a line of ours above a line of the paper's.
    rows, columns = (2 if apart else 1, len(panels)) if spec.panels else (1, 2 if apart else 1)
    figure = Figure(figsize=(1.6 + 3.9 * columns, 1.9 + 2.7 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for position, panel in enumerate(panels):
        records = [r for r in results.records if panel is None or _in_panel(r, spec.panels, panel)]
        name = "" if panel is None else spec.label(spec.panels, panel)
        _panel(axes[position], results, records)
        axes[position].set_title(name or ("This study, reduced scale" if results.reduced else ""), loc="left")
        if apart:
            other = axes[position + len(panels)]
            _paper_panel(other, results, records)
            other.set_title(f"The paper{f', {name}' if name else f', {_fixed(results)}'}", loc="left")
    lines = [line for line in (results.spec.title, results.reduced) if line]
    title = "\n".join(_wrapped(line, figure, 12) for line in lines)  # bold letters are wider than 11 points' usual
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.legend(handles=_legend(results), loc="outside right center", frameon=False)
    lines = [*notes(results, drawn=True), *([f"{PAPER_BLOCK_TITLE}."] if apart else [])]
    lines.append(provenance_line(results.provenance))
    text = "\n".join(_wrapped(line, figure, 6.5) for line in lines if line)
    # In the layout as a label of the figure, so that the axes make room for however many lines it has.
    figure.supxlabel(text, x=0.01, ha="left", fontsize=7, color="#444444", linespacing=1.35)
    return figure


def _panel(ax: Axes, results: Results, records: Sequence[Record]) -> None:
    """Our values with their intervals; at the paper's scale also its values."""
    spec, scale = results.spec, _scale(results)
    positions = _positions(results, records, lambda record: record.identity)
    for index, name in enumerate(_series(results)):
        look = style.look(spec.series, name, index)
        shift = _shift(index, len(_series(results)))
        points = _points(results, records, name, lambda record: record.identity)
        done = [(positions[x] + shift, entry) for x, entry in points if entry.status == OK]
        if done:
            at, values = [x for x, _ in done], [scale * entry.value for _, entry in done]
            bars = [[scale * (e.value - e.low if e.low is not None else 0) for _, e in done]]
            bars += [[scale * (e.high - e.value if e.high is not None else 0) for _, e in done]]
            kind = {"color": look.colour, "marker": look.marker, "markersize": 5.5, "linewidth": 1.6}
            ax.errorbar(at, values, bars, capsize=2.5, elinewidth=1, **kind)
        if not results.reduced:
            theirs = [(positions[x], scale * entry.paper) for x, entry in points if entry.paper is not None]
            if theirs:
                _paper_line(ax, theirs, look)
    _baseline(ax, results, records)
    _finish(ax, results, positions)
    if all(record.status != OK for record in records):
        ax.set_yticks([])  # no value, so no scale either
        ax.text(0.5, 0.5, "no finished cell", transform=ax.transAxes, ha="center", color="#444444")


def _paper_panel(ax: Axes, results: Results, records: Sequence[Record]) -> None:
    """The paper's values at its own scale, by its own names."""
    positions = _positions(results, records, lambda record: record.paper_identity)
    for index, name in enumerate(_series(results)):
        points = _points(results, records, name, lambda record: record.paper_identity)
        theirs = [(positions[x], _scale(results) * entry.paper) for x, entry in points if entry.paper is not None]
        if theirs:
            _paper_line(ax, theirs, style.look(results.spec.series, name, index))
    _finish(ax, results, positions, paper=True)


def _paper_line(ax: Axes, points: list[tuple[float, float]], look: style.Look) -> None:
    at, values = zip(*points, strict=True)
    ax.plot(at, values, color=look.colour, marker=look.marker, **_PAPER_LINE)


def _baseline(ax: Axes, results: Results, records: Sequence[Record]) -> None:
    """A dashed line with its interval for the network without pretraining, a dotted one for chance.

    Where each series has a baseline of its own (series are backbones, say), it has the series' colour.
    """
    spec, scale = results.spec, _scale(results)
    own = spec.series not in PRETRAINING_AXES
    for index, name in enumerate(_series(results) if own else [None]):
        baseline = [r for r in records if r.is_baseline and (not own or r.identity[spec.series] == name)]
        entry = merge(spec, baseline)
        colour = style.look(spec.series, name, index).colour if own else _BASELINE_COLOUR
        if entry.status == OK:
            ax.axhline(scale * entry.value, color=colour, linestyle="--", linewidth=1.2, zorder=1)
            if entry.low is not None and entry.high is not None:
                ax.axhspan(scale * entry.low, scale * entry.high, color=colour, alpha=0.08, linewidth=0, zorder=0)
    for chance in sorted({record.chance for record in records if record.chance is not None}):
        ax.axhline(scale * chance, color=_CHANCE_COLOUR, linestyle=":", linewidth=1.2, zorder=1)


def _in_panel(record: Record, axis: str, panel: Any) -> bool:
    """The baseline stands in every panel that is about pretraining, otherwise in its own."""
    return record.identity[axis] == panel or (record.is_baseline and axis in PRETRAINING_AXES)


def _finish(ax: Axes, results: Results, positions: dict[Any, float], *, paper: bool = False) -> None:
    spec = results.spec.as_in_paper() if paper else results.spec
    # A label's remark in brackets goes below it: side by side the labels would run into one another.
    labels = [spec.label(spec.x, value).replace(" (", "\n(") for value in positions]
    ax.set_xticks(list(positions.values()), labels)
    ax.set_xlim(min(positions.values()) - 0.4, max(positions.values()) + 0.4)
    milestones = spec.x == "epochs" and results.reduced and not paper
    ax.set_xlabel("Milestone, named by the paper's epochs" if milestones else style.axis_label(spec.x))
    ax.set_ylabel(unit_line(results))
    ax.grid(axis="x", visible=False)
    if is_fraction(results.metrics[0]):
        ax.set_ylim(bottom=0)
    sns.despine(ax=ax)


def _legend(results: Results) -> list[Line2D]:
    """A handle a series; one whose cells are missing says so, since no point can."""
    spec, handles = results.spec, []
    for index, name in enumerate(_series(results)):
        look = style.look(spec.series, name, index)
        cells = [r for r in results.records if not r.is_baseline and r.identity[spec.series] == name]
        text = spec.label(spec.series, name) + _missing(cells)
        handles.append(Line2D([], [], color=look.colour, marker=look.marker, linewidth=1.6, label=text))
    if baseline := [record for record in results.records if record.is_baseline]:
        text = style.BASELINE_LABEL + _missing(baseline)
        handles.append(Line2D([], [], color=_BASELINE_COLOUR, linestyle="--", linewidth=1.2, label=text))
    if any(record.chance is not None for record in results.records):
        handles.append(Line2D([], [], color=_CHANCE_COLOUR, linestyle=":", linewidth=1.2, label="chance"))
    if results.has_paper_values:
        handles.append(Line2D([], [], color="#555555", marker="o", label="the paper's value", **_PAPER_LINE))
    return handles


def _missing(records: Sequence[Record]) -> str:
    """E.g. " (2 of 4 pending, 1 failed)"; "" when all are there."""
    counts = {word: sum(record.status == word for record in records) for word in ("pending", "failed")}
    words = [f"{count} of {len(records)} {word}" for word, count in counts.items() if count]
    return f"\n({', '.join(words)})" if words else ""


def _values(results: Results, axis: str) -> list[Any]:
    """The values of an axis in printing order, without those of the baseline."""
    return results.spec.order(axis, {r.identity[axis] for r in results.records if not r.is_baseline})


def _series(results: Results) -> list[Any]:
    return _values(results, results.spec.series)


def _points(results: Results, records: Sequence[Record], name: Any, identity: Identity) -> list[tuple[Any, Entry]]:
    """The entries of one series along x, seeds merged. Series are ours, x is `identity`'s."""
    spec = results.spec
    own = [r for r in records if not r.is_baseline and r.identity[spec.series] == name]
    values = spec.order(spec.x, {identity(record)[spec.x] for record in own})
    return [(x, merge(spec, [r for r in own if identity(r)[spec.x] == x])) for x in values]


def _positions(results: Results, records: Sequence[Record], identity: Identity) -> dict[Any, float]:
    """Places on the x axis, evenly spaced: milestones and subsets are levels, not a measured quantity."""
    axis = results.spec.x
    values = {identity(record)[axis] for record in records if not record.is_baseline}
    return {value: float(place) for place, value in enumerate(results.spec.order(axis, values))}


def _shift(index: int, count: int) -> float:
    """A small step aside for each series, so that error bars do not hide each other."""
    return 0.05 * (index - (count - 1) / 2)


def _scale(results: Results) -> float:
    return 100.0 if is_fraction(results.metrics[0]) else 1.0


def _fixed(results: Results) -> str:
    """What all cells have in common, as the paper names it, e.g. "K400, 50k, R(2+1)D"."""
    spec, names = results.spec.as_in_paper(), []
    for axis in ("source", "subset", "backbone", "target"):
        values = {r.paper_identity[axis] for r in results.records if not r.is_baseline}
        if axis not in spec.axes and len(values) == 1:
            names.append(spec.label(axis, values.pop()))
    return ", ".join(names)


def _wrapped(text: str, figure: Figure, size: float) -> str:
    """Break `text` to the figure's width; a letter of DejaVu Sans is on average 0.6 of its size wide."""
    return "\n".join(textwrap.wrap(text, int(figure.get_figwidth() * 72 / (0.6 * size))))


def _save(figure: Figure, results: Results, path: Path) -> None:
    """Save without dates: the same input gives the same bytes."""
    origin = provenance_line(results.provenance)
    if path.suffix == ".png":
        metadata = {"Title": results.title, "Description": origin, "Software": None}
    else:
        metadata = {"Title": results.title, "Subject": origin, "CreationDate": None}
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=style.PNG_DPI, metadata=metadata)
