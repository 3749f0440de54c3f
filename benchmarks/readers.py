"""Sixteen frames of a video file by the usual readers, one thread each: (path, indices) -> uint8 (T, H, W, 3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

Read = Callable[[Path, np.ndarray], np.ndarray]


def decord(path: Path, indices: np.ndarray) -> np.ndarray:
    import decord

    reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
    return reader.get_batch(indices).asnumpy()


def pyav(path: Path, indices: np.ndarray) -> np.ndarray:
    """Seek to the key frame before the first frame, decode, convert only the wanted frames."""
    import av

    wanted, found = set(indices.tolist()), []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        ticks = 1 / (stream.average_rate * stream.time_base)
        container.seek(int(indices[0] * ticks), stream=stream)
        for frame in container.decode(stream):
            number = round((frame.pts - (stream.start_time or 0)) / ticks)
            if number in wanted:
                found.append(frame.to_ndarray(format="rgb24"))
            if number >= indices[-1]:
                break
    return np.stack(found)


def torchcodec(path: Path, indices: np.ndarray) -> np.ndarray:
    """With its exact seek, which first looks through the file's packets."""
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1)
    return decoder.get_frames_at(indices.tolist()).data.numpy()


def torchcodec_approximate(path: Path, indices: np.ndarray) -> np.ndarray:
    """With the seek that trusts the file's header."""
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="approximate")
    return decoder.get_frames_at(indices.tolist()).data.numpy()


def available() -> tuple[dict[str, Read], dict[str, str]]:
    """The readers that work here, and of the others why not."""
    readers: dict[str, Read] = {"decord": decord, "PyAV": pyav}
    try:
        import av  # noqa: F401  (its copy of the FFmpeg libraries is the one that torchcodec is given)
        import torchcodec as _  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        return readers, {"torchcodec": str(error).strip().splitlines()[0]}
    return readers | {"torchcodec": torchcodec, "torchcodec, approximate": torchcodec_approximate}, {}
