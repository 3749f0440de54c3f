"""Writes video files, intact and damaged."""

from __future__ import annotations

import platform
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

# One thread, and no instructions newer than SSE4.2: with x264's AVX-512 code, pictures whose sides are not multiples of
# 16 differed from run to run along their right edge, in about one of a hundred small files (measured with the x264 in
# PyAV 18.1 on an AMD EPYC).
SAME_BITS = {"threads": "1"}
"""Options with which x264 gives the same bits each time."""
if platform.machine().lower() in ("x86_64", "amd64"):
    SAME_BITS["x264-params"] = "asm=SSE4.2"
_ENCODER = {"preset": "veryfast", "crf": "20", "bf": "0", **SAME_BITS}  # no B-frames: AVI cannot reorder frames

DAMAGES = ("truncated", "empty", "text", "missing")


def write_video(path: Path, frames: NDArray[np.uint8], fps: int) -> None:
    """Encode `frames` (T, H, W, 3) RGB as H.264 into the container given by the suffix of `path`.

    The bytes depend only on the arguments. Of the small even widths, decord 0.6 cannot read 48 and 72 (it misreads the
    padding of rows); PyAV can.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _, height, width, _ = frames.shape
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = dict(_ENCODER)
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def damage(path: Path, how: str) -> None:
    """Turn the intact video at `path` into one of :data:`DAMAGES`."""
    if how == "truncated":
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("This file has the name of a video and the content of a letter.\n", encoding="utf-8")
    elif how == "missing":
        path.unlink()
    else:
        raise ValueError(f"unknown damage '{how}'; valid: {', '.join(DAMAGES)}")
