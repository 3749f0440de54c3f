"""Camera: it shakes, is turned, or is aimed beside the scene.

What was not filmed is black after a rotation (as with Pillow's, which Schiappa et al. use), and the nearest border
pixel after a shift.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import rotate

from videossl.data.corruptions import scale_of

# Schiappa et al.: offsets of up to 8 s pixels at severity s, of pictures of 224; static_rotate's first five angles.
PIXELS_PER_SEVERITY = 8
ANGLES = (7.5, 15, 30, 45, 90)


def shake(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Each frame is shifted by its own offset, drawn uniformly from a square of 8 s pixels around its place."""
    reach = PIXELS_PER_SEVERITY * severity * scale_of(frames) / 2
    return shift(frames, np.rint(rng.uniform(-1, 1, (len(frames), 2)) * reach).astype(int))


def rotation(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """All frames are turned by one angle, either way."""
    angle = ANGLES[severity - 1] * rng.choice([-1, 1])
    return rotate(frames, angle, axes=(1, 2), reshape=False, order=1, mode="constant", cval=0)


def translation(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """All frames are shifted by 8 s pixels in one direction; theirs is an offset of up to as many."""
    angle, distance = rng.uniform(0, 2 * math.pi), PIXELS_PER_SEVERITY * severity * scale_of(frames)
    offset = np.rint([distance * math.sin(angle), distance * math.cos(angle)]).astype(int)
    return shift(frames, np.broadcast_to(offset, (len(frames), 2)))


def shift(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Shift each frame of (T, H, W, 3) by its offset (T, 2): pixels down and to the right."""
    count, height, width, _ = frames.shape
    rows = np.clip(np.arange(height) - offsets[:, :1], 0, height - 1)
    columns = np.clip(np.arange(width) - offsets[:, 1:], 0, width - 1)
    return frames[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
