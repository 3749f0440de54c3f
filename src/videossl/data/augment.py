"""Clip augmentation: parameters are drawn once per clip and apply to all its frames.

Drawing per frame, a defect of several published repositories, makes objects jump and gives temporal tasks a shortcut or
noise. The drawn parameters are applied by :mod:`videossl.data.geometry` (in the loader's workers, where that is cheap)
and by :mod:`videossl.data.photometric` (on whole batches, on the training device).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from videossl.data.settings import Augmentation


@dataclass(frozen=True)
class ClipAugmentation:
    """Augmentation parameters of one clip."""

    size: int
    top: int
    """Crop box in the stored frame, in pixels: top, left, height, width."""
    left: int
    height: int
    width: int
    angle: float
    """Degrees, counter-clockwise."""
    flip: bool
    photometric: np.ndarray
    """float32 (len(photometric.COLUMNS),), see :class:`videossl.data.photometric.PhotometricParams`."""


def draw(config: Augmentation, height: int, width: int, rng: np.random.Generator) -> ClipAugmentation:
    """Draw augmentation parameters for one clip with stored frames of `height` x `width` pixels."""
    top, left, box_height, box_width = _draw_box(config, height, width, rng)
    angle = rng.uniform(-config.rotation, config.rotation) if config.rotation else 0.0
    flip = bool(rng.random() < config.flip)
    return ClipAugmentation(config.size, top, left, box_height, box_width, angle, flip, _draw_photometric(config, rng))


def _draw_box(config: Augmentation, height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The crop box (top, left, height, width).

    "Resize, then crop size x size" gives the same image as cropping size * short / resize_short stored pixels and
    resizing the crop. The latter resamples once, and only the pixels that are kept.
    """
    if config.crop == "random_resized":
        return _draw_resized_box(config, height, width, rng)
    if config.crop == "whole":
        return 0, 0, height, width
    short = min(height, width)
    resize_short = config.resize_short or (config.size if config.crop == "center" else short)
    side = min(max(round(config.size * short / resize_short), 1), short)
    if config.crop in ("center", "unresized"):
        return (height - side) // 2, (width - side) // 2, side, side
    return int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1)), side, side


def _draw_resized_box(
    config: Augmentation, height: int, width: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A box of random area and aspect ratio (Szegedy et al. 2015): ten tries, then the largest centre box."""
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


def _draw_photometric(config: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """One row of parameters in the order of `photometric.COLUMNS`; inactive ones have neutral values (1 or 0)."""
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
