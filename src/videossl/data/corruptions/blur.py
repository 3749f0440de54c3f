"""Blur: a lens out of focus, a camera in motion."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import fftconvolve

from videossl.data.corruptions import scale_of

# ImageNet-C, pixels of pictures of 224. Its antialiasing of the disk is that of our kernel, which has soft edges.
DISK_RADII = (3, 4, 6, 8, 10)
MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
"""Length of the path, and standard deviation of the weights along it."""
LARGEST_ANGLE = 45  # degrees from the horizontal, either way
STEP = 0.25  # pixels between two points of the path


def defocus(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Every pixel becomes the mean of a disk around it."""
    return convolve(frames, disk(DISK_RADII[severity - 1] * scale_of(frames)))


def motion(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Every pixel becomes a weighted mean along a line: the weights fall like half a Gaussian, as with ImageMagick.

    The direction is drawn once a video, where ImageNet-C draws one a picture: a camera moves on.
    """
    length, sigma = (value * scale_of(frames) for value in MOTION[severity - 1])
    return convolve(frames, line(length, sigma, math.radians(rng.uniform(-LARGEST_ANGLE, LARGEST_ANGLE))))


def disk(radius: float) -> np.ndarray:
    """Kernel of a disk with soft edges, (2 k + 1, 2 k + 1), sum 1. `radius`: pixels, any positive number."""
    side = np.arange(-math.ceil(radius), math.ceil(radius) + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(*np.meshgrid(side, side)), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def line(length: float, sigma: float, angle: float) -> np.ndarray:
    """Kernel of a line from its centre, (2 k + 1, 2 k + 1), sum 1: points are shared by the four pixels around them.

    Args:
        length, sigma: of the path and of its weights, pixels.
        angle: radians from the horizontal.
    """
    centre = math.ceil(length) + 1
    kernel = np.zeros((2 * centre + 1, 2 * centre + 1))
    along = np.arange(0, length + STEP / 2, STEP)
    rows, columns = centre + along * math.sin(angle), centre + along * math.cos(angle)
    weights = np.exp(-(along**2) / (2 * sigma**2))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    for down, below in ((0, 1 - (rows - top)), (1, rows - top)):
        for right, beside in ((0, 1 - (columns - left)), (1, columns - left)):
            np.add.at(kernel, (top + down, left + right), weights * below * beside)
    return (kernel / kernel.sum()).astype(np.float32)


def convolve(frames: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve each frame and colour of uint8 (T, H, W, 3) with a kernel of odd sides; frames go on as reflections."""
    border = len(kernel) // 2
    padded = np.pad(frames.astype(np.float32), ((0, 0), (border, border), (border, border), (0, 0)), mode="reflect")
    found = fftconvolve(padded, kernel[None, :, :, None], mode="valid", axes=(1, 2))
    return np.rint(np.clip(found, 0, 255)).astype(np.uint8)
