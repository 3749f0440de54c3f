"""Specifications of trainings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from videossl.common.ranges import Count, Seed, Version
from videossl.common.specification import Specification
from videossl.common.strict import Strict
from videossl.data.settings import Augment, Augmentation, ClipShape, Normalisation
from videossl.training.settings import OptimizerSettings, Schedule


class BackboneSpec(Strict):
    """A backbone and its options."""

    name: str
    options: dict[str, Any] = {}


class TrainingSpec(Specification):
    """What every training has."""

    seed: Seed
    epochs: Count
    """Length of the schedule."""
    clip: ClipShape
    augment: Augment
    optimizer: OptimizerSettings
    batch_size: Count
    """Videos of a step, over all processes."""
    accumulation_steps: Count = Field(1, alias="accumulate")
    """Parts that a batch is trained in."""
    precision: Literal["fp32", "bf16"] = "fp32"
    reference_batch_size: Count | None = None
    """The batch size that the learning rate is for."""
    schedule: Schedule

    @property
    def last_epoch(self) -> int:
        """Where this job ends; a milestone may end before the schedule does."""
        return self.epochs

    @property
    def augmentation(self) -> Augmentation:
        """The training augmentation for the clip size."""
        return Augmentation(**self.augment.model_dump(), size=self.clip.size)

    @property
    def test_augmentation(self) -> Augmentation:
        """The largest centre square, without any random change."""
        return self.augment.centre_crop(self.clip.size)


class TaskSpec(Strict):
    """A pretext task around its backbone."""

    task: str
    options: dict[str, Any]
    backbone: BackboneSpec
    clip: ClipShape
    augment: Normalisation
    seed: Seed


class PretrainSpec(TrainingSpec, TaskSpec):
    """A pretraining up to a milestone, on the schedule of the longest one."""

    recipe_version: Version
    stop: Count
    """The milestone, epochs."""
    heldout_videos: Count

    @property
    def last_epoch(self) -> int:
        return self.stop
