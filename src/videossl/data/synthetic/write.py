"""Writing video files, sound ones and damaged ones."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

DAMAGES = ("truncated", "empty", "text", "missing")


def write_video(path: Path, frames: NDArray[np.uint8], fps: int) -> None:
    """Encode `frames` (T, H, W, 3) RGB as H.264 into the container that the suffix of `path` names.

    One thread and no B-frames: the bytes depend on nothing but the arguments, and AVI, which has no notion of
    reordered frames, holds the stream as well as MP4 does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _, height, width, _ = frames.shape
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20", "bf": "0", "threads": "1"}
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def damage(path: Path, how: str) -> None:
    """Turn the sound video at `path` into one of :data:`DAMAGES`."""
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
