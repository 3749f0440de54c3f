"""Numbers that claims need: the axes of a cell, and a metric of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from videossl.study import titles

_CELL_AXES = ("task", "backbone", "source", "subset", "epochs", "target", "protocol", "teachers")

QUOTED_BACKBONE = "as in the original paper"
"""Backbone of a number that the paper quotes from a task's own paper."""
BEST_PUBLISHED = {
    "best_single_modal": "best published top-1 accuracy of a single-modal approach",
    "best_multi_modal": "best published top-1 accuracy of a multi-modal approach",
}
"""Metrics from the list of published results, with their descriptions."""
GPU_SECONDS, PRETRAINING_VIDEOS = "gpu_seconds", "pretraining_videos"
"""Metrics from a run's record: its GPU time (without a GPU its wall time), and the videos that it was trained on."""
OFF_DIAGONAL, BLOCKS = "off_diagonal_cka", "cka_blocks"
"""Metrics from a map of CKA, see :mod:`videossl.analysis.blocks`."""
_TITLES = {
    GPU_SECONDS: "GPU time",
    PRETRAINING_VIDEOS: "videos of the pretraining",
    OFF_DIAGONAL: "mean CKA off the diagonal",
    BLOCKS: "blocks of layers",
    "training_videos": "training videos",
    "frames": "frames",
}


@dataclass(frozen=True)
class Ask:
    """A number that a claim needs: the axes of its cell, and the paper's table that has it.

    `complexity` None means the recipe's default. The defaults are the paper's main setting. Pretraining has neither
    target nor protocol ("").
    """

    table: str
    task: str = "rspnet"
    backbone: str = "r2plus1d"
    source: str = "k400"
    subset: str = "50k"
    epochs: int = 200
    target: str = "ucf101"
    protocol: str = "finetune"
    complexity: str | None = None
    teachers: str = ""
    noise: str = ""
    severity: int = 0
    metric: str = "top1"

    @property
    def is_quoted(self) -> bool:
        """Whether the number is from the literature, so that nobody measures it here."""
        return self.backbone == QUOTED_BACKBONE or self.metric in BEST_PUBLISHED

    def is_of(self, cell: Mapping[str, Any]) -> bool:
        """Whether a cell (of any seed) has the number. `cell`: identity and `default_complexity`."""
        return not self.is_quoted and self.key in keys_of(cell)

    @property
    def key(self) -> tuple[Any, ...]:
        """Identifies the cell."""
        return (*(getattr(self, axis) for axis in _CELL_AXES), self.complexity)

    @property
    def identity(self) -> dict[str, Any]:
        """The axes for looking up the paper's values."""
        names = [name for name in self.__dataclass_fields__ if name not in ("table", "metric")]
        return {name: getattr(self, name) for name in names} | {"complexity": self.complexity or ""}

    def __str__(self) -> str:
        def named(axis: str) -> str:
            return titles.label(axis, getattr(self, axis))

        if self.metric in BEST_PUBLISHED:
            return f"{BEST_PUBLISHED[self.metric]}, {named('target')}"
        if self.backbone == QUOTED_BACKBONE:
            return f"{named('task')}, as its own paper reports it, {named('target')}, {named('metric')}"
        parts = [f"{named('task')} {self.complexity or ''}".strip(), named("backbone")]
        parts.append(f"{named('source')} {self.subset}" + (f", {self.epochs} epochs" if self.epochs else ""))
        parts += [self.target and named("target"), self.protocol and named("protocol")]
        parts.append(self.teachers and f"taught by {named('teachers')}")
        parts.append(self.noise and f"{named('noise')}, severity {self.severity}")
        return ", ".join([part for part in parts if part] + [_TITLES.get(self.metric) or named("metric")])


def keys_of(cell: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """Keys of all :class:`Ask` objects for which a cell has the number."""
    complexities = {cell["complexity"], None} if cell["default_complexity"] else {cell["complexity"]}
    return {(*(cell[axis] for axis in _CELL_AXES), complexity) for complexity in complexities}


def cells(table: str, **axes: Any) -> Iterator[Ask]:
    """The product of axes (one value or a list each) in one of the paper's tables."""
    values = [value if isinstance(value, list) else [value] for value in axes.values()]
    for point in itertools.product(*values):
        yield Ask(table, **dict(zip(axes, point, strict=True)))


def pretraining(metric: str, **axes: Any) -> Iterator[Ask]:
    """Numbers of pretraining runs (axes as in :func:`cells`)."""
    return cells("", protocol="", target="", metric=metric, **axes)
