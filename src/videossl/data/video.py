"""Reading video files: is the stream whole, and its frames in order.

Two decoders share the work, because neither is enough alone. decord delivers the frames, but is silent about
some damage: a truncated AVI or WebM just looks shorter, and bytes overwritten in mid-stream may give no
error. So PyAV first decodes the stream with errors on, without converting pictures (about half of decord's
time), and its verdict counts, a single damaged picture included. (No decoder can tell every overwritten byte;
VP9 shows hardly any.) A stream that PyAV finds whole and decord cannot finish (very short clips near
their end) is read with PyAV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videossl.errors import UserError


class BrokenVideo(Exception):
    """The file cannot be used; the text is a one-line reason, meant for the manifest."""


@dataclass(frozen=True)
class VideoInfo:
    """What the checked stream is: frames that decode (up to the asked end), frames/s, size in pixels."""

    frames: int
    fps: float
    width: int
    height: int


def one_line(error: BaseException) -> str:
    """The first line of a decoder's message, without the time and source file that decord puts in front."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = re.sub(r"(\[[\d:]+\]\s*)?/\S+\.(cc|h|cpp):\d+:\s*", "", lines[0]).strip()
    return " ".join(text.split())[:200] or type(error).__name__


def check_video(path: Path, end: int | None = None) -> VideoInfo:
    """Decode the stream up to frame `end` (exclusive) and describe it; raises :class:`BrokenVideo`.

    Also broken: a damaged picture, and a stream with less in it than its container announces.
    """
    import av

    if path.stat().st_size == 0:
        raise BrokenVideo("empty file")
    try:
        # Some HMDB51 files have metadata that is not UTF-8.
        container = av.open(str(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BrokenVideo(f"cannot open: {_reason(error)}") from error
    with container:
        stream = container.streams.best("video")
        if stream is None:
            raise BrokenVideo("cannot open: no video stream")
        stream.codec_context.thread_count = 1
        found = Decoded()
        try:
            whole = _decode_all(container, stream, end, found)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            announced = f" of {stream.frames}" if stream.frames else ""
            raise BrokenVideo(f"frame {found.frames}{announced}: {_reason(error)}") from error
        if found.frames == 0:
            raise BrokenVideo("no frame can be decoded")
        fps = float(stream.average_rate or stream.guessed_rate or 0.0)
        if whole:
            _require_whole(container, stream, found, fps)
        return VideoInfo(frames=found.frames, fps=fps, width=found.width, height=found.height)


@dataclass
class Decoded:
    """What decoding has met so far."""

    packets: int = 0
    frames: int = 0
    seconds: float = 0.0
    width: int = 0
    height: int = 0


def _decode_all(container: Any, stream: Any, end: int | None, found: Decoded) -> bool:
    """Decode up to frame `end` and fill in `found`; returns whether the stream's end was reached."""
    for packet in container.demux(stream):
        found.packets += packet.size > 0
        for frame in packet.decode():
            if frame.is_corrupt:  # the decoder has filled in what it could not read, and raises nothing
                raise ValueError("damaged picture")
            if found.frames == 0:
                found.width, found.height = frame.width, frame.height
            found.frames += 1
            found.seconds = max(found.seconds, frame.time or 0.0)
            if end is not None and found.frames >= end:
                return False
    return True


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or one_line(error))


def _require_whole(container: Any, stream: Any, found: Decoded, fps: float) -> None:
    """A file cut off in the middle may decode without an error: compare with what its header says.

    Packets are compared, not frames: a clip cut without re-encoding (as many of Kinetics are) begins with
    packets that its edit list hides, and many of HMDB51 hold one that gives no picture. One packet is
    forgiven, since some headers count one too many.
    """
    if stream.frames:
        if found.packets < stream.frames - 1:
            raise BrokenVideo(f"truncated: {found.packets} frames left, the file announces {stream.frames}")
    elif container.duration and fps:  # WebM announces a duration only; sound may reach over the pictures' end
        announced = container.duration / 1e6
        covered = found.seconds + 1 / fps
        if covered < 0.8 * announced:
            raise BrokenVideo(f"truncated: {covered:.1f} s left, the file announces {announced:.1f} s")


def decord_frames(path: Path, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
    """All frames (H, W, 3) uint8 RGB in order, decoded by decord in one thread.

    `size` (width, height): resized by FFmpeg on the way from the decoder's own format, which costs half of resizing
    RGB.

    decord is unmaintained, and its exceptions (`RuntimeError`, `DECORDError`) have no common class, so callers catch
    `Exception`. Besides this function only :func:`frames_at` uses it.
    """
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    width, height = size or (-1, -1)
    reader = decord.VideoReader(str(path), ctx=decord.cpu(0), width=width, height=height, num_threads=1)
    for _ in range(len(reader)):
        yield reader.next().asnumpy()


def frames_at(path: Path, indices: np.ndarray) -> np.ndarray:
    """The frames (T, H, W, 3) uint8 RGB with the numbers `indices`, in their order; UserError if they do not decode.

    For files that :func:`check_video` has found whole. decord seeks to each frame; what it cannot read, PyAV reads from
    the beginning.
    """
    wanted, places = np.unique(indices, return_inverse=True)
    try:
        import decord

        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        found = reader.get_batch(wanted.tolist()).asnumpy()
    except Exception:  # decord's errors have no common class
        found = _frames_in_order(path, set(wanted.tolist()))
    if len(found) != len(wanted):
        raise UserError(f"{path} has no frame {int(wanted[-1])} any more: it has changed since its frames were stored.")
    return found[places]


def _frames_in_order(path: Path, wanted: set[int]) -> np.ndarray:
    try:
        frames = [frame for number, frame in enumerate(pyav_frames(path)) if number in wanted]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read any more: {one_line(error)}") from error
    return np.stack(frames) if frames else np.empty((0,))


def pyav_frames(path: Path, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
    """The same, decoded by PyAV."""
    import av

    width, height = size or (None, None)
    with av.open(str(path), metadata_errors="ignore") as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            yield frame.reformat(width, height, "rgb24", interpolation="BILINEAR").to_ndarray()
