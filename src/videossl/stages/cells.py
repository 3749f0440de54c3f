"""Cells: the jobs of the study and their identity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from videossl.stages import registry

SCRATCH = "scratch"
"""Task of a cell without pretraining, the baseline of every table."""
NONE = "none"
"""Source and subset of a cell without pretraining."""
VIDEO_LANGUAGE = "videolanguage"
"""Task of a video-language model; the model's name is in the cell's `backbone`."""


@dataclass(frozen=True, order=True)
class Cell:
    """Full identity of one job. `epochs` is the milestone's name, not the number of epochs run at a scale.

    The last two fields follow from the others and are not part of the identity: whether the complexity is the recipe's
    default, and the cells of the teachers or of the compared network.
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
    labels: str = ""
    default_complexity: bool = True
    partners: tuple[Cell, ...] = ()

    @property
    def variant(self) -> str:
        """Directory name of the task: its name, plus the complexity if it is not the recipe's default."""
        return self.task if self.default_complexity else f"{self.task}-{self.complexity}"

    @property
    def wildcards(self) -> dict[str, str]:
        """Values of the path's wildcards, one per axis."""
        return {axis: str(getattr(self, axis)) for axis in axes_of(self.stage)}

    @property
    def path(self) -> str:
        """Directory of the cell relative to the results folder, with one directory per axis."""
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

    @property
    def teaches_by_logits(self) -> bool:
        """Whether a student of this teacher reads the logits that it has written beforehand: a video-language model."""
        return self.stage == "class_logits"

    @property
    def taught_by_models(self) -> bool:
        """Whether teachers are video-language models."""
        return any(teacher.teaches_by_logits for teacher in self.partners)

    def of_stage(self, stage: str) -> Cell:
        """The cell of another stage for the same network and, if that stage has targets, the same target."""
        other = registry.stage(stage)
        target = self.target if "target" in axes_of(stage) else ""
        protocol = stage if other.is_protocol and target else ""
        labels = self.labels if "labels" in axes_of(stage) else ""
        return replace(
            self, stage=stage, target=target, protocol=protocol, labels=labels, teachers="", against="", partners=()
        )


def axes_of(stage: str) -> list[str]:
    """The wildcards in a stage's path."""
    return [part.split("}")[0] for part in registry.stage(stage).folder.split("{")[1:]]
