"""Settings of data: the frame store, noisy test sets, the shape of clips and their augmentation. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from videossl.common.ranges import (
    Count,
    Frames,
    NotNegative,
    Number,
    Positive,
    Range,
    Seed,
    Share,
    Shares,
    Side,
    numbers,
)
from videossl.common.strict import Strict

Colours = numbers(Number, 3)
ColourDivisors = numbers(Positive, 3)
Jitter = Annotated[NotNegative, Field(le=1000)]
UNRESIZED = ("random_resized", "whole")
"""Crops whose part of the frame decides the size."""
LARGEST_HUE = 0.5
"""Of the circle of colours: half a turn either way is all of it."""
NOISES = ("gaussian", "shot", "impulse", "speckle")
SEVERITIES = (1, 2, 3, 4, 5)
NOISELESS = "none"
"""In the place of a noise, with severity 0: test videos stored as the noisy ones are, which are compared with them."""
MEAN = "mean"
"""The name of the mean over all kinds of noise."""
Shards = Annotated[int, Field(ge=1, le=10_000)]
"""Files of four digits."""
Size = Count | Literal["all"]
Kind = Literal[NOISES]


class ClipShape(Strict):
    """What the network sees: `frames` x `size` x `size` pixels."""

    frames: Frames = Field(16, description="frames of a clip")
    size: Side = Field(112, description="side of the square crop, pixels")


class Normalisation(Strict):
    """What is subtracted from RGB in 0 to 1, and by what it is then divided."""

    mean: Colours
    std: ColourDivisors

    def centre_crop(self, size: int) -> Augmentation:
        """Clips of the largest centre square, without any random change."""
        return Augmentation(size=size, mean=self.mean, std=self.std)


class Augment(Normalisation):
    """Augmentation of a clip, drawn once for all its frames. Names as in :mod:`videossl.data.augment`."""

    crop: Literal["random", "center", "random_resized", "whole"] = Field(
        "random",
        description="random, center: a square of `clip.size`; random_resized: a part of the frame by `scale` and"
        " `ratio`, resized to it; whole: the frame, squeezed to it",
    )
    resize_short: Side | None = Field(None, description="resize the short side first, pixels")
    scale: Shares = Field((0.08, 1.0), description="random_resized: area of the crop, share of the frame")
    ratio: Range = Field((3 / 4, 4 / 3), description="random_resized: aspect ratio of the crop")
    rotation: Annotated[NotNegative, Field(le=180)] = Field(0.0, description="degrees either way")
    flip: Share = Field(0.0, description="probability of a horizontal flip")
    jitter: numbers(Jitter, 4) = Field((0, 0, 0, 0), description="brightness, contrast, saturation, hue (0.5 at most)")
    jitter_p: Share = Field(1.0, description="probability of the jitter")
    gray_p: Share = Field(0.0, description="probability of grey pictures")
    gamma: Range | None = Field(None, description="lowest and highest exponent of a gamma correction; null: none")
    blur_p: Share = Field(0.0, description="probability of Gaussian blur")
    blur_sigma: Range = Field((0.1, 2.0), description="its standard deviation, pixels")
    mean: Colours = Field((0.485, 0.456, 0.406), description="subtracted from RGB in 0 to 1")
    std: ColourDivisors = Field((0.229, 0.224, 0.225), description="by which RGB is then divided")

    @model_validator(mode="after")
    def _fits_the_crop(self) -> Augment:
        if self.resize_short is not None and self.crop in UNRESIZED:
            raise ValueError(
                f"`resize_short` has no meaning for crop {self.crop}: leave it out, or set crop to random or center"
            )
        if self.jitter[3] > LARGEST_HUE:
            raise ValueError(f"`jitter` of hue, the fourth number, should be 0 to {LARGEST_HUE}, not {self.jitter[3]}")
        return self


class Augmentation(Augment):
    """The augmentation of clips of one size. The defaults only cut out the largest centre square."""

    size: Side = Field(description="side of the square output, pixels")
    crop: Literal["random", "center", "random_resized", "whole"] = "center"
    scale: Shares = (1.0, 1.0)
    ratio: Range = (1.0, 1.0)
    mean: Colours = (0.0, 0.0, 0.0)
    std: ColourDivisors = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _crop_fits_in_the_frame(self) -> Augmentation:
        if self.resize_short is not None and self.resize_short < self.size:
            raise ValueError(f"`resize_short` must be at least size = {self.size}")
        return self


class Store(Strict):
    """The frame store: videos decoded once, kept as JPEG frames or, faster to read and much larger, as pixels."""

    short_side: Annotated[Side, Field(ge=8)] = Field(128, description="pixels of the shorter side of a stored frame")
    reader: Literal["pyav", "decord"] = Field(
        "pyav",
        description="whose frames are stored: of one complete decode by PyAV, or decord's where each is proven to be"
        " the same, at twice the time",
    )
    codec: Literal["jpeg", "raw"] = Field("jpeg", description="how a frame is kept; `raw`: its pixels as they are")
    quality: Annotated[int, Field(ge=1, le=100)] = Field(90, description="JPEG quality; `raw` has none")


class Noise(Strict):
    """The noisy test sets."""

    constants: Literal["schiappa", "imagenet-c"] = Field(
        "schiappa", description="whose strengths: Schiappa et al. 2023 or Hendrycks and Dietterich 2019"
    )
    seed: Seed = Field(0, description="of the noise and of the choice of videos")
    videos: dict[Kind, Annotated[list[Size], Field(min_length=len(SEVERITIES), max_length=len(SEVERITIES))] | Size] = (
        Field(
            {"gaussian": "all", "shot": "all", "impulse": "all", "speckle": "all"},
            description="test videos by noise, one number or one for each severity",
        )
    )
    shards: Shards = Field(1, description="files of each frame store, one job each for a kind of noise")

    @model_validator(mode="after")
    def _every_kind(self) -> Noise:
        if missing := [kind for kind in NOISES if kind not in self.videos]:
            raise ValueError(f"`videos` has no number for {', '.join(missing)}")
        return self
