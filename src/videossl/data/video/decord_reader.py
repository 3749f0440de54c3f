"""decord, used only where it provably gives the frames that a player shows.

decord is unmaintained, and silently wrong on many ordinary files: it adds copies up to the number of packets, ignores
edit lists and colour matrices, and loses the first pictures of MPEG-TS. Each of its frames is therefore compared with
the complete decode (:mod:`sequential`) by a thumbnail. It may also hang: call it only where a time limit can end it
(:mod:`guard`). Some machines (aarch64) have no decord; there, PyAV reads everything.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from videossl.data.video.broken import one_line
from videossl.data.video.display import Turn
from videossl.data.video.sequential import Decode, unconvertible

SIDE = 16
"""Side of a thumbnail in pixels."""
OFFSET = 3.0
"""Largest mean difference between a frame's thumbnails by the two readers, in grey levels: they resize differently.
(2.5 at most on 130 videos.)"""
OF_STEP = 0.5
STILL_MEAN, STILL_MAX = 0.2, 3.0
"""Largest difference of the change from the previous frame, in grey levels (mean and maximum), plus half of the change
itself. A difference in resizing is the same in successive frames and cancels; a repeated or skipped frame does not. The
mean detects a moving picture, the maximum a small moving object in a still one."""


_user: int | None = None
"""The process that has used decord. In a process forked from it, decord waits forever for threads that were not
copied."""


class Disagreement(Exception):
    """decord does not give the frames of the complete decode; the text says how."""


def available() -> bool:
    """Whether decord is installed."""
    return importlib.util.find_spec("decord") is not None


def unfit_before(decode: Decode) -> str:
    """Why decord cannot read this video correctly, as known from the first frame; "" if it may."""
    if not available():
        return "decord is not installed"
    if _user not in (None, os.getpid()):
        return "decord was used before this process was forked, and its threads are not here"
    if decode.turn() != Turn():
        return "turned by its display matrix"
    if decode.format == "mpegts":
        return "decord loses the first pictures of transport streams"
    return ""


def unfit_after(decode: Decode) -> str:
    """The same, as known after the complete decode: decord relies on packets."""
    if decode.packets != decode.count:
        return f"{decode.packets} packets give {decode.count} frames"
    if not decode.key_first:
        return "it begins in the middle of a group of pictures"
    return "it begins before time 0" if decode.early else ""


class Thumbnails:
    """Thumbnails of the complete decode: float32 (SIDE, SIDE, 3) per frame."""

    def __init__(self) -> None:
        import av

        self._scaler = av.video.reformatter.VideoReformatter()
        self._before: np.ndarray | None = None
        self.kept: list[np.ndarray] = []

    def add(self, frame: Any) -> None:
        """Add the thumbnail of the next frame (`av.VideoFrame`)."""
        # gbrp: planes of full size, so that colours are averaged like brightness.
        try:
            small = self._scaler.reformat(frame, SIDE, SIDE, "gbrp", interpolation="AREA", threads=1)
        except (OSError, ValueError) as error:
            raise unconvertible(frame, error) from error
        self.kept.append(small.to_ndarray().astype(np.float32))

    def require(self, number: int, frame: np.ndarray) -> None:
        """Raise :class:`Disagreement` unless decord's frame (H, W, 3) uint8 matches frame `number`. Call it for
        successive frames."""
        found, before = _thumbnail(frame), self._before
        self._before = found
        if np.abs(found - self.kept[number]).mean() > OFFSET:
            raise Disagreement(f"decord's frame {number} is another picture")
        if number:
            step = self.kept[number] - self.kept[number - 1]
            off, size = np.abs(found - before - step), np.abs(step)
            if off.mean() > STILL_MEAN + OF_STEP * size.mean() or off.max() > STILL_MAX + OF_STEP * size.max():
                raise Disagreement(f"decord repeats or skips a frame at frame {number}")


def _thumbnail(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> float32 (SIDE, SIDE, 3), each the mean of its part of the frame."""
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)


def verified_frames(path: Path, size: tuple[int, int], thumbnails: Thumbnails, complete: bool) -> Iterator[np.ndarray]:
    """decord's frames, each verified against the complete decode. Raises :class:`Disagreement` at the first mismatch.

    Args:
        size: (width, height) to which FFmpeg resizes from the decoder's own format.
        complete: whether the decode reached the end, so that decord must have no further frame.
    """
    with _faults():
        reader = _opened(path, size)
        frames, known = len(reader), len(thumbnails.kept)
    if frames < known or (complete and frames != known):
        raise Disagreement(f"decord counts {frames} frames, and {known} can be shown")
    for number in range(known):
        with _faults():
            frame = reader.next().asnumpy()
        if frame.shape != (size[1], size[0], 3):  # for some narrow pictures it returns the padding of the rows
            raise Disagreement(f"decord gives pixels of shape {frame.shape}")
        thumbnails.require(number, frame)
        yield frame


def _opened(path: Path, size: tuple[int, int]) -> Any:
    import decord

    global _user
    _user = os.getpid()
    decord.logging.set_level(decord.logging.QUIET)
    return decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), width=size[0], height=size[1], num_threads=1)


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Disagreement(f"decord: {one_line(error)}") from error
