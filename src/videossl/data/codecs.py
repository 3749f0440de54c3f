"""Encodings of stored frames.

"jpeg" is the default. "raw" stores the pixels as they are: nine times the size of JPEG at quality 90, and several times
faster to read while the disk keeps up. "lz4" compresses the pixels without loss: an eighth smaller on real films, and
read at half to four fifths of raw's rate (docs/performance.md). Noisy test sets are raw: lossy coding would smooth
their noise away, and lossless coding (PNG) saves only a quarter to a half of the space and takes nine times as long to
decode as JPEG.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import lz4.block
import numpy as np
import simplejpeg

Shape = tuple[int, int, int]
RAW_HEAD = struct.Struct("<II")
"""Header of a raw frame, and of one in LZ4: height and width."""
LZ4_EFFORT = 9
"""The usual one of LZ4's thorough search for repetitions. A frame is compressed once and read in every epoch."""


@dataclass(frozen=True)
class Codec:
    """Encodes frames (H, W, 3) uint8 RGB to bytes, and decodes them."""

    encode: Callable[[np.ndarray, int], bytes]
    """(contiguous frame, quality) -> bytes."""
    shape: Callable[[memoryview], Shape]
    """Shape (H, W, 3) of an encoded frame, read from its header."""
    decode: Callable[[memoryview, np.ndarray], None]
    """Decode into a contiguous array of that shape. Damaged data raises ValueError or OSError."""


def encode_jpeg(frame: np.ndarray, quality: int) -> bytes:
    """JPEG with chroma at half resolution, as in the videos themselves."""
    return simplejpeg.encode_jpeg(frame, quality=quality, colorspace="RGB", colorsubsampling="420")


def decode_jpeg(encoded: memoryview, frame: np.ndarray) -> None:
    """Decode into existing memory, which takes a quarter less time than letting the library allocate it.

    Uses the exact transform and smooth chroma upsampling: the fast ones would save 6 % of the time together, and cost
    1.5 dB.
    """
    shape = simplejpeg.decode_jpeg(encoded, colorspace="RGB", fastdct=False, fastupsample=False, buffer=frame).shape
    _require_shape(shape, frame.shape)


def jpeg_shape(encoded: memoryview) -> Shape:
    return (*simplejpeg.decode_jpeg_header(encoded)[:2], 3)


def encode_raw(frame: np.ndarray, quality: int) -> bytes:
    """Header and pixels; `quality` has no effect."""
    return RAW_HEAD.pack(*frame.shape[:2]) + frame.tobytes()


def decode_raw(encoded: memoryview, frame: np.ndarray) -> None:
    shape = raw_shape(encoded)
    _require_shape(shape, frame.shape)
    frame[:] = np.frombuffer(encoded, dtype=np.uint8, offset=RAW_HEAD.size).reshape(shape)


def raw_shape(encoded: memoryview) -> Shape:
    if len(encoded) < RAW_HEAD.size:
        raise ValueError(f"{len(encoded)} bytes are not a raw frame")
    height, width = RAW_HEAD.unpack_from(encoded)
    if len(encoded) != RAW_HEAD.size + 3 * height * width:
        raise ValueError(f"{len(encoded)} bytes are not a raw frame of {width}x{height} pixels")
    return height, width, 3


def encode_lz4(frame: np.ndarray, quality: int) -> bytes:
    """Header and compressed pixels; `quality` has no effect."""
    packed = lz4.block.compress(frame.tobytes(), mode="high_compression", compression=LZ4_EFFORT, store_size=False)
    return RAW_HEAD.pack(*frame.shape[:2]) + packed


def decode_lz4(encoded: memoryview, frame: np.ndarray) -> None:
    _require_shape(lz4_shape(encoded), frame.shape)
    try:
        pixels = lz4.block.decompress(encoded[RAW_HEAD.size :], uncompressed_size=frame.nbytes)
    except lz4.block.LZ4BlockError as error:
        raise ValueError(str(error)) from error
    if len(pixels) != frame.nbytes:
        raise ValueError(f"{len(pixels)} bytes are not the pixels of a frame of shape {frame.shape}")
    frame[:] = np.frombuffer(pixels, dtype=np.uint8).reshape(frame.shape)


def lz4_shape(encoded: memoryview) -> Shape:
    if len(encoded) <= RAW_HEAD.size:
        raise ValueError(f"{len(encoded)} bytes are not a frame in LZ4")
    height, width = RAW_HEAD.unpack_from(encoded)
    return height, width, 3


def _require_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise ValueError(f"a frame of shape {found} in a video of frames {expected}")


CODECS = {
    "jpeg": Codec(encode_jpeg, jpeg_shape, decode_jpeg),
    "raw": Codec(encode_raw, raw_shape, decode_raw),
    "lz4": Codec(encode_lz4, lz4_shape, decode_lz4),
}
