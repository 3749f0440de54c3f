"""What is said of a generated stand-in of a dataset."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from videossl.common.ranges import LOWER_FIRST, Seed, numbers
from videossl.common.strict import Strict

SPLITS = {
    "k400": ("train", "val"),
    "k700": ("train", "val"),
    "ssv2": ("train", "val"),
    "ucf101": ("train", "test"),
    "hmdb51": ("train", "test"),
    "diving48": ("train", "test"),
}
"""By design: the splits of its official lists."""
MAX_CLASSES = {"k400": 84, "k700": 84, "ssv2": 24, "ucf101": 84, "hmdb51": 84, "diving48": 48}
"""By design: as many as can be told apart."""


def _even(side: int) -> int:
    if side % 2:
        raise ValueError("should be even, as videos keep the colours of two pixels together")
    return side


EvenSide = Annotated[int, Field(ge=16, le=4096), AfterValidator(_even)]
Length = Annotated[int, Field(ge=2, le=100_000)]
PerClass = Annotated[int, Field(ge=1, le=1_000_000)]


class Generated(Strict):
    """A procedurally generated stand-in of a dataset."""

    design: Literal[(*SPLITS,)] = Field(description="the dataset whose layout and character the generated videos have")
    classes: Annotated[int, Field(ge=2, le=max(MAX_CLASSES.values()))] = Field(
        description=f"number of classes, as far as the design has them: "
        f"{', '.join(f'{name} {classes}' for name, classes in MAX_CLASSES.items())}"
    )
    videos: dict[Literal["train", "val", "test"], PerClass] = Field(
        description="videos per class of each split: train, and val (k400, k700, ssv2) or test (the others)"
    )
    frames: Annotated[numbers(Length, 2), LOWER_FIRST] = Field((32, 48), description="shortest and longest, in frames")
    size: numbers(EvenSide, 2) = Field((56, 48), description="width and height in pixels, even")
    fps: Annotated[int, Field(ge=1, le=1000)] = Field(12, description="frames per second")
    seed: Seed = Field(0, description="seed of the generator")
    broken: bool = Field(False, description="add a truncated, an empty, a text and a missing file")

    @model_validator(mode="after")
    def _fits_the_design(self) -> Generated:
        if self.classes > (limit := MAX_CLASSES[self.design]):
            raise ValueError(f"`classes` of design {self.design} should be 2 to {limit}, not {self.classes}")
        if set(self.videos) != set(splits := SPLITS[self.design]):
            raise ValueError(f"`videos` of design {self.design} are of {' and '.join(splits)}, not {[*self.videos]}")
        return self
