"""Digital: pictures or the whole video compressed hard, and little contrast."""

from __future__ import annotations

import io

import av
import numpy as np
import simplejpeg

from videossl.data.synthetic.write import SAME_BITS

# ImageNet-C.
JPEG_QUALITIES = (25, 18, 15, 10, 7)
CONTRASTS = (0.4, 0.3, 0.2, 0.1, 0.05)
# Yi et al. 2021, "Benchmarking the robustness of spatial-temporal models against corruptions" (Newbeeyoung/
# Video-Corruption-Robustness, create_mini_ssv2_c.py): constant rate factors of x264, from its default to its worst.
RATE_FACTORS = (23, 30, 37, 44, 51)
RATE = 25  # frames a second; x264 spends bits by it only where a bit rate is asked for


def jpeg(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Each frame as a JPEG of low quality, with colours at half resolution."""
    quality = JPEG_QUALITIES[severity - 1]
    coded = (
        simplejpeg.encode_jpeg(np.ascontiguousarray(frame), quality=quality, colorspace="RGB", colorsubsampling="420")
        for frame in frames
    )
    return np.stack([simplejpeg.decode_jpeg(one, colorspace="RGB") for one in coded])


def contrast(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Colours nearer to their mean over the frame."""
    means = frames.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return np.rint((frames - means) * CONTRASTS[severity - 1] + means).astype(np.uint8)


def h264(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """The video encoded by x264 at a high rate factor, so a low bit rate, and decoded again."""
    _, height, width, _ = frames.shape
    even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")  # as x264 needs
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *even.shape[1:3], "yuv420p"
        stream.options = {"crf": str(RATE_FACTORS[severity - 1]), **SAME_BITS}
        for image in even:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    if len(decoded) != len(frames):
        raise RuntimeError(f"of {len(frames)} frames, H.264 gave {len(decoded)}")
    return np.stack(decoded)[:, :height, :width]
