"""Cells: the jobs of the study and what identifies each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from videossl.stages import registry

SCRATCH = "scratch"
"""The task of a cell without pretraining: the baseline of every table."""
NONE = "none"
"""Source and subset of a cell without pretraining."""
VIDEO_LANGUAGE = "videolanguage"
"""The task of a video-language model, which stands in the cell's `backbone`."""


@dataclass(frozen=True, order=True)
class Cell:
    """Full identity of one job. `epochs` is the milestone's name, not the number of epochs run at a scale.

    The last two fields follow from the others and are no part of the identity: whether the complexity is the recipe's
    default, and the cells of the teachers or of the network that is compared with.
    """

    stage: str
    task: str
    complexity: str
    backbone: str
    source: str
    subset: str
    epochs: int
    target: str
    protocol: str
    seed: int
    teachers: str = ""
    against: str = ""
    default_complexity: bool = True
    partners: tuple[Cell, ...] = ()

    @property
    def variant(self) -> str:
        """The task's directory: its name, with the complexity when that is not the recipe's default."""
        return self.task if self.default_complexity else f"{self.task}-{self.complexity}"

    @property
    def wildcards(self) -> dict[str, str]:
        """The values of the path's wildcards, one an axis."""
        return {axis: str(getattr(self, axis)) for axis in axes_of(self.stage)}

    @property
    def path(self) -> str:
        """Directory of the cell below the results' folder; one directory an axis."""
        return registry.stage(self.stage).folder.format(**self.wildcards)

    @property
    def identity(self) -> dict[str, Any]:
        """The columns that identify the cell's rows in every Parquet file."""
        names = [name for name in self.__dataclass_fields__ if name not in ("default_complexity", "partners")]
        return {name: getattr(self, name) for name in names}

    @property
    def is_scratch(self) -> bool:
        """True for a network that was not pretrained."""
        return self.task == SCRATCH

    def of_stage(self, stage: str) -> Cell:
        """The cell of another stage about the same network (and, where that stage has one, the same target)."""
        other = registry.stage(stage)
        target = self.target if "target" in axes_of(stage) else ""
        protocol = stage if other.is_protocol and target else ""
        return replace(self, stage=stage, target=target, protocol=protocol, teachers="", against="", partners=())


def axes_of(stage: str) -> list[str]:
    """The wildcards in a stage's path."""
    return [part.split("}")[0] for part in registry.stage(stage).folder.split("{")[1:]]
