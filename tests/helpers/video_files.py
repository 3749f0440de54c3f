"""Tiny video files, whole and damaged in the ways that real downloads are, and a listing of them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pandas as pd


def frame_content(index: int, width: int, height: int, seed: int = 0) -> np.ndarray:
    """(height, width, 3) uint8: a smooth picture that differs from frame to frame."""
    y, x = np.mgrid[:height, :width]
    phase = 0.35 * index + seed
    red = 127 + 100 * np.sin(x / 9 + phase)
    green = 127 + 100 * np.sin(y / 7 - phase)
    blue = np.full_like(red, (40 + 7 * index) % 256)
    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)


def write_video(
    path: Path,
    frames: int = 20,
    width: int = 64,
    height: int = 48,
    *,
    codec: str = "libx264",
    fps: int = 25,
    seed: int = 0,
    faststart: bool = False,
) -> Path:
    """A video of :func:`frame_content`; `faststart` puts the index in front of the data."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 4_000_000
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(frame_content(index, width, height, seed), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_audio(path: Path) -> Path:
    """An MP4 with one second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.rate = 16000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    return path


def cut_without_encoding(source: Path, path: Path, hidden: int) -> Path:
    """The stream copied into an MP4 that hides its first `hidden` frames, as `ffmpeg -ss -c copy` does."""
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(source)) as given, av.open(str(path), "w", options=options) as container:
        stream = given.streams.video[0]
        target = container.add_stream_from_template(stream)
        earlier = round(hidden / stream.average_rate / stream.time_base)
        for packet in given.demux(stream):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - earlier, packet.dts - earlier, target
                container.mux(packet)
    return path


def truncated(source: Path, path: Path, before: bytes = b"") -> Path:
    """The first half of a file's bytes, or as far as the last occurrence of `before` in that half."""
    content = source.read_bytes()
    path.write_bytes(content[: content.rindex(before, 0, len(content) // 2)])
    return path


def overwritten(source: Path, path: Path, length: int = 400) -> Path:
    """A file with random bytes in its middle."""
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + length] = np.random.default_rng(1).bytes(length)
    path.write_bytes(bytes(content))
    return path


def listing_of(paths: list[str], **columns: list) -> pd.DataFrame:
    """A listing of found videos; `columns` replace the defaults."""
    count = len(paths)
    frame = pd.DataFrame(
        {
            "id": [Path(path).name for path in paths],
            "path": paths,
            "label": np.arange(count, dtype=np.int32),
            "label_name": [f"class {index}" for index in range(count)],
            "split": ["train"] * count,
            "start_frame": pd.array([None] * count, dtype="Int32"),
            "end_frame": pd.array([None] * count, dtype="Int32"),
            "status": ["found"] * count,
        }
    )
    for name, values in columns.items():
        frame[name] = pd.array(values, dtype="Int32") if name.endswith("_frame") else values
    return frame
