"""Crop, resize, rotate and flip clips as drawn: what the loader's worker does, and what is left for the device.

A worker cuts (and resizes) uint8 frames, which costs little beside decoding them. Rotating costs several times the
decoding, and mirroring half of it, on one core, and next to nothing on the training device: there both are done, for
whole batches (:func:`finish`). For that a rotated clip travels as a window (:func:`window_side`) that holds all its
pixels at any angle that the configuration allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F

from videossl.data.augment import ClipAugmentation

COLUMNS = ("flip", "warp", "xx", "xy", "x", "yx", "yy", "y")
"""A clip's row of what is left for the device: whether to mirror and to warp; the matrix from places in the output to
places in the window, both from -1 to 1 (`torch.nn.functional.affine_grid` without aligned corners)."""


def window_side(size: int, rotation: float) -> int:
    """Side of the window that holds a square of `size` pixels turned by up to `rotation` degrees, and a margin of a
    pixel on all sides for interpolation; `size` itself without rotation."""
    if rotation == 0:
        return size
    return math.ceil(size * _reach(rotation)) + 2


def _reach(rotation: float) -> float:
    """Side of the upright square around a unit square that is turned by any angle up to `rotation` degrees."""
    angle = math.radians(min(rotation, 45.0))
    return math.sin(angle) + math.cos(angle)


def cut(frames: np.ndarray, a: ClipAugmentation, rotation: float, out: torch.Tensor) -> np.ndarray:
    """The worker's part: frames uint8 (T, H, W, 3) -> `out` uint8 (T, S, S, 3), and the clip's row of COLUMNS.

    S is `a.size` or, where any clip of the batch may be turned by up to `rotation` degrees, their window's side.
    """
    if out.shape[1] == a.size:
        _fit(torch.from_numpy(frames)[:, a.top :, a.left :][:, : a.height, : a.width], out)
        return np.array([a.flip, False, 1, 0, 0, 0, 1, 0], dtype=np.float32)
    height, width = frames.shape[1:3]
    cos, sin = math.cos(math.radians(a.angle)), math.sin(math.radians(a.angle))
    # The box's centre relative to the frame's, and where it comes from in the frame that is not turned.
    x, y = a.left + (a.width - width) / 2, a.top + (a.height - height) / 2
    from_x, from_y = cos * x - sin * y + width / 2, sin * x + cos * y + height / 2
    scale = out.shape[1] / (a.size * _reach(rotation))
    bound = math.radians(min(rotation, 45.0))
    tall = max(round(scale * (a.height * math.cos(bound) + a.width * math.sin(bound))), 1)
    wide = max(round(scale * (a.width * math.cos(bound) + a.height * math.sin(bound))), 1)
    top, left = round(from_y - tall / 2), round(from_x - wide / 2)
    if (tall, wide) == tuple(out.shape[1:3]):
        _mirrored(frames, top, left, out.numpy())
    else:
        window = np.empty((len(frames), tall, wide, 3), dtype=np.uint8)
        _mirrored(frames, top, left, window)
        _fit(torch.from_numpy(window), out)
    sign = -1 if a.flip else 1
    return np.array(
        [
            False, True,  # the matrix mirrors as well
            sign * cos * a.width / wide, -sin * a.height / wide, 2 * (from_x - left) / wide - 1,
            sign * sin * a.width / tall, cos * a.height / tall, 2 * (from_y - top) / tall - 1,
        ],
        dtype=np.float32,
    )  # fmt: skip


def _fit(clip: torch.Tensor, out: torch.Tensor) -> None:
    """uint8 (T, H, W, 3) -> `out` (T, S, S, 3), resized where the sizes differ."""
    if clip.shape != out.shape:
        # (T, 3, H, W) as a view of channels-last data: torch has a fast uint8 path for exactly this.
        planes = clip.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        planes = F.interpolate(planes, size=out.shape[1:3], mode="bilinear", antialias=True)
        clip = planes.permute(0, 2, 3, 1)
    out.copy_(clip)


def _mirrored(frames: np.ndarray, top: int, left: int, out: np.ndarray) -> None:
    """The part of the frames from (top, left) on that fills `out`; outside the frame its mirror image continues.

    Black corners, as in many implementations, would show the frame's edges, from which a rotation-prediction task
    could read the answer.
    """
    for rows, from_rows in _pieces(top, out.shape[1], frames.shape[1]):
        for columns, from_columns in _pieces(left, out.shape[2], frames.shape[2]):
            out[:, rows, columns] = frames[:, from_rows, from_columns]


def _pieces(start: int, length: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Where places start..start+length of an endlessly mirrored line of `size` places come from, piece by piece."""
    done = 0
    while done < length:
        fold, place = divmod(start + done, size)
        count = min(size - place, length - done)
        if fold % 2:
            first = size - 1 - place
            source = slice(first, first - count if first >= count else None, -1)
        else:
            source = slice(place, place + count)
        yield slice(done, done + count), source
        done += count


def finish(clips: torch.Tensor, rows: torch.Tensor, size: int) -> torch.Tensor:
    """The device's part: float (N, 3, T, S, S) -> (N, 3, T, size, size), turned and mirrored.

    `rows` (N, len(COLUMNS)) float32 best stay on the CPU: which clips are touched is decided there.
    """
    rows = rows.cpu()
    if clips.shape[-1] != size:
        theta = rows[:, 2:].reshape(-1, 2, 3).to(clips.device, non_blocking=True)
        # Frames and colours as channels of one picture, so that the grid is evaluated once.
        grid = F.affine_grid(theta, [len(clips), 1, size, size], align_corners=False)
        turned = F.grid_sample(clips.flatten(1, 2), grid, "bilinear", padding_mode="border", align_corners=False)
        return turned.unflatten(1, clips.shape[1:3])
    where = rows[:, 0].nonzero().flatten().to(clips.device, non_blocking=True)
    return clips.index_copy(0, where, clips.index_select(0, where).flip(-1)) if len(where) else clips
