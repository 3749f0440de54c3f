"""What a table or figure should show: its entry of `config/experiments.yaml`, with the names of what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from videossl.common.results import CONDITION, IDENTITY
from videossl.report import style
from videossl.report.style import Look
from videossl.study import titles
from videossl.study.config.experiments import Presentation

AXES = (*IDENTITY, *CONDITION, "metric")
PUBLISHED_AXES = {"rows": ["task", "teachers", "backbone", "source", "subset"], "columns": ["target"]}
"""The layout of the cells that stand below published results."""
PART = "part"
"""Of which part of a distillation figure a number is: a key of its identity beside the axes."""


class Spec(Presentation):
    """An entry of a study, as :func:`videossl.report.request.entry_of` gives it."""

    name: str
    kind: Literal["table", "figure"] = "table"
    published: str | None = None
    """The file, wherever the workflow lies: the configuration's own path was checked when it was read."""
    groups: dict[str, str] = {}
    """By task: the group in which it stands, named above the tasks in a table's header."""
    labels: dict[str, dict[str, str]] = {}
    """By axis: the printed name of each value."""
    orders: dict[str, list[str]] | None = None
    """By axis: the tasks and networks of the study in printing order; left out: the project's own."""
    looks: dict[str, Look] | None = None
    """By task: its look in figures; left out: the project's own."""

    @classmethod
    def parse(cls, value: dict[str, Any], where: str = "") -> Self:
        """Read an entry; raises UserError for a missing key or an unknown axis."""
        spec = super().parse(value, where or f"entry '{value.get('name', '(without name)')}' of experiments.yaml")
        return spec.model_copy(update=PUBLISHED_AXES) if spec.published else spec

    def told_apart_by(self, axes: str) -> str:
        """What to do where two cells that differ in `axes` fall into one place."""
        if self.published:
            return "Leave one of the two out of the grid: the layout of published results is fixed."
        if self.kind == "table":
            keys = "`rows` or `columns`"
        elif self.plot == "cka":
            keys = "`panels`"
        elif self.plot == "distillation":
            keys = "`x` of the part"
        else:
            keys = "`series` or `panels`" if self.x_metric else "`x`, `series` or `panels`"
        return f"Add {axes} to {keys}, or leave one of the two out of the grid."

    def label(self, axis: str, value: Any) -> str:
        """The printed name of a value."""
        return titles.label(axis, value, self.labels)

    def look(self, value: Any, position: int) -> Look:
        """The look of a value of `series` in a figure; `position`: its place among the series."""
        return style.look(self.series or "", value, position, self.looks)

    def as_in_paper(self) -> Spec:
        """The entry without its own labels for what a scale redefines (a generated "K400", say)."""
        scaled = ("source", "target", "subset", "epochs")
        kept = {axis: names for axis, names in self.labels.items() if axis not in scaled}
        return self.model_copy(update={"labels": kept})

    def sort_key(self, identity: Mapping[str, Any]) -> list[tuple]:
        """The place of a number in printing order, by its identity, condition and metric."""
        return [titles.sort_key(axis, identity[axis], self.orders) for axis in AXES]

    def order(self, axis: str, values: set[Any]) -> list[Any]:
        """The values of an axis in printing order; tasks stand together with their group."""
        ordered = sorted(values, key=lambda value: titles.sort_key(axis, value, self.orders))
        if axis != "task" or not self.groups:
            return ordered
        groups = list(dict.fromkeys(self.groups.get(task, "") for task in ordered))
        return sorted(ordered, key=lambda task: groups.index(self.groups.get(task, "")))
