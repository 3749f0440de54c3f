"""Clip augmentation: parameters are drawn once a clip and hold for all its frames.

Drawing per frame would make objects jump and give temporal tasks a shortcut or noise; several published
repositories have had that defect. What was drawn here is done by :mod:`videossl.data.geometry`, in the loader's
worker as far as it is cheap there, and by :mod:`videossl.data.photometric`, on whole batches on the training device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from videossl.common.errors import UserError, unknown_name

CROPS = ("random", "center", "random_resized", "whole")
RANGES = {"scale": 2, "ratio": 2, "jitter": 4, "gamma": 2, "blur_sigma": 2, "mean": 3, "std": 3}
PROBABILITIES = ("flip", "jitter_p", "gray_p", "blur_p")


@dataclass(frozen=True)
class AugmentConfig:
    """How clips are augmented. The defaults change nothing but cut the largest centre square to `size`."""

    size: int
    """Side of the square output, pixels."""
    crop: str = "center"
    """`random` or `center` (a square), `random_resized` (a box of random area and aspect, resized) or `whole` (the
    frame, squeezed to a square)."""
    scale: tuple[float, float] = (1.0, 1.0)
    """random_resized: part of the frame's area."""
    ratio: tuple[float, float] = (1.0, 1.0)
    """random_resized: width over height, drawn evenly on a logarithmic scale."""
    resize_short: int | None = None
    """Short side, pixels, to which frames are resized before a `random` or `center` crop. None: as `size` for
    `center` (so the largest square), and the stored size for `random`."""
    rotation: float = 0.0
    """Largest angle, degrees; drawn from U(-rotation, rotation)."""
    flip: float = 0.0
    """Probability of a horizontal flip."""
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Strength of brightness, contrast and saturation (factors in U(1-s, 1+s)) and of hue (shift in U(-s, s)
    of the colour circle); all four act, in random order."""
    jitter_p: float = 1.0
    """Probability that a clip is jittered."""
    gray_p: float = 0.0
    """Probability of greyscale."""
    gamma: tuple[float, float] | None = None
    """Range of the exponent of a gamma change, drawn evenly."""
    blur_p: float = 0.0
    """Probability of Gaussian blur."""
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    """Range of the blur's standard deviation, pixels of the output."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from RGB in [0, 1] at the end."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides RGB at the end."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "augment") -> AugmentConfig:
        """Build from configuration values; an unknown key or a senseless value is a :class:`UserError`."""
        names = [field.name for field in fields(cls)]
        for key in values:
            if key not in names:
                raise unknown_name("key", key, names, where)
        if "size" not in values:
            raise UserError(f"{where}: 'size' (the side of the square clips, in pixels) is missing")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}).checked(where)

    def checked(self, where: str = "augment") -> AugmentConfig:
        """This configuration, or a :class:`UserError` that names the key with an invalid value."""

        def require(condition: bool, key: str, rule: str) -> None:
            if not condition:
                raise UserError(f"{where}: {key} = {getattr(self, key)!r} is invalid: {rule}")

        for key, length in RANGES.items():
            value = getattr(self, key)
            whole = value is None if key == "gamma" and value is None else _numbers(value, length)
            require(whole, key, f"a list of {length} numbers is needed")
        for key in ("scale", "ratio", "gamma", "blur_sigma"):
            value = getattr(self, key)
            require(value is None or 0 < value[0] <= value[1], key, "needs 0 < low <= high")
        require(isinstance(self.size, int) and self.size > 0, "size", "needs an integer > 0")
        require(self.crop in CROPS, "crop", f"valid are {', '.join(CROPS)}")
        require(self.scale[1] <= 1, "scale", "is a part of the area, at most 1")
        short = self.resize_short
        fits = short is None or (isinstance(short, int) and short >= self.size)
        require(fits, "resize_short", f"must be an integer of at least size = {self.size}")
        squares = self.crop in ("random", "center")
        require(short is None or squares, "resize_short", f"not with {self.crop}")
        angle = _numbers((self.rotation,), 1) and 0 <= self.rotation <= 180
        require(angle, "rotation", "needs 0..180 degrees")
        jitter = min(self.jitter) >= 0 and self.jitter[3] <= 0.5
        require(jitter, "jitter", "needs strengths >= 0, that of hue at most 0.5")
        for key in PROBABILITIES:
            value = getattr(self, key)
            require(_numbers((value,), 1) and 0 <= value <= 1, key, "is a probability, 0..1")
        require(min(self.std) > 0, "std", "needs values > 0")
        return self


def _numbers(value: Any, length: int) -> bool:
    sequence = isinstance(value, tuple) and len(value) == length
    return sequence and all(isinstance(part, int | float) and math.isfinite(part) for part in value)


@dataclass(frozen=True)
class ClipAugmentation:
    """What was drawn for one clip."""

    size: int
    top: int
    """The crop box in the stored frame, pixels: top, left, height, width."""
    left: int
    height: int
    width: int
    angle: float
    """Counter-clockwise, degrees."""
    flip: bool
    photometric: np.ndarray
    """float32 (len(photometric.COLUMNS),), see :class:`videossl.data.photometric.PhotometricParams`."""


def draw(config: AugmentConfig, height: int, width: int, rng: np.random.Generator) -> ClipAugmentation:
    """Draw the augmentation of one clip whose stored frames are `height` x `width` pixels."""
    top, left, box_height, box_width = _draw_box(config, height, width, rng)
    angle = rng.uniform(-config.rotation, config.rotation) if config.rotation else 0.0
    flip = bool(rng.random() < config.flip)
    return ClipAugmentation(config.size, top, left, box_height, box_width, angle, flip, _draw_photometric(config, rng))


def _draw_box(config: AugmentConfig, height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The crop box (top, left, height, width).

    "Resize, then crop size x size" is the same picture as a crop of size * short / resize_short stored
    pixels, resized: one resampling step, and only of the pixels that are kept.
    """
    if config.crop == "random_resized":
        return _draw_resized_box(config, height, width, rng)
    if config.crop == "whole":
        return 0, 0, height, width
    short = min(height, width)
    resize_short = config.resize_short or (config.size if config.crop == "center" else short)
    side = min(max(round(config.size * short / resize_short), 1), short)
    if config.crop == "center":
        return (height - side) // 2, (width - side) // 2, side, side
    return int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1)), side, side


def _draw_resized_box(
    config: AugmentConfig, height: int, width: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A box of random area and aspect (Szegedy et al. 2015): ten tries, then the largest centre box."""
    log_ratio = np.log(config.ratio)
    for _ in range(10):
        area = height * width * rng.uniform(*config.scale)
        ratio = math.exp(rng.uniform(*log_ratio))
        box_width, box_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < box_width <= width and 0 < box_height <= height:
            top = int(rng.integers(height - box_height + 1))
            left = int(rng.integers(width - box_width + 1))
            return top, left, box_height, box_width
    ratio = min(max(width / height, config.ratio[0]), config.ratio[1])
    box_height, box_width = min(height, round(width / ratio)), min(width, round(height * ratio))
    return (height - box_height) // 2, (width - box_width) // 2, box_height, box_width


def _draw_photometric(config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """One row of parameters in the order of `photometric.COLUMNS`; what does not act is neutral (1, or 0)."""
    factors, order = np.array([1.0, 1.0, 1.0, 0.0]), np.arange(4)
    if any(config.jitter) and rng.random() < config.jitter_p:
        strength = np.array(config.jitter)
        low = np.array([*np.maximum(1 - strength[:3], 0), -strength[3]])
        factors = rng.uniform(low, np.array([*(1 + strength[:3]), strength[3]]))
        order = rng.permutation(4)
    gray = float(rng.random() < config.gray_p)
    gamma = rng.uniform(*config.gamma) if config.gamma else 1.0
    sigma = rng.uniform(*config.blur_sigma) if rng.random() < config.blur_p else 0.0
    row = [*factors, *order, gray, gamma, sigma, *config.mean, *config.std]
    return np.array(row, dtype=np.float32)
