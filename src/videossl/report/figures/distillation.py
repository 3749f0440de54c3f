"""Students next to their teachers: a panel per part of the entry, with grouped bars; the student's bar is last."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from videossl.report import layout, style
from videossl.report.collect import Record, Results
from videossl.report.figures import panels as shared
from videossl.report.figures.bars import Bar, draw_groups, handle, paper_handle, width_for
from videossl.report.figures.frame import finish, wrapped
from videossl.report.figures.panels import Panel
from videossl.report.spec import PART
from videossl.report.tables import Entry
from videossl.study import titles
from videossl.study.config.experiments import Part

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_DIFFERING = ("task", "complexity", "backbone", "source", "subset", "epochs")
_GAP = 0.5
"""Gap between groups that differ in the first axis, in units of the distance of groups."""


def draw(results: Results) -> Figure:
    """Draw the figure."""
    records = layout.by_part(results)
    numbers = list(records)
    width = min(max(width_for(len(own)) for own in records.values()), 4.8)
    width = shared.print_width(len(numbers), results.columns) if results.columns else width
    letters = dict(zip(numbers, "abcdefghijklmnop", strict=False))
    titles = {
        number: f"{letters[number]}) {_title(results, results.spec.parts[number], records[number], width)}"
        for number in numbers
    }
    figure, panels = shared.lay_out(results, {titles[number]: records[number] for number in numbers}, width, 2.7)
    remarks: list[str] = []
    for panel in panels:
        number = panel.records[0].identity[PART]
        part = results.spec.parts[number]
        if panel.paper:
            panel.axes.set_title(wrapped(f"{letters[number]}) The paper: {part.title}", width, 9), loc="left")
        remarks += _draw_panel(panel, part)
    return finish(figure, results, shared.sentences(results, remarks), _legend(results))


def _title(results: Results, part: Part, records: Sequence[Record], width: float) -> str:
    """Title of the part, with the teachers' names if all its students have the same ones apart from the axes of x."""
    title = wrapped(part.title, width, 9)
    found = {_names(results, layout.teachers_of(record, records)) for record in records if layout.is_student(record)}
    if "teachers" in part.x or len(found) != 1:
        return title
    return "\n".join([title, wrapped(f"teachers: {', '.join(found.pop())}", width, 9)])


def _names(results: Results, teachers: Sequence[Record]) -> tuple[str, ...]:
    """Names of the teachers, formed from the axes in which they differ."""
    axes = [axis for axis in _DIFFERING if len({teacher.identity[axis] for teacher in teachers}) > 1]
    return tuple(" ".join(results.spec.label(axis, t.identity[axis]) for axis in axes) for t in teachers)


def _draw_panel(panel: Panel, part: Part) -> list[str]:
    """Draw one panel; returns remarks for the notes."""
    groups = layout.students_with_teachers(panel, part)
    positions = _positions(list(groups))
    draw_groups(panel, positions, [_bars(*group) for group in groups.values()])
    if not panel.paper:
        shared.draw_chance(panel)
    remarks = _label_x(panel, part, list(groups), positions)
    shared.finish_y(panel)
    return remarks


def _bars(teachers: Sequence[Entry], student: Entry) -> list[Bar]:
    """Bars of a group: the teachers', then the student's."""
    bars = [Bar(entry, colour) for entry, colour in zip(teachers, itertools.cycle(style.TEACHERS), strict=False)]
    return [*bars, Bar(student, style.STUDENT)]


def _positions(keys: Sequence[layout.Key]) -> list[float]:
    """Positions along x, with a gap where the first of two axes changes its value."""
    gaps = itertools.accumulate(
        (_GAP if len(key) > 1 and key[0] != before[0] else 0 for before, key in itertools.pairwise(keys)), initial=0.0
    )
    return [place + gap for place, gap in enumerate(gaps)]


def _label_x(panel: Panel, part: Part, keys: Sequence[layout.Key], positions: Sequence[float]) -> list[str]:
    """Label the groups and, with two axes, the values of the first axis below; returns remarks that did not fit."""
    ax, spec = panel.axes, panel.spec
    room = panel.width / (positions[-1] - positions[0] + 1)
    labels, remarks = shared.fitted(part.x[-1], [spec.label(part.x[-1], key[-1]) for key in keys], room)
    ax.set_xticks(positions, labels)
    lines = shared.lean(ax, labels, room)
    ax.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
    ax.set_xlabel(", ".join(titles.axis_label(axis) for axis in part.x))
    if len(part.x) > 1:
        outer: dict[Any, list[float]] = {}
        for key, position in zip(keys, positions, strict=True):
            outer.setdefault(key[0], []).append(position)
        below = "\n" * lines
        names = [below + spec.label(part.x[0], value) for value in outer]
        second = ax.secondary_xaxis("bottom")
        second.set_xticks([(places[0] + places[-1]) / 2 for places in outer.values()], names)
        second.tick_params(axis="x", length=0, pad=7)
        ax.set_xlabel("")
    return [] if part.x[-1] == "subset" and spec.subsets_here else remarks  # the notes have them


def _legend(results: Results) -> list[Artist]:
    """A legend entry for each teacher by position, and for the student."""
    students = [record for record in results.records if layout.is_student(record)]
    most = max(len(layout.teachers_of(student, results.records)) for student in students)
    handles: list[Artist] = [
        handle(f"{ordinal} teacher", colour, [])
        for ordinal, colour in zip(_ORDINALS[:most], style.TEACHERS[:most], strict=True)
    ]
    handles.append(handle("student", style.STUDENT, students))
    return [*handles, *shared.reference_handles(results), *paper_handle(results)]
