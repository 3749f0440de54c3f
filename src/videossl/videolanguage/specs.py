"""Job specifications for the weights of video-language models."""

from __future__ import annotations

from typing import Any

from videossl.common.ranges import Count, NotNegative, Seed, Version
from videossl.common.specification import Specification
from videossl.data.settings import ClipShape
from videossl.training.specs import TrainingSpec
from videossl.videolanguage.settings import PretrainingData


class PublishedModelSpec(Specification):
    """Published weights; the files are inputs."""

    recipe_version: Version
    model: str
    options: dict[str, Any]
    """Options of the network."""
    clip: ClipShape
    data: PretrainingData
    seed: Seed


class CorpusSpec(TrainingSpec):
    """Training on captioned videos."""

    recipe_version: Version
    options: dict[str, Any]
    videos: Count
    """Number of training videos taken from the corpus."""
    subset_seed: Seed
    templates: list[str]


class TrainedModelSpec(CorpusSpec):
    """A small model, initialised from the small CLIP."""

    model: str
    data: PretrainingData
    objective: str
    motion_weight: NotNegative


class SmallClipSpec(CorpusSpec):
    """The small CLIP that initialises small models."""
