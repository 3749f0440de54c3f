"""Reads video files: all frames that a player shows, in order, each verified.

`sequential` decodes a file once, completely; everything else is compared with that decode. `display` applies the
display matrix and pixel aspect; `truncation` finds files that end too early; `decord_reader` is decord with verified
frames; `guard` keeps a decoder from hanging or crashing a job. This module has what other packages use.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from videossl.common.errors import UserError
from videossl.data.video.broken import BrokenVideo, one_line
from videossl.data.video.sequential import Converter, Decode, VideoInfo

__all__ = [
    "BrokenVideo", "VideoInfo", "check_video", "frames_at", "one_line", "pyav_frames", "stored_size"
]  # fmt: skip


def stored_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """(width, height) with a short side of `short_side` and the long side in proportion, rounded."""
    scale = short_side / min(width, height)
    return max(round(width * scale), short_side), max(round(height * scale), short_side)


def check_video(path: Path, end: int | None = None) -> VideoInfo:
    """Decode the stream up to frame `end` (exclusive) and describe it.

    Raises :class:`BrokenVideo` also for a damaged picture, and for a file that is shorter than its container says.
    """
    with Decode(path, end) as decode:
        for _ in decode.frames():
            pass
        return decode.info()


def pyav_frames(path: Path, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
    """All frames (H, W, 3) uint8 RGB as displayed, in order, at the given (width, height) or in square pixels.

    Raises :class:`BrokenVideo`, possibly after some frames.
    """
    convert = Converter()
    with Decode(path) as decode:
        for frame in decode.frames():
            yield convert.pixels(frame, size or decode.shown_size())


def frames_at(path: Path, indices: np.ndarray, short_side: int | None = None) -> np.ndarray:
    """Frames (T, H, W, 3) uint8 RGB with the numbers `indices`, in that order.

    In square pixels, or with a short side of `short_side` pixels. Decodes from the beginning: seeking gives other
    frames in many files (open groups of pictures, B-frames in AVI, program streams), with every reader tried. Raises
    UserError if a frame does not decode.
    """
    wanted, places = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    if wanted.size == 0 or wanted[0] < 0:
        raise IndexError(f"frames {list(indices)} requested from {path}")
    numbers, convert, found = set(wanted.tolist()), Converter(), []
    try:
        with Decode(path, int(wanted[-1]) + 1) as decode:
            for number, frame in enumerate(decode.frames()):
                if number in numbers:
                    size = decode.shown_size()
                    found.append(convert.pixels(frame, stored_size(*size, short_side) if short_side else size))
    except (BrokenVideo, OSError) as error:
        raise UserError(f"{path} cannot be read any more: {one_line(error)}") from error
    if len(found) != len(wanted):
        raise UserError(f"{path} has no frame {int(wanted[-1])} any more: it has changed since its frames were stored.")
    return np.stack(found)[places]
