"""What a table or figure should show: an entry of `config/experiments.yaml`, as the report code reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from videossl.errors import UserError, unknown_name
from videossl.report import style
from videossl.results import CONDITION, IDENTITY

AXES = (*IDENTITY, *CONDITION, "metric")


@dataclass(frozen=True)
class Spec:
    """One entry. Keys of the entry that concern only the cells (the grid) are not read here."""

    name: str
    title: str
    kind: str = "table"
    caption: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    x: str = ""
    series: str = ""
    panels: str = ""  # figure: the axis that makes the panels; "" for one
    split: str = ""  # of the target; "": the one that the metric was measured on
    paper_table: str = ""
    baseline: bool = True
    chance: bool = False  # table: print the level of chance beside each number
    average: bool = False  # table: add the mean over the tasks
    quoted: bool = False  # table: add the rows that the paper quotes
    groups: Mapping[str, str] = field(default_factory=dict)  # task -> category, for the grouped header
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # axis -> name -> printed name

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Spec:
        """Read an entry; raises UserError for a missing key or an unknown axis."""
        where = f"entry '{entry.get('name', '(without name)')}' of experiments.yaml"
        for key in ("name", "title"):
            if not entry.get(key):
                raise UserError(f"{where}: `{key}` is missing.")
        known = {key: entry[key] for key in cls.__dataclass_fields__ if entry.get(key) is not None}
        for key in ("rows", "columns"):
            if key in known:
                known[key] = (known[key],) if isinstance(known[key], str) else tuple(known[key])
        spec = cls(**known)
        spec._check(where)
        return spec

    def _check(self, where: str) -> None:
        needed = {"table": ("rows", "columns"), "figure": ("x", "series")}.get(self.kind)
        if needed is None:
            raise unknown_name("kind", self.kind, ("table", "figure"), where)
        for key in needed:
            if not getattr(self, key):
                raise UserError(f"{where}: a {self.kind} needs `{key}`. Valid axes: {', '.join(AXES)}.")
        for axis in self.axes:
            if axis not in AXES:
                raise unknown_name("axis", axis, AXES, where)
        if self.average and "task" not in self.axes:
            raise UserError(f"{where}: `average` is over the tasks, so `rows` or `columns` must name `task`.")
        if self.quoted and not self.paper_table:
            raise UserError(f"{where}: `quoted` rows are those of a `paper_table`; name one.")
        if len(set(self.axes)) != len(self.axes):
            raise UserError(f"{where}: an axis is named twice among {', '.join(self.axes)}.")

    @property
    def axes(self) -> tuple[str, ...]:
        """All axes that the layout shows."""
        if self.kind == "table":
            return self.rows + self.columns
        return tuple(axis for axis in (self.x, self.series, self.panels) if axis)

    def label(self, axis: str, value: Any) -> str:
        """The printed name of a value."""
        return style.label(axis, value, self.labels.get(axis))

    def as_in_paper(self) -> Spec:
        """The entry without its own labels for what a scale redefines (a generated "K400", say)."""
        scaled = ("source", "target", "subset", "epochs")
        return replace(self, labels={axis: names for axis, names in self.labels.items() if axis not in scaled})

    def order(self, axis: str, values: set[Any]) -> list[Any]:
        """The values of an axis in printing order; tasks stand together with their group."""
        ordered = sorted(values, key=lambda value: style.sort_key(axis, value))
        if axis != "task" or not self.groups:
            return ordered
        groups = list(dict.fromkeys(self.groups.get(task, "") for task in ordered))
        return sorted(ordered, key=lambda task: groups.index(self.groups.get(task, "")))
