"""Job specifications of trainings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from videossl.common.ranges import Count, Few, Seed, Version
from videossl.common.specification import Specification
from videossl.common.strict import Strict
from videossl.data.settings import Augment, Augmentation, ClipShape, Normalisation, Preparation
from videossl.training.settings import OptimizerSettings, Schedule

COLLAPSE_METRICS = ("effective_rank", "dead_channels", "feature_channels")
"""Metrics of the features of each pretraining (:mod:`videossl.training.collapse`)."""
COLLAPSE_VIDEOS = 256
"""Largest number of held-out videos for them: the first ones, the same for all networks of a source."""


class BackboneSpec(Strict):
    """A backbone and its options."""

    name: str
    options: dict[str, Any] = {}


class PublishedSpec(Specification):
    """Published weights of a network, and the clips that it takes; the file is an input."""

    recipe_version: Version
    backbone: BackboneSpec
    keys: list[list[str | None]]
    """How the file's parameters are renamed, in this order: pairs of an expression and its text."""
    clip: ClipShape
    stride: Few
    augment: Preparation


class TrainingSpec(Specification):
    """Fields of every training."""

    seed: Seed
    epochs: Count
    """Length of the learning-rate schedule, in epochs."""
    clip: ClipShape
    augment: Augment
    optimizer: OptimizerSettings
    batch_size: Count
    """Videos per step, over all processes."""
    accumulation_steps: Count = Field(1, alias="accumulate")
    """Number of parts that a batch is divided into."""
    precision: Literal["fp32", "bf16"] = "fp32"
    reference_batch_size: Count | None = None
    """Batch size that the learning rate is given for."""
    schedule: Schedule

    @property
    def last_epoch(self) -> int:
        """Epoch at which this job ends; a milestone may end before the schedule does."""
        return self.epochs

    def length(self, steps_per_epoch: int) -> int:
        """Length of the learning-rate schedule in epochs, if an epoch has so many steps."""
        return self.epochs

    @property
    def augmentation(self) -> Augmentation:
        """Training augmentation, for the clip size."""
        return Augmentation(**self.augment.model_dump(), size=self.clip.size)

    @property
    def test_augmentation(self) -> Augmentation:
        """The same preparation for tests, without what is random."""
        return self.augment.for_test(self.clip.size)


class TaskSpec(Strict):
    """A pretext task and its backbone."""

    task: str
    options: dict[str, Any]
    backbone: BackboneSpec
    clip: ClipShape
    augment: Normalisation
    seed: Seed


class PretrainSpec(TrainingSpec, TaskSpec):
    """Pretraining up to a milestone, on the schedule of the longest pretraining."""

    recipe_version: Version
    stop: Count
    """The milestone, in epochs."""
    heldout_videos: Count

    @property
    def last_epoch(self) -> int:
        return self.stop

    @property
    def task_alone(self) -> TaskSpec:
        """The task and its backbone, without the training."""
        normalisation = Normalisation(mean=self.augment.mean, std=self.augment.std)
        names = TaskSpec.model_fields.keys() - {"augment"}
        return TaskSpec(augment=normalisation, **{name: getattr(self, name) for name in names})
