"""Video files in which every frame carries its own number, in many containers, codecs and odd forms."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

BITS = 8
WIDTH, HEIGHT = 144, 96
CORNERS = {(0, 0): (200, 30, 30), (0, 1): (30, 30, 200), (1, 0): (30, 160, 30), (1, 1): (200, 200, 30)}
"""Colours of the corners (bottom?, right?), by which a frame is seen to be upright."""
MARK = 16

CODECS: dict[str, dict[str, Any]] = {
    "libx264": {"options": {"preset": "veryfast", "bf": "3", "g": "12", "threads": "1"}},
    "libx264-open": {
        "codec": "libx264",
        "options": {"preset": "veryfast", "bf": "3", "g": "12", "x264-params": "open-gop=1:threads=1"},
    },
    "libx265": {"options": {"preset": "ultrafast", "x265-params": "bframes=3:keyint=12:open-gop=1:log-level=none"}},
    "mpeg4": {"options": {"bf": "2", "g": "12"}},
    "mpeg2video": {"options": {"bf": "2", "g": "12"}},
    "libvpx-vp9": {"options": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"}},
    "libsvtav1": {"options": {"preset": "12", "svtav1-params": "lp=1"}},
}
"""Encoders that PyAV can write with, set to reorder frames wherever the codec can."""
CONTAINERS: dict[str, tuple[str, ...]] = {
    "mp4": ("libx264", "libx264-open", "libx265", "mpeg4", "libvpx-vp9", "libsvtav1"),
    "mov": ("libx264-open", "libx265", "mpeg4"),
    "mkv": tuple(CODECS),
    "webm": ("libvpx-vp9", "libsvtav1"),
    "avi": ("libx264", "mpeg4", "mpeg2video"),
    "ts": ("libx264", "libx264-open", "libx265", "mpeg2video"),
    "mpg": ("mpeg2video",),
    "flv": ("libx264", "libx264-open"),
}
"""By suffix: the encoders whose streams it can hold."""


def numbered_frame(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(height, width, 3) uint8: upright stripes, each a bit of `number`, and coloured corners."""
    frame = np.full((height, width, 3), 90, dtype=np.uint8)
    edges = np.linspace(MARK, width - MARK, BITS + 1).round().astype(int)
    for bit in range(BITS):
        frame[:, edges[bit] : edges[bit + 1]] = 220 if number >> bit & 1 else 35
    for (bottom, right), colour in CORNERS.items():
        rows = slice(height - MARK, height) if bottom else slice(0, MARK)
        frame[rows, slice(width - MARK, width) if right else slice(0, MARK)] = colour
    return frame


def number_of(frame: np.ndarray) -> int | None:
    """The number that a frame carries, of whatever size; None if its upper, middle and lower part disagree, as in a
    picture of which only a part was decoded."""
    height, width = frame.shape[:2]
    edges = np.linspace(MARK, WIDTH - MARK, BITS + 1) * width / WIDTH
    middles = ((edges[1:] + edges[:-1]) / 2).round().astype(int)
    found = set()
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        row = int(part * height)
        light = [frame[row - 1 : row + 2, x - 2 : x + 3].mean() for x in middles]
        if any(90 < value < 165 for value in light):
            return None
        found.add(sum((value > 128) << bit for bit, value in enumerate(light)))
    return found.pop() if len(found) == 1 else None


def upright(frame: np.ndarray) -> bool:
    """Whether every corner has its colour."""
    height, width = frame.shape[:2]
    margin = MARK * width // WIDTH // 2
    return all(
        np.abs(frame[height - margin if bottom else margin, width - margin if right else margin].astype(int) - colour)
        .max()
        < 60
        for (bottom, right), colour in CORNERS.items()
    )  # fmt: skip


def write_numbered(
    path: Path,
    frames: int = 40,
    codec: str = "libx264",
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    fps: int = 25,
    times: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    rotation: int | None = None,
    matrix: Sequence[int] | None = None,
    container_options: dict[str, str] | None = None,
    pictures: Sequence[np.ndarray] | None = None,
    sound: float = 0.0,
) -> Path:
    """A video whose frame i carries number i.

    `times`: presentation times in units of 1/1000 s (variable frame rate); `aspect`: of a pixel; `rotation` in degrees
    and `matrix` (9 numbers): how players are to turn it; `pictures`: to encode in place of numbered ones; `sound`:
    seconds of silence beside it.
    """
    settings = CODECS[codec]
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(settings.get("codec", codec), rate=1000 if times else fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 1_500_000
        stream.options = dict(settings["options"])
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if matrix is not None:
            stream.set_display_matrix(matrix)
        audio = container.add_stream(_sound_codec(path), rate=48000) if sound else None
        for number in range(frames):
            picture = numbered_frame(number, width, height) if pictures is None else pictures[number]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = times[number] if times else number
            frame.time_base = Fraction(1, 1000 if times else fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            _write_silence(container, audio, sound)
    # SVT-AV1 takes a user who may for one who wants this thread to go before all others of the machine.
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return path


def _sound_codec(path: Path) -> str:
    return {".webm": "libopus", ".mkv": "libopus", ".avi": "mp2", ".mpg": "mp2", ".ts": "mp2"}.get(path.suffix, "aac")


def _write_silence(container: Any, stream: Any, seconds: float) -> None:
    size = stream.codec_context.frame_size or 1024
    for start in range(0, int(seconds * 48000), size):
        layout, fmt = stream.codec_context.layout.name, stream.codec_context.format.name
        silence = av.AudioFrame(format=fmt, layout=layout, samples=size)
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        silence.rate, silence.pts = 48000, start
        container.mux(stream.encode(silence))
    container.mux(stream.encode())


def cut_off(source: Path, path: Path, length: int) -> Path:
    """The first `length` bytes of a file."""
    path.write_bytes(source.read_bytes()[:length])
    return path


def with_edit(source: Path, path: Path, *, first: int, frames: int, fps: int = 25) -> Path:
    """A copy of an MP4 whose edit list shows `frames` frames from number `first` on, as phones' editors and
    `ffmpeg -ss -c copy` leave it; all others stay in the file."""
    content = bytearray(source.read_bytes())
    media_scale = _field(content, b"mdhd", 12)
    movie_scale = _field(content, b"mvhd", 12)
    entry = content.index(b"elst") + 12
    start = int.from_bytes(content[entry + 4 : entry + 8], "big") + first * media_scale // fps
    content[entry : entry + 4] = (frames * movie_scale // fps).to_bytes(4, "big")
    content[entry + 4 : entry + 8] = start.to_bytes(4, "big")
    path.write_bytes(content)
    return path


def _field(content: bytearray, box: bytes, offset: int) -> int:
    place = content.index(box) + 4 + offset
    return int.from_bytes(content[place : place + 4], "big")
