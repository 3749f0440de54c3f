"""How a frame is shown: turned and mirrored by its display matrix, in square pixels.

Phones record pictures as the sensor lies and say in a display matrix how to turn them; DVDs, broadcasts and some
encoders store pixels that are not square. Both are applied here and nowhere else, for every reader and for the size in
the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from videossl.data.video.broken import BrokenVideo

WIDEST_PIXEL = 16
"""Pixels wider or narrower than this are a damaged header: real ones stay below 3."""
SLANT = 0.02
"""Share of a matrix's larger entries up to which the smaller ones are rounding: about one degree."""


@dataclass(frozen=True)
class Turn:
    """Exchange rows and columns first, then mirror."""

    transpose: bool = False
    flip_rows: bool = False
    """Top becomes bottom."""
    flip_columns: bool = False
    """Left becomes right."""

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """Frame (H, W, 3) as stored in the file -> as shown, contiguous; itself if nothing is to be done."""
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
        """(width, height) after turning; the same function gives the size before it."""
        return (height, width) if self.transpose else (width, height)


def turn_of(frame: Any) -> Turn:
    """How a decoded frame (`av.VideoFrame`) is to be turned. BrokenVideo for another angle than quarter turns.

    The matrix maps a place (x, y) of the stored picture to (a x + c y, b x + d y), up to a shift.
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
    raise BrokenVideo("its display matrix turns it by an angle that is no multiple of 90 degrees")


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """(width, height) of the picture in square pixels; `aspect` is a pixel's width by its height, None if unknown."""
    if not aspect or aspect < 0:
        return width, height
    if not Fraction(1, WIDEST_PIXEL) <= aspect <= WIDEST_PIXEL:
        raise BrokenVideo(f"its header says that a pixel is {aspect} times as wide as high")
    return max(round(width * aspect), 1), height
