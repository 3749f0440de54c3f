"""Settings of a generated stand-in dataset."""

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
"""By design: splits of the official lists."""
READERS = {design: "kinetics" if design in ("k400", "k700") else design for design in SPLITS}
"""By design: the reader of the generated list files, which have the layout of the official ones."""
MAX_CLASSES = {"k400": 84, "k700": 84, "ssv2": 24, "ucf101": 84, "hmdb51": 84, "diving48": 48}
"""By design: largest number of distinguishable classes."""


def _even(side: int) -> int:
    if side % 2:
        raise ValueError("should be even, as videos store colours for pairs of pixels")
    return side


EvenSide = Annotated[int, Field(ge=16, le=4096), AfterValidator(_even)]
Length = Annotated[int, Field(ge=2, le=100_000)]
PerClass = Annotated[int, Field(ge=1, le=1_000_000)]


class Generated(Strict):
    """A procedurally generated stand-in of a dataset."""

    design: Literal[(*SPLITS,)] = Field(
        description="dataset whose layout and kind of classes the generated videos imitate"
    )  # type: ignore[valid-type]
    classes: Annotated[int, Field(ge=2, le=max(MAX_CLASSES.values()))] = Field(
        description=f"number of classes; largest number per design: "
        f"{', '.join(f'{name} {classes}' for name, classes in MAX_CLASSES.items())}"
    )
    videos: dict[Literal["train", "val", "test"], PerClass] = Field(
        description="videos per class in each split: train, and val (k400, k700, ssv2) or test (the others)"
    )
    frames: Annotated[numbers(Length, 2), LOWER_FIRST] = Field(
        (32, 48), description="smallest and largest length of a video in frames"
    )  # type: ignore[valid-type]
    size: numbers(EvenSide, 2) = Field((56, 48), description="width and height in pixels, both even")  # type: ignore[valid-type]
    fps: Annotated[int, Field(ge=1, le=1000)] = Field(12, description="frames per second")
    seed: Seed = Field(0, description="random seed of the videos")
    scene: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        description="probability that a video's surroundings are one of the three places of its class instead of any of"
        " the dataset's (36; 12 in k400 and k700); null for the design's: 0.5 for appearance sets, 0 for temporal ones",
    )
    broken: bool = Field(
        False, description="add four unusable videos, for tests: truncated, empty, a text file, missing"
    )

    @model_validator(mode="after")
    def _fits_the_design(self) -> Generated:
        if self.classes > (limit := MAX_CLASSES[self.design]):
            raise ValueError(f"`classes` of design {self.design} should be 2 to {limit}, not {self.classes}")
        if set(self.videos) != set(splits := SPLITS[self.design]):
            raise ValueError(f"`videos` of design {self.design} are of {' and '.join(splits)}, not {[*self.videos]}")
        return self
