"""Job specifications of the evaluation protocols."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from videossl.common.ranges import Count, CountOrNone, Few, PositiveShare, Seed, ShareBelowOne, Side, Version
from videossl.common.specification import Specification
from videossl.common.strict import Strict
from videossl.data.settings import Augmentation, ClipShape, ColourDivisors, Colours, Normalisation, Preparation
from videossl.data.specs import NoiseSpec
from videossl.evaluation.settings import CKA, KNN, Distillation, LinearProbe, Retrieval
from videossl.training.specs import BackboneSpec, TrainingSpec
from videossl.videolanguage.settings import Prompts

EPOCHS_RUN = "epochs_run"
"""Metric of finetuning: the number of epochs, which may be more than the configuration's (`min_steps`); its n is the
number of steps."""
SHORT_CLASSES = "short_classes"
"""Metric of low-shot finetuning: the number of classes with fewer labelled videos than asked for."""


def epochs_to_run(epochs: int, min_steps: int, steps_per_epoch: int) -> int:
    """`epochs`, or as many more as it takes to have `min_steps` steps."""
    return max(epochs, -(-min_steps // max(1, steps_per_epoch)))


class ClipTestSpec(Strict):
    """Video-level test: outputs are averaged over uniformly spaced clips."""

    clip: ClipShape
    stride: Few
    """Distance of a clip's frames, in frames of the video."""
    test_clips: Few
    """Clips per video."""
    batch_size: Count
    seed: Seed
    augment: Normalisation

    @property
    def test_augmentation(self) -> Augmentation:
        """How clips are prepared, for their size; nothing random."""
        return self.augment.for_test(self.clip.size)


class FinetuneSpec(TrainingSpec, ClipTestSpec):
    """Finetuning and test; the initial weights are an input."""

    recipe_version: Version
    backbone: BackboneSpec
    dropout: ShareBelowOne
    min_steps: CountOrNone = Field(0, exclude_if=lambda steps: steps == 0)
    """Least number of steps: where `epochs` have fewer, the training has more epochs."""
    average: ShareBelowOne = Field(0.0, exclude_if=lambda decay: decay == 0)
    """Decay of the average of the weights that is tested instead of the last ones; 0: the last ones."""

    def length(self, steps_per_epoch: int) -> int:
        return epochs_to_run(self.epochs, self.min_steps, steps_per_epoch)


class LowShotSpec(FinetuneSpec):
    """Finetuning with a few labelled videos of each class, which the seed chooses."""

    labels: Few | Literal["all"]
    """Labelled training videos of each class."""


class DistillationSpec(Distillation):
    """Loss of multi-teacher distillation."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
    max_weight: PositiveShare = Field(alias="most_weight")


class DistillSpec(FinetuneSpec):
    """Finetuning with teachers; the teachers' weights or logits are inputs."""

    distillation: DistillationSpec
    views: Few | None = Field(None, exclude_if=lambda views: views is None)
    """Clips per training video with stored teacher logits; None: the teachers process the clips during training."""


class FeaturesSpec(Specification, ClipTestSpec):
    """Features of a frozen backbone, on the clips of the test after finetuning."""

    augment: Preparation
    recipe_version: Version
    backbone: BackboneSpec
    estimated_statistics: bool = Field(False, exclude_if=lambda estimated: not estimated)
    """Whether batch normalisation gets the statistics of the target's training videos; of untrained networks alone."""


class LinearProbeSpec(LinearProbe, Specification):
    """Linear probe on features."""

    features: FeaturesSpec
    max_iterations: Count = Field(alias="most_iterations")


class KNNSpec(KNN, Specification):
    """Vote of the nearest training videos by features."""

    features: FeaturesSpec


class RetrievalSpec(Retrieval, Specification):
    """Retrieval by features."""

    features: FeaturesSpec


class RobustnessSpec(Specification):
    """Test on noisy videos; the network and its test settings are an input."""

    noise: NoiseSpec


class CKASpec(CKA, Specification):
    """CKA of two finetuned networks."""

    seed: Seed


class FrameCut(Strict):
    """How a video-language model's frames are cropped and normalised."""

    crop: str
    resize_short: Side | None = Field(None, exclude_if=lambda side: side is None)
    mean: Colours
    std: ColourDivisors


class ViewSpec(Specification):
    """How a video-language model sees a video and is prompted for classes; the model is an input."""

    recipe_version: Version
    clip: ClipShape
    sampling: str
    augment: FrameCut
    prompts: Prompts
    batch_size: Count
    seed: Seed

    @property
    def augmentation(self) -> Augmentation:
        """How frames are cropped and normalised, for the clip size."""
        return Augmentation(**self.augment.model_dump(), size=self.clip.size)


class ZeroShotSpec(ViewSpec):
    """Zero-shot test."""

    reader: str
    splits: list[int]
    """Official splits to average over; empty: the manifest's test videos."""


class StudentClips(Strict):
    """Clips that students are trained on."""

    frames: Count
    stride: Few
    views: Few


class ClassLogitsSpec(ViewSpec):
    """Logits of a video-language model for the training clips of its students."""

    student: StudentClips
