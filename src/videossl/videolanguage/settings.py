"""Settings of video-language models. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from videossl.common.names import Name
from videossl.common.ranges import Count, Once, Text
from videossl.common.strict import Strict

CLIP = "vificlip"
"""The model that is CLIP applied to single frames; the small CLIP is built from its recipe."""


def _one_place(template: str) -> str:
    if template.count("{}") != 1:
        raise ValueError("should have {} once, for the name of the class")
    return template


Template = Annotated[str, AfterValidator(_one_place)]


class PretrainingData(Strict):
    """The data that the published model was trained on as a video-language model."""

    name: Name = Field(description="short name, used as `source` in results")
    title: Text = Field(description="name as printed")
    videos: Count = Field(description="number of videos")


class Prompts(Strict):
    """Templates that turn class names into texts."""

    templates: Annotated[list[Template], Once] = Field(min_length=1, description="templates with {} for the class name")
    average: Literal["features", "probabilities"] = Field(
        "features", description="what is averaged over the templates: normalised text features, or class probabilities"
    )
