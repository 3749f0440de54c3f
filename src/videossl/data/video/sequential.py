"""One complete decode of a video in presentation order: what a player shows, and the reference for everything else.

PyAV (FFmpeg) applies edit lists, reorders and flushes; there is no seeking. A damaged picture, however small, a decoder
error, or a file shorter than its container says makes the video a broken one: a wrong frame would go unnoticed into
training. (No decoder detects every overwritten byte; VP9 detects hardly any.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from videossl.data.video.broken import BrokenVideo, reason_of
from videossl.data.video.display import Turn, square_pixels, turn_of
from videossl.data.video.truncation import WITHOUT_STRUCTURE, earlier_frames_missing, missing_bytes

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpegtsraw,mpeg,mpegvideo,flv,live_flv,asf,ogg,m4v,h264,hevc,vvc,av1,"
    "obu,ivf,rm,dv,mxf,nut,wtv,vob,gxf,dhav,avs2,avs3,cavsvideo,h261,h263,mjpeg,yuv4mpegpipe,nsv,bink,smk,dxa"
)
ONE_FILE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
"""FFmpeg options: formats that hold a video. Formats that name other files (playlists, numbered pictures) and still
pictures are not videos, whatever the file's name."""
NEED_KEYFRAME = frozenset({"mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "h263", "flv1", "wmv1", "wmv2"})
"""Codecs whose decoders show garbage, without an error, if a stream starts in the middle of a group of pictures."""
SAME_RATE, MISSED_FRAMES = 0.02, 2
"""Tolerance, relative and absolute, for the number of frames that a header's frame rate implies, compared with the
frames' times: some files leave out frames where nothing moves."""


@dataclass(frozen=True)
class VideoInfo:
    """What was decoded: frames (up to the requested end), frames per second, size in pixels as displayed."""

    frames: int
    fps: float
    width: int
    height: int


class Decode:
    """A video file opened for one decode; a context manager.

    `frames` yields the frames once; `info` describes what was yielded. Every fault raises :class:`BrokenVideo`.
    """

    def __init__(self, path: Path, end: int | None = None) -> None:
        self.path, self.end = path, end
        self.count = 0
        self.complete = False
        """Whether the end of the stream was reached."""
        self.first: Any = None
        """The first frame."""
        self._times: list[float] = []
        self.packets = 0
        self.key_first = False
        """Whether the first packet starts a group of pictures."""
        self.early = False
        """Whether a packet has a negative time."""
        self._times_of_packets: list[tuple[int, int]] = []
        """Presentation and decoding times of each packet, from the first key frame on."""

    def __enter__(self) -> Decode:
        import av

        try:
            if self.path.stat().st_size == 0:
                raise BrokenVideo("empty file")
            # Absolute: the beginning of a relative name may be read as a protocol. Some HMDB51 files have metadata that
            # is not UTF-8.
            self._container = av.open(str(self.path.absolute()), options=ONE_FILE, metadata_errors="ignore")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = reason_of(error)
            what = "no format of a video (a playlist or a picture?)" if reason == "Invalid argument" else reason
            raise BrokenVideo(f"cannot open: {what}") from error
        try:
            self.format = self._container.format.name
            self._stream = self._pictures()
            self._stream.codec_context.thread_count = 1
            # Crop exactly to what is displayed; otherwise FFmpeg keeps rows of pixels aligned in memory.
            self._stream.codec_context.flags |= av.codec.context.Flags.unaligned
        except BaseException:
            self._container.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def _pictures(self) -> Any:
        """The best video stream. The cover picture of an audio file does not count."""
        import av

        stream = self._container.streams.best("video")
        if stream is None:
            raise BrokenVideo("cannot open: no video stream")
        if stream.disposition & av.stream.Disposition.attached_pic:
            raise BrokenVideo("cannot open: no video stream, only a cover picture")
        if stream.codec_context is None:
            raise BrokenVideo("cannot open: the codec of its pictures is not known")
        return stream

    def frames(self) -> Iterator[Any]:
        """The frames (`av.VideoFrame`) in order, up to frame `end` (exclusive)."""
        try:
            for packet in self._container.demux(self._stream):
                self._look_at(packet)
                for frame in packet.decode():
                    if frame.is_corrupt:  # the decoder filled in what it could not read, without an error
                        raise ValueError("damaged picture")
                    self._note(frame)
                    yield frame
                    if self.count == self.end:
                        return
            self._require_complete()
        except BrokenVideo:
            raise
        except Exception as error:  # whatever a decoder raises, the file is the cause
            raise self._fault(error) from error
        self.complete = True

    def _look_at(self, packet: Any) -> None:
        if packet.is_corrupt:
            raise ValueError("damaged data")
        if packet.size == 0:  # the flush at the end
            return
        self.packets += 1
        self.key_first |= self.packets == 1 and packet.is_keyframe
        if not self.key_first and self._stream.codec_context.name in NEED_KEYFRAME:
            raise BrokenVideo("begins in the middle of a group of pictures")
        if packet.pts is not None and packet.dts is not None and (packet.is_keyframe or self._times_of_packets):
            self._times_of_packets.append((packet.pts, packet.dts))
        self.early |= packet.pts is not None and packet.pts < 0

    def _require_complete(self) -> None:
        if self.count == 0:
            raise BrokenVideo("no frame can be decoded")
        self._require_all_bytes()
        if self.format in WITHOUT_STRUCTURE and self._times_of_packets:
            shown, decoded = zip(*self._times_of_packets, strict=True)
            if earlier_frames_missing(shown, decoded):
                raise BrokenVideo(f"truncated after frame {self.count}: frames before the last one are missing")

    def _fault(self, error: Exception) -> BrokenVideo:
        """What an error in the middle means: that the file is truncated, if this is known."""
        try:
            self._require_all_bytes()
        except BrokenVideo as cut:
            return cut
        return BrokenVideo(f"frame {self.count}: {reason_of(error)}")

    def _require_all_bytes(self) -> None:
        if lost := missing_bytes(self.path, self._stream):
            raise BrokenVideo(f"truncated after frame {self.count}: {lost} bytes of the file are missing")

    def _note(self, frame: Any) -> None:
        if self.first is None:
            self.first = frame
            # Read here: a closed stream has no aspect ratio, and some headers are known only after decoding.
            self._aspect = self._stream.sample_aspect_ratio
            self._header_rate = float(self._stream.average_rate or self._stream.guessed_rate or 0.0)
        self.count += 1
        if frame.time is not None:
            self._times.append(frame.time)

    def turn(self) -> Turn:
        """The display transformation of the first frame."""
        return turn_of(self.first)

    def shown_size(self) -> tuple[int, int]:
        """(width, height) of the first frame as displayed."""
        size = square_pixels(self.first.width, self.first.height, self._aspect)
        return self.turn().size(*size)

    def info(self) -> VideoInfo:
        """Describes what was decoded so far; needs at least one frame."""
        width, height = self.shown_size()
        return VideoInfo(self.count, self._rate(), width, height)

    def _rate(self) -> float:
        """Frames per second from the frames' times; the header's exact number if it agrees or if there are no times."""
        intervals, seconds = len(self._times) - 1, max(self._times, default=0.0) - min(self._times, default=0.0)
        if seconds <= 0:
            return self._header_rate
        if abs(self._header_rate * seconds - intervals) <= max(MISSED_FRAMES, SAME_RATE * intervals):
            return self._header_rate
        return intervals / seconds


def unconvertible(frame: Any, error: Exception) -> BrokenVideo:
    """The error if FFmpeg cannot convert a frame to RGB: it knows few of the colour matrices that a header may name."""
    return BrokenVideo(f"pixels of format {frame.format.name} cannot be converted to RGB: {reason_of(error)}")


class Converter:
    """Converts decoded frames to pixels as displayed. Keeps FFmpeg's scaler, which is expensive to create for each
    frame."""

    def __init__(self) -> None:
        import av

        self._scaler = av.video.reformatter.VideoReformatter()

    def pixels(self, frame: Any, size: tuple[int, int] | None = None) -> np.ndarray:
        """(H, W, 3) uint8 RGB at `size` (width, height), or at the frame's own size, as displayed.

        Uses the frame's own colour matrix and range (BT.709 of HD videos; full range).
        """
        turn = turn_of(frame)
        width, height = turn.size(*size) if size else (frame.width, frame.height)
        try:
            rgb = self._scaler.reformat(frame, width, height, "rgb24", interpolation="BILINEAR", threads=1)
        except (OSError, ValueError) as error:
            raise unconvertible(frame, error) from error
        return turn.apply(rgb.to_ndarray())
