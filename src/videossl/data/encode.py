"""Decodes video files and encodes their frames for the frame store.

PyAV decodes each video completely. Its frames are stored; or, on request, decord's frames, if each of them agrees with
that decode. What is stored therefore does not depend on the reader, except for the last grey level of resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from videossl.data.video import BrokenVideo, VideoInfo, stored_size
from videossl.data.video.decord_reader import (
    Disagreement,
    Thumbnails,
    unfit_after,
    unfit_before,
    verified_frames,
)
from videossl.data.video.guard import SILENCE_SECONDS, Alive, Guarded, Lost
from videossl.data.video.sequential import Converter, Decode

T = TypeVar("T")

PYAV, DECORD = "pyav", "decord"
LONGEST = 65500
"""Largest width or height that JPEG supports, in pixels."""

Encode = Callable[[np.ndarray, tuple[int, int], int], T]
"""(frame (H, W, 3), (width, height) to store, frame number) -> what is stored."""


@dataclass(frozen=True)
class Wanted(Generic[T]):
    """Request for one video file: frames start (None: 0) to end (exclusive; None: to the last)."""

    path: Path
    short_side: int
    encode: Encode[T]
    start: int | None = None
    end: int | None = None
    decord: bool = False
    """Use decord's frames if each agrees with the complete decode."""
    full_size: bool = False
    """Pass frames to `encode` at full size, not at the size to store."""


@dataclass(frozen=True)
class Encoded(Generic[T]):
    """The result for one video file."""

    frames: list[T]
    info: VideoInfo
    """Describes all frames up to the requested end."""
    size: tuple[int, int]
    """(width, height) of the stored frames."""
    reader: str
    """Reader of the frames: "pyav" or "decord"."""
    reader_reason: str
    """Why decord was requested but not used; else ""."""


def encode_videos(
    wanted: Sequence[Wanted[T]], silence: float = SILENCE_SECONDS, processes: int = 1
) -> Iterator[Encoded[T] | BrokenVideo]:
    """Encode many videos, in order, in child processes. Yields a BrokenVideo with the reason for each unusable video.

    Args:
        silence: seconds without a frame after which a decoder counts as hung.
        processes: number of children. They take turns: of three, the first encodes videos 0, 3, 6 and so on.

    The results of `encode` must be picklable; its exceptions are raised here.
    """
    with ExitStack() as stack:
        lanes = [_lane(wanted[first::processes], silence, stack) for first in range(min(processes, len(wanted)))]
        for number in range(len(wanted)):
            yield next(lanes[number % processes])


def _lane(wanted: Sequence[Wanted[T]], silence: float, stack: ExitStack) -> Iterator[Encoded[T] | BrokenVideo]:
    """Encode videos in one child, which ends with `stack`."""
    guarded, careful = (stack.enter_context(Guarded(_encode, silence)) for _ in range(2))
    for one, found in zip(wanted, guarded(wanted), strict=True):
        if isinstance(found, Lost) and found.doing == DECORD:
            reason = found.reason
            found = next(careful([replace(one, decord=False)]))
            if isinstance(found, Encoded):
                found = replace(found, reader_reason=reason)
        yield BrokenVideo(found.reason) if isinstance(found, Lost) else found


def _encode(wanted: Wanted[T], alive: Alive) -> Encoded[T] | BrokenVideo:
    try:
        return _by_either(wanted, alive) if wanted.decord else _by_pyav(wanted, alive, "")
    except BrokenVideo as error:
        return error


def _by_either(wanted: Wanted[T], alive: Alive) -> Encoded[T]:
    with _opened(wanted, alive) as decode:
        frames = decode.frames()
        thumbnails = Thumbnails()
        thumbnails.add(next(frames))
        reason = unfit_before(decode)
        for frame in () if reason else frames:
            alive(PYAV)
            thumbnails.add(frame)
    if reason := reason or unfit_after(decode):
        return _by_pyav(wanted, alive, reason)
    size = (decode.first.width, decode.first.height) if wanted.full_size else _size(wanted, decode)
    try:
        return _all_of(
            wanted, decode, verified_frames(wanted.path, size, thumbnails, decode.complete), alive, DECORD, ""
        )
    except Disagreement as error:
        return _by_pyav(wanted, alive, str(error))


def _by_pyav(wanted: Wanted[T], alive: Alive, reason: str) -> Encoded[T]:
    convert = Converter()
    with _opened(wanted, alive) as decode:
        pixels = (
            convert.pixels(frame, None if wanted.full_size else _size(wanted, decode)) for frame in decode.frames()
        )
        return _all_of(wanted, decode, pixels, alive, PYAV, reason)


def _opened(wanted: Wanted[T], alive: Alive) -> Decode:
    if wanted.end is not None and wanted.end <= _first(wanted):
        raise BrokenVideo(f"frames {_first(wanted)}..{wanted.end} are an empty range")
    alive(PYAV)
    return Decode(wanted.path, wanted.end)


def _first(wanted: Wanted[T]) -> int:
    return max(wanted.start or 0, 0)


def _size(wanted: Wanted[T], decode: Decode) -> tuple[int, int]:
    """One size for the whole video, even if the stream changes its size."""
    size = stored_size(*decode.shown_size(), wanted.short_side)
    if max(size) > LONGEST:
        raise BrokenVideo(f"it would be stored as {size[0]}x{size[1]} pixels; the maximum is {LONGEST}")
    return size


def _all_of(
    wanted: Wanted[T], decode: Decode, pixels: Iterator[np.ndarray], alive: Alive, reader: str, reason: str
) -> Encoded[T]:
    """Encode the requested range of a reader's frames."""
    alive(reader)
    first, size, encoded = _first(wanted), None, []
    for number, frame in enumerate(pixels):
        alive(reader)
        size = size or _size(wanted, decode)
        if number >= first:
            encoded.append(wanted.encode(frame, size, number - first))
    if not encoded:
        raise BrokenVideo(f"first frame is {first}, but the video has {decode.count}")
    return Encoded(encoded, decode.info(), _size(wanted, decode), reader, reason)
