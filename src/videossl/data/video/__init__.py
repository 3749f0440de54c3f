"""Reading video files: the frames that a player shows, all of them, in order, each proven.

`sequential` decodes a file once, completely, and is what everything else is held against; `display` turns frames as
they are shown; `truncation` finds files that end too early; `decord_reader` is decord with its frames verified; `guard`
lets a decoder neither hang nor crash a job. This module has what others use.
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
    """(width, height) with the short side at `short_side` and the long one in proportion, rounded."""
    scale = short_side / min(width, height)
    return max(round(width * scale), short_side), max(round(height * scale), short_side)


def check_video(path: Path, end: int | None = None) -> VideoInfo:
    """Decode the stream up to frame `end` (exclusive) and describe it; raises :class:`BrokenVideo`.

    Also broken: a damaged picture, and a file that ends before its container says.
    """
    with Decode(path, end) as decode:
        for _ in decode.frames():
            pass
        return decode.info()


def pyav_frames(path: Path, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
    """All frames (H, W, 3) uint8 RGB as shown, in order, of the asked (width, height) or in square pixels.

    Raises :class:`BrokenVideo`, perhaps after some frames.
    """
    convert = Converter()
    with Decode(path) as decode:
        for frame in decode.frames():
            yield convert.pixels(frame, size or decode.shown_size())


def frames_at(path: Path, indices: np.ndarray, short_side: int | None = None) -> np.ndarray:
    """The frames (T, H, W, 3) uint8 RGB with the numbers `indices`, in their order; UserError if they do not decode.

    In square pixels, or with the short side at `short_side` pixels. Decoded from the beginning: what seeking gives is
    another frame in many files (open groups of pictures, B-frames in AVI, program streams), by every reader tried.
    """
    wanted, places = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    if wanted.size == 0 or wanted[0] < 0:
        raise IndexError(f"frames {list(indices)} asked of {path}")
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
