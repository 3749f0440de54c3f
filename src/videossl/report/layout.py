"""Position of each number in a figure: panel, series and place.

Draws nothing and does not import matplotlib, so that layout errors are found before the first job
(:mod:`videossl.report.dry`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from videossl.common.errors import UserError
from videossl.report.collect import Record, Results
from videossl.report.spec import PART, Spec
from videossl.report.tables import PRETRAINING_AXES, Entry, merge
from videossl.study.config.experiments import Part

Key = tuple[Any, ...]


@dataclass(frozen=True)
class View:
    """The records of a panel, which shows our values or, if they are shown separately, the paper's."""

    results: Results
    records: Sequence[Record]
    paper: bool

    @property
    def spec(self) -> Spec:
        """The entry, with the names that apply to the panel's values."""
        return self.results.spec.as_in_paper() if self.paper else self.results.spec

    def identity(self, record: Record) -> Mapping[str, Any]:
        """The record's axes, with the names that apply to the panel's values."""
        return record.paper_identity if self.paper else record.identity


def views(results: Results, groups: Mapping[Any, Sequence[Record]]) -> list[View]:
    """One view per group, plus one of the paper's values if they are shown separately."""
    sides = (False, True) if results.paper_apart else (False,)
    return [View(results, records, paper) for records in groups.values() for paper in sides]


def by_panel_axis(results: Results) -> dict[str, list[Record]]:
    """Records by the printed name of their value on the entry's `panels` axis; under "" if there is no such axis.

    The baseline is in every panel if panels differ in pretraining, otherwise in its own panel. Raises UserError if two
    panels have the same name.
    """
    if not results.spec.panels:
        return {"": list(results.records)}
    (axis,) = results.spec.panels
    found: dict[str, list[Record]] = {}
    for value in values(results, axis):
        name = results.spec.label(axis, value)
        if name in found:
            raise UserError(f"'{results.spec.name}' has two panels called '{name}': give one {axis} another title.")
        found[name] = [
            r for r in results.records if r.identity[axis] == value or (r.is_baseline and axis in PRETRAINING_AXES)
        ]
    return found


def by_panel_axes(results: Results) -> dict[Key, list[Record]]:
    """Records of a figure of maps by their values on the `panels` axes."""
    axes = results.spec.panels
    orders = [values(results, axis) for axis in axes]
    keys = {key: [r for r in results.records if tuple(r.identity[a] for a in axes) == key] for key in product(orders)}
    return {key: records for key, records in keys.items() if records}


def by_part(results: Results) -> dict[int, list[Record]]:
    """Records of each part of a distillation figure that has students."""
    numbers = sorted({record.identity[PART] for record in results.records if is_student(record)})
    if not numbers:
        raise UserError(f"'{results.spec.name}' has no students: its parts name entries without a distillation.")
    return {number: [r for r in results.records if r.identity[PART] == number] for number in numbers}


def values(results: Results, axis: str) -> list[Any]:
    """Values of an axis in printing order, excluding the baseline's."""
    return results.spec.order(axis, {r.identity[axis] for r in results.records if not r.is_baseline})


def product(orders: Sequence[Sequence[Any]]) -> list[Key]:
    """All combinations of one value from each axis."""
    return list(itertools.product(*orders))


def x_values(view: View) -> list[Any]:
    """Values along x, in printing order."""
    axis = view.spec.x
    return view.spec.order(axis, {view.identity(r)[axis] for r in view.records if not r.is_baseline})


def entries(view: View, series: Any) -> list[tuple[Any, Entry]]:
    """The entries of one series along x, merged over seeds. The series has our name, x values the panel's."""
    spec = view.results.spec
    own = [r for r in view.records if not r.is_baseline and r.identity[spec.series] == series]
    found = spec.order(spec.x, {view.identity(record)[spec.x] for record in own})
    return [(x, merge(spec, [r for r in own if view.identity(r)[spec.x] == x])) for x in found]


def baselines(view: View, along: Sequence[Any]) -> Iterator[tuple[Any, list[tuple[Any, Entry]]]]:
    """Networks without pretraining, as (series, [(x, entry), ...]).

    The series is None if all series share a baseline; x is None if all places along x share it.
    """
    spec = view.spec
    records = [record for record in view.records if record.is_baseline]
    for series in [None] if spec.series in PRETRAINING_AXES else values(view.results, spec.series):
        own = [r for r in records if series is None or r.identity[spec.series] == series]
        shared = [None] if spec.x in PRETRAINING_AXES else along
        yield series, [(x, merge(spec, [r for r in own if x is None or r.identity[spec.x] == x])) for x in shared]


def costs_and_accuracies(results: Results) -> tuple[list[Record], Results]:
    """Splits a figure of accuracy over cost into records of the networks' sizes or costs, and all other records."""
    costs = [record for record in results.records if record.identity["metric"] == results.spec.x_metric]
    others = tuple(record for record in results.records if record.identity["metric"] != results.spec.x_metric)
    if not costs or not others:
        raise UserError(
            f"'{results.spec.name}' has no cells of {'a protocol with accuracies' if costs else 'protocol network'}:"
            " give it two grids, one of protocol network and one of a protocol with accuracies."
        )
    return costs, replace(results, records=others)


def points(view: View, series: Any, costs: Sequence[Record]) -> Iterator[tuple[str, Entry, Entry]]:
    """Backbone, cost and accuracy of each network of one series."""
    spec = view.results.spec
    own = [r for r in view.records if not r.is_baseline and r.identity[spec.series] == series]
    for backbone in spec.order("backbone", {record.identity["backbone"] for record in own}):
        cost = merge(spec, [record for record in costs if record.identity["backbone"] == backbone])
        yield backbone, cost, merge(spec, [record for record in own if record.identity["backbone"] == backbone])


def is_student(record: Record) -> bool:
    """Whether the network has teachers."""
    return bool(record.identity["teachers"])


def teachers_of(student: Record, records: Sequence[Record]) -> list[Record]:
    """The student's teachers, in the order of its entry."""
    folders = {record.run_dir: record for record in records}
    return [folders[folder] for folder in student.partners if folder in folders]


def students_with_teachers(view: View, part: Part) -> dict[Key, tuple[list[Entry], Entry]]:
    """Teachers and student of each place along the axes of the part. Students of one place are merged over seeds."""
    students: dict[Key, list[Record]] = {}
    for record in filter(is_student, view.records):
        students.setdefault(tuple(view.identity(record)[axis] for axis in part.x), []).append(record)
    orders = [view.spec.order(axis, {key[level] for key in students}) for level, axis in enumerate(part.x)]
    spec = view.results.spec
    found = {}
    for key in product(orders):
        if key in students:
            seeds = itertools.zip_longest(*(teachers_of(student, view.records) for student in students[key]))
            teachers = [merge(spec, [one for one in same if one is not None]) for same in seeds]
            found[key] = (teachers, merge(spec, students[key]))
    return found
