"""What a table or figure should show: an entry of `config/experiments.yaml`, as the report code reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from videossl.common.errors import UserError, unknown_name
from videossl.common.results import CONDITION, IDENTITY
from videossl.report import style
from videossl.study.config.experiments import PLOTS, TABLE

AXES = (*IDENTITY, *CONDITION, "metric")
PUBLISHED_AXES = {"rows": ("task", "teachers", "backbone", "source", "subset"), "columns": ("target",)}
"""The layout of the cells that stand below published results."""
PART = "part"
"""Of which part of a distillation figure a number is: a key of its identity beside the axes."""


@dataclass(frozen=True)
class Part:
    """One panel of a distillation figure."""

    title: str
    x: tuple[str, ...]
    paper_table: str = ""


@dataclass(frozen=True)
class Spec:
    """One entry. Keys of the entry that concern only the cells (the grid) are not read here."""

    name: str
    title: str
    kind: str = "table"
    caption: str = ""
    section: str = ""  # of the paper; the report's chapter
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    plot: str = "lines"  # figure: one of PLOTS
    x: str = ""
    x_metric: str = ""  # scatter: the metric of a network along x
    series: str = ""
    panels: tuple[str, ...] = ()  # figure: the axes that make the panels; none for one panel
    parts: tuple[Part, ...] = ()  # distillation: the panels
    datasets: tuple[str, ...] = ()  # figures of videos: those whose videos are shown
    split: str = ""  # of the target; "": the one that the metric was measured on
    paper_table: str = ""
    baseline: bool = True
    chance: bool = False  # table: print the level of chance beside each number
    average: bool = False  # table: add the mean over the tasks
    quoted: bool = False  # table: add the rows that the paper quotes
    published: str = ""  # table: the file of published results, below which the cells stand
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
        for key in ("rows", "columns", "panels", "datasets"):
            if key in known:
                known[key] = (known[key],) if isinstance(known[key], str) else tuple(known[key])
        known["parts"] = tuple(
            Part(part["title"], tuple(part["x"]), part.get("paper_table") or "") for part in known.get("parts", ())
        )
        if known.get("published"):
            known |= PUBLISHED_AXES
        spec = cls(**known)
        spec._check(where)
        return spec

    def _check(self, where: str) -> None:
        if self.kind not in ("table", "figure"):
            raise unknown_name("kind", self.kind, ("table", "figure"), where)
        if self.plot not in PLOTS:
            raise unknown_name("kind of plot", self.plot, PLOTS, where)
        for key in (TABLE if self.kind == "table" else PLOTS[self.plot]).needs:
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
        if self.plot == "distillation":
            return ("task", "complexity", "backbone", "source", "subset", "target", "teachers")
        points = ("backbone",) if self.plot == "scatter" else ()
        return tuple(axis for axis in (self.x, self.series, *points, *self.panels) if axis)

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
