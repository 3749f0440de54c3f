"""From video files to encoded frames, by whichever reader is proven right.

A video is decoded completely by PyAV, and those frames are used; or, where that is asked for, decord's, each held
against that decode, as long as they are the same. So what is stored does not depend on the reader, but for the last
grey level of resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
"""Pixels of a side that JPEG can hold."""

Encode = Callable[[np.ndarray, tuple[int, int], int], T]
"""From a frame (H, W, 3), the size (width, height) to store and the frame's number to what is stored of it."""


@dataclass(frozen=True)
class Wanted(Generic[T]):
    """What is to be made of one video file: frames start..end (exclusive; None: from the first, to the last)."""

    path: Path
    short_side: int
    encode: Encode[T]
    start: int | None = None
    end: int | None = None
    decord: bool = False
    """Use decord's frames where each is proven to be the one of the complete decode."""
    full_size: bool = False
    """Give `encode` frames of the video's own pixels, not of the size to store."""


@dataclass(frozen=True)
class Encoded(Generic[T]):
    """What became of it."""

    frames: list[T]
    info: VideoInfo
    """Of all frames up to the asked end."""
    size: tuple[int, int]
    """(width, height) to store."""
    reader: str
    """Whose frames they are: "pyav" or "decord"."""
    reader_reason: str
    """Why they are not decord's, if they were to be; else ""."""


def encode_videos(wanted: Sequence[Wanted[T]], silence: float = SILENCE_SECONDS) -> Iterator[Encoded[T] | BrokenVideo]:
    """Encode many videos, in order, in a child process; of one that cannot be used, the reason is given.

    `silence`: seconds without a frame after which a decoder is taken for hung. What `encode` returns must be picklable;
    what it raises is raised here.
    """
    with Guarded(_encode, silence) as guarded, Guarded(_encode, silence) as careful:
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
    """One size for the whole video, even if the stream changes its own on the way."""
    size = stored_size(*decode.shown_size(), wanted.short_side)
    if max(size) > LONGEST:
        raise BrokenVideo(f"it would be stored as {size[0]}x{size[1]} pixels; {LONGEST} is the most")
    return size


def _all_of(
    wanted: Wanted[T], decode: Decode, pixels: Iterator[np.ndarray], alive: Alive, reader: str, reason: str
) -> Encoded[T]:
    """Encode the wanted range of a reader's frames."""
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
