"""Specifications of the evaluation protocols."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from videossl.common.ranges import Count, Few, PositiveShare, Seed, ShareBelowOne, Side, Version
from videossl.common.specification import Specification
from videossl.common.strict import Strict
from videossl.data.settings import Augmentation, ClipShape, ColourDivisors, Colours, Normalisation
from videossl.data.specs import NoiseSpec
from videossl.evaluation.settings import CKA, Distillation, LinearProbe, Retrieval
from videossl.training.specs import BackboneSpec, TrainingSpec
from videossl.videolanguage.settings import Prompts


class ClipTestSpec(Strict):
    """How videos are tested: uniformly spaced clips, whose outputs are averaged."""

    clip: ClipShape
    stride: Few
    """Frames between the frames of a clip."""
    test_clips: Few
    """Clips of a video."""
    batch_size: Count
    seed: Seed
    augment: Normalisation

    @property
    def test_augmentation(self) -> Augmentation:
        """The largest centre square, without any random change."""
        return self.augment.centre_crop(self.clip.size)


class FinetuneSpec(TrainingSpec, ClipTestSpec):
    """Finetuning and test; the weights that it starts from are an input."""

    recipe_version: Version
    backbone: BackboneSpec
    dropout: ShareBelowOne


class DistillationSpec(Distillation):
    """How a student is taught."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
    max_weight: PositiveShare = Field(alias="most_weight")


class DistillSpec(FinetuneSpec):
    """Finetuning with teachers, whose weights or logits are inputs."""

    distillation: DistillationSpec
    views: Few | None = Field(None, exclude_if=lambda views: views is None)
    """Clips of a training video for which the teachers' logits were kept; None: the teachers see the clips."""


class FeaturesSpec(Specification, ClipTestSpec):
    """Features of a frozen backbone: clips as in the test after finetuning."""

    recipe_version: Version
    backbone: BackboneSpec


class LinearProbeSpec(LinearProbe, Specification):
    """The linear probe on features."""

    features: FeaturesSpec
    max_iterations: Count = Field(alias="most_iterations")


class RetrievalSpec(Retrieval, Specification):
    """The retrieval by features."""

    features: FeaturesSpec


class RobustnessSpec(Specification):
    """The test on noisy videos; the network and how it is tested are an input."""

    noise: NoiseSpec


class CKASpec(CKA, Specification):
    """The comparison of two finetuned networks."""

    seed: Seed


class FrameCut(Strict):
    """How a video-language model's frames are cut out and normalised."""

    crop: str
    resize_short: Side | None = Field(None, exclude_if=lambda side: side is None)
    mean: Colours
    std: ColourDivisors


class ViewSpec(Specification):
    """How a video-language model sees a video and is asked for classes; the model is an input."""

    recipe_version: Version
    clip: ClipShape
    sampling: str
    augment: FrameCut
    prompts: Prompts
    batch_size: Count
    seed: Seed

    @property
    def augmentation(self) -> Augmentation:
        """How frames are cut out, for the clip size."""
        return Augmentation(**self.augment.model_dump(), size=self.clip.size)


class ZeroShotSpec(ViewSpec):
    """The zero-shot test."""

    reader: str
    splits: list[int]
    """The official divisions of which the mean is taken; none: the manifest's own test videos."""


class StudentClips(Strict):
    """The clips that students are trained on."""

    frames: Count
    stride: Few
    views: Few


class ClassLogitsSpec(ViewSpec):
    """The logits of a video-language model for the clips that its students are trained on."""

    student: StudentClips
