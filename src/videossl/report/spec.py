"""Specification of a table or figure: its entry in `config/experiments.yaml`, and the names of what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator

from videossl.common.results import CONDITION, IDENTITY
from videossl.report import style
from videossl.report.style import Look
from videossl.study import titles
from videossl.study.config.experiments import Presentation

AXES = (*IDENTITY, *CONDITION, "metric")
PUBLISHED_AXES = {"rows": ["task", "teachers", "backbone", "source", "subset"], "columns": ["target"]}
"""Layout of the measured cells below published results."""
PART = "part"
"""Identity key with the part of a distillation figure, in addition to the axes."""


class Spec(Presentation):
    """An entry of a study, as created by :func:`videossl.report.entry.entry_of`."""

    name: str
    kind: Literal["table", "figure"] = "table"
    published: str | None = None
    """Path of the published results. Any path is accepted here: the configuration's own path is already validated."""
    groups: dict[str, str] = {}
    """Group of each task, shown above the tasks in a table's header."""
    labels: dict[str, dict[str, str]] = {}
    """Printed name of each value, by axis."""
    orders: dict[str, list[str]] | None = None
    """The study's tasks and networks in printing order, by axis; default: the project's own."""
    subsets_here: str = ""
    """The sizes of the subsets, if they are not those of their names; a figure says them below its panels."""
    left_out: str = ""
    """A sentence with the values of axes that the scale leaves out of the entry."""
    complexities: dict[str, str] = {}
    """Default complexity of each task."""
    looks: dict[str, dict[str, Look]] | None = None
    """Style of each value in figures, by axis; default: the project's own."""

    @field_validator("looks", mode="before")
    @classmethod
    def _of_tasks(cls, value: Any) -> Any:
        """Records of earlier versions have the styles of tasks alone."""
        alone = isinstance(value, Mapping) and any("colour" in look for look in value.values())
        return {"task": value} if alone else value

    @classmethod
    def parse(cls, value: dict[str, Any], where: str = "") -> Self:
        """Read an entry. Raises UserError for a missing key or an unknown axis."""
        spec = super().parse(value, where or f"entry '{value.get('name', '(without name)')}' of experiments.yaml")
        return spec.model_copy(update=PUBLISHED_AXES) if spec.published else spec

    def told_apart_by(self, axes: str) -> str:
        """Advice for an error message if cells that differ in `axes` fall into the same place."""
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
        """Printed name of a value."""
        return titles.label(axis, value, self.labels)

    def look(self, value: Any, position: int) -> Look:
        """Style of a value of `series` in a figure; `position`: its index among the series."""
        return style.look(self.series or "", value, position, self.looks)

    def as_in_paper(self) -> Spec:
        """The entry without its own labels of what a scale redefines (e.g. a generated "K400")."""
        scaled = ("source", "target", "subset", "epochs")
        kept = {axis: names for axis, names in self.labels.items() if axis not in scaled}
        return self.model_copy(update={"labels": kept})

    def sort_key(self, identity: Mapping[str, Any]) -> list[tuple]:
        """Sort key of a number in printing order, from its identity, condition and metric."""
        return [titles.sort_key(axis, identity[axis], self.orders) for axis in AXES]

    def order(self, axis: str, values: set[Any]) -> list[Any]:
        """Values of an axis in printing order; tasks of a group are adjacent."""
        ordered = sorted(values, key=lambda value: titles.sort_key(axis, value, self.orders))
        if axis != "task" or not self.groups:
            return ordered
        groups = list(dict.fromkeys(self.groups.get(task, "") for task in ordered))
        return sorted(ordered, key=lambda task: groups.index(self.groups.get(task, "")))
