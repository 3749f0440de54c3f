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
"""Crops whose size is determined by the area of the frame that they cover."""
LARGEST_HUE = 0.5
"""As a fraction of the colour circle: half a turn in either direction covers all of it."""
NOISES = ("gaussian", "shot", "impulse", "speckle")
SEVERITIES = (1, 2, 3, 4, 5)
NOISELESS = "none"
"""Takes the place of a noise, with severity 0: the clean test videos, stored in the same way as the noisy ones."""
MEAN = "mean"
"""Name of the mean over all kinds of noise."""
CORRUPTIONS: dict[str, tuple[str, ...]] = {
    "blur": ("defocus", "motion"),
    "camera": ("shake", "rotation", "translation"),
    "digital": ("jpeg", "h264", "contrast"),
    "temporal": ("frame_drop", "freeze", "shuffle", "reversed"),
}
"""Corruptions beyond noise, by group: files of src/videossl/data/corruptions, and functions in them."""
ALL_CORRUPTIONS = "corruptions"
"""Name of the mean over all corruptions."""
MOST_SHARDS = 10_000
"""File names have four digits."""
Shards = Annotated[int, Field(ge=1, le=MOST_SHARDS)]
Size = Count | Literal["all"]
Kind = Literal[NOISES]


class ClipShape(Strict):
    """Shape of the network's input: `frames` x `size` x `size` pixels."""

    frames: Frames = Field(16, description="number of frames of a clip")
    size: Side = Field(112, description="side of the square crop in pixels")


class Normalisation(Strict):
    """Normalisation of RGB in [0, 1]: subtract `mean`, divide by `std`."""

    mean: Colours
    std: ColourDivisors

    def for_test(self, size: int) -> Augmentation:
        """How clips of a test are prepared: the largest centre square, nothing random."""
        return Augmentation(size=size, mean=self.mean, std=self.std)


class Preparation(Normalisation):
    """How clips of a test are prepared: cut from the middle, nothing random. Without values the largest square."""

    crop: Literal["center", "unresized", "whole"] = Field("center", exclude_if=lambda crop: crop == "center")
    resize_short: Side | None = Field(None, exclude_if=lambda side: side is None)

    def for_test(self, size: int) -> Augmentation:
        return Augmentation(size=size, **self.model_dump())


class Augment(Normalisation):
    """Augmentation of a clip, drawn once for all its frames. Names as in :mod:`videossl.data.augment`."""

    crop: Literal["random", "center", "random_resized", "whole"] = Field(
        "random",
        description="random: a square of `clip.size` pixels anywhere in the frame, in tests in its middle; center: a"
        " square from the middle; random_resized: a part of the frame given by `scale` and `ratio`, resized to that"
        " square, in tests the largest centre square; whole: the whole frame, squeezed to that square",
    )
    resize_short: Side | None = Field(
        None,
        description="random, center: first resize frames to this short side in pixels, in training and in tests; null:"
        " random leaves the stored frames as they are, center takes the largest square",
    )
    scale: Shares = Field(
        (0.08, 1.0), description="random_resized: smallest and largest area of the crop as a fraction of the frame"
    )
    ratio: Range = Field((3 / 4, 4 / 3), description="random_resized: smallest and largest aspect ratio of the crop")
    rotation: Annotated[NotNegative, Field(le=180)] = Field(0.0, description="degrees either way")
    flip: Share = Field(0.0, description="probability of a horizontal flip")
    jitter: numbers(Jitter, 4) = Field(
        (0, 0, 0, 0), description="strengths of colour jitter: brightness, contrast, saturation, hue (at most 0.5)"
    )
    jitter_p: Share = Field(1.0, description="probability of colour jitter")
    gray_p: Share = Field(0.0, description="probability of converting a clip to grey")
    gamma: Range | None = Field(
        None, description="lowest and highest exponent of a random gamma correction; null: none"
    )
    blur_p: Share = Field(0.0, description="probability of Gaussian blur")
    blur_sigma: Range = Field((0.1, 2.0), description="smallest and largest standard deviation of the blur in pixels")
    mean: Colours = Field((0.485, 0.456, 0.406), description="normalisation: subtracted from RGB values in 0 to 1")
    std: ColourDivisors = Field(
        (0.229, 0.224, 0.225), description="normalisation: RGB values are then divided by these"
    )

    @property
    def preparation(self) -> Preparation:
        """The same preparation for tests, without what is random: scale and place are those of training on average.

        Of `random_resized` the scale varies in training; tests see the largest centre square.
        """
        crops: dict[str, Literal["center", "unresized", "whole"]] = {"random": "unresized", "whole": "whole"}
        crop = "center" if self.resize_short else crops.get(self.crop, "center")
        return Preparation(mean=self.mean, std=self.std, crop=crop, resize_short=self.resize_short)

    def for_test(self, size: int) -> Augmentation:
        """The training's preparation without what is random (:attr:`preparation`)."""
        return self.preparation.for_test(size)

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
    crop: Literal["random", "center", "random_resized", "whole", "unresized"] = "center"  # type: ignore[assignment]
    """unresized, of tests only: in the middle, `size` pixels of the stored frame, as large as `random`'s."""
    scale: Shares = (1.0, 1.0)
    ratio: Range = (1.0, 1.0)
    mean: Colours = (0.0, 0.0, 0.0)
    std: ColourDivisors = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _crop_fits_in_the_frame(self) -> Augmentation:
        if self.resize_short is not None and self.resize_short < self.size:
            raise ValueError(f"`resize_short` must be at least size = {self.size}")
        return self


class FrameFormat(Strict):
    """How frames are read and stored: as JPEG, or as pixels, compressed or not (faster to read, much larger)."""

    short_side: Annotated[Side, Field(ge=8)] = Field(128, description="shorter side of a stored frame in pixels")
    reader: Literal["pyav", "decord"] = Field(
        "pyav",
        description="pyav: store the frames of one complete decode; decord: store decord's frames where each is"
        " verified to be"
        " the same, which takes twice as long",
    )
    codec: Literal["jpeg", "raw", "lz4"] = Field(
        "jpeg", description="encoding of a frame; raw: uncompressed pixels; lz4: the same pixels, compressed"
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(90, description="JPEG quality, 1 to 100")


class Corruptions(Strict):
    """The corrupted test videos: blur, camera, digital and temporal corruptions."""

    videos: Size = Field("all", description="number of test videos, the same for all corruptions")
    seed: Seed = Field(0, description="random seed of the corruptions and of the choice of videos")


class Store(FrameFormat):
    """The frame stores: each video is decoded once and stored as JPEG frames or as pixels."""

    videos_per_shard: Count = Field(
        1000,
        description="training videos in a file of a source's frame store, in the order in which subsets take them; one"
        " job writes one file",
    )


class Noise(Strict):
    """The noisy test sets."""

    constants: Literal["schiappa", "imagenet-c"] = Field(
        "schiappa", description="strengths of the noise: of Schiappa et al. 2023 or of Hendrycks and Dietterich 2019"
    )
    seed: Seed = Field(0, description="random seed of the noise and of the choice of videos")
    videos: dict[Kind, Annotated[list[Size], Field(min_length=len(SEVERITIES), max_length=len(SEVERITIES))] | Size] = (
        Field(
            {"gaussian": "all", "shot": "all", "impulse": "all", "speckle": "all"},
            description="by noise: number of test videos, one for all severities or a list of one per severity",
        )
    )
    shards: Shards = Field(
        1, description="number of files of each noisy frame store; one job writes one file of each severity"
    )

    @model_validator(mode="after")
    def _every_kind(self) -> Noise:
        if missing := [kind for kind in NOISES if kind not in self.videos]:
            raise ValueError(f"`videos` has no number for {', '.join(missing)}")
        return self
