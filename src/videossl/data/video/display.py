"""How a frame is displayed: rotated and flipped by its display matrix, in square pixels.

Phones store pictures in the sensor's orientation and a display matrix; DVDs, broadcasts and some encoders store
non-square pixels. Both are applied only here, for every reader and for the size in the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from videossl.data.video.broken import BrokenVideo

WIDEST_PIXEL = 16
"""A pixel aspect ratio beyond this means a damaged header: real ones stay below 3."""
SLANT = 0.02
"""Matrix entries below this fraction of the larger ones count as rounding: about one degree."""


@dataclass(frozen=True)
class Turn:
    """Transpose rows and columns first, then flip."""

    transpose: bool = False
    flip_rows: bool = False
    """Flip vertically."""
    flip_columns: bool = False
    """Flip horizontally."""

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """Frame (H, W, 3) as stored -> as displayed, contiguous; the frame itself if nothing changes."""
        if self == Turn():
            return frame
        if self.transpose:
            frame = frame.transpose(1, 0, 2)
        if self.flip_rows:
            frame = frame[::-1]
        if self.flip_columns:
            frame = frame[:, ::-1]
        return np.ascontiguousarray(frame)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after the transformation; the same function gives the size before it."""
        return (height, width) if self.transpose else (width, height)


def turn_of(frame: Any) -> Turn:
    """The transformation for a decoded frame (`av.VideoFrame`). Raises BrokenVideo for angles other than quarter turns.

    The matrix maps (x, y) in the stored picture to (a x + c y, b x + d y), up to a shift.
    """
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].astype(float)
    straight, crossed = min(abs(a), abs(d)), min(abs(b), abs(c))
    if straight > 0 and max(abs(b), abs(c)) <= SLANT * straight:
        return Turn(flip_rows=d < 0, flip_columns=a < 0)
    if crossed > 0 and max(abs(a), abs(d)) <= SLANT * crossed:
        return Turn(transpose=True, flip_rows=b < 0, flip_columns=c < 0)
    if straight == crossed == 0:  # no matrix at all: some writers leave it empty
        return Turn()
    raise BrokenVideo("its display matrix turns it by an angle that is not a multiple of 90 degrees")


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """(width, height) in square pixels; `aspect` is width / height of a pixel, None if unknown."""
    if not aspect or aspect < 0:
        return width, height
    if not Fraction(1, WIDEST_PIXEL) <= aspect <= WIDEST_PIXEL:
        raise BrokenVideo(f"its header says that a pixel is {aspect} times as wide as high")
    return max(round(width * aspect), 1), height
