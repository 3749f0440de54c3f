"""Crop, resize, rotate and flip clips: the part of the loader's workers and the part of the training device.

A worker crops (and resizes) uint8 frames, which costs little compared with decoding. On one core, rotation costs
several times as much as decoding, and flipping half as much; on the training device both cost almost nothing. They are
therefore done there, on whole batches (:func:`finish`). A rotated clip is sent as a larger window (:func:`window_side`)
that holds all its pixels at any angle that the configuration allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F

from videossl.data.augment import ClipAugmentation

COLUMNS = ("flip", "warp", "xx", "xy", "x", "yx", "yy", "y")
"""What remains for the device, one row per clip: whether to flip and to warp; and the matrix from output coordinates to
window coordinates, both in [-1, 1] (`torch.nn.functional.affine_grid` without aligned corners)."""


def window_side(size: int, rotation: float) -> int:
    """Side in pixels of the window that holds a square of `size` pixels rotated by up to `rotation` degrees, with a
    margin of one pixel for interpolation. `size` itself without rotation."""
    if rotation == 0:
        return size
    return math.ceil(size * _reach(rotation)) + 2


def _reach(rotation: float) -> float:
    """Side of the upright square around a unit square rotated by any angle up to `rotation` degrees."""
    angle = math.radians(min(rotation, 45.0))
    return math.sin(angle) + math.cos(angle)


def cut(frames: np.ndarray, a: ClipAugmentation, rotation: float, out: torch.Tensor) -> np.ndarray:
    """The worker's part: frames uint8 (T, H, W, 3) -> `out` uint8 (T, S, S, 3). Returns the clip's row of COLUMNS.

    S is `a.size`, or the side of the window if clips of the batch may be rotated by up to `rotation` degrees.
    """
    if out.shape[1] == a.size:
        _fit(torch.from_numpy(frames)[:, a.top :, a.left :][:, : a.height, : a.width], out)
        return np.array([a.flip, False, 1, 0, 0, 0, 1, 0], dtype=np.float32)
    height, width = frames.shape[1:3]
    cos, sin = math.cos(math.radians(a.angle)), math.sin(math.radians(a.angle))
    # The box's centre relative to the frame's centre, and its position in the frame before rotation.
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
            False, True,  # the matrix flips as well
            sign * cos * a.width / wide, -sin * a.height / wide, 2 * (from_x - left) / wide - 1,
            sign * sin * a.width / tall, cos * a.height / tall, 2 * (from_y - top) / tall - 1,
        ],
        dtype=np.float32,
    )  # fmt: skip


def _fit(clip: torch.Tensor, out: torch.Tensor) -> None:
    """uint8 (T, H, W, 3) -> `out` (T, S, S, 3), resized if the sizes differ."""
    if clip.shape != out.shape:
        # (T, 3, H, W) as a view of channels-last data: torch has a fast uint8 path for exactly this.
        planes = clip.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        planes = F.interpolate(planes, size=out.shape[1:3], mode="bilinear", antialias=True)
        clip = planes.permute(0, 2, 3, 1)
    out.copy_(clip)


def _mirrored(frames: np.ndarray, top: int, left: int, out: np.ndarray) -> None:
    """Copy frames from (top, left) on into `out`; outside the frame they continue as their mirror image.

    Black corners, as in many implementations, would show the frame's edges, and a rotation-prediction task could read
    its answer from them.
    """
    for rows, from_rows in _pieces(top, out.shape[1], frames.shape[1]):
        for columns, from_columns in _pieces(left, out.shape[2], frames.shape[2]):
            out[:, rows, columns] = frames[:, from_rows, from_columns]


def _pieces(start: int, length: int, size: int) -> Iterator[tuple[slice, slice]]:
    """The slices that positions start..start+length of an endlessly mirrored line of `size` positions come from."""
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
    """The device's part: float (N, 3, T, S, S) -> (N, 3, T, size, size), rotated and flipped.

    `rows` (N, len(COLUMNS)) float32 should stay on the CPU, where the clips to change are selected.
    """
    rows = rows.cpu()
    if clips.shape[-1] != size:
        theta = rows[:, 2:].reshape(-1, 2, 3).to(clips.device, non_blocking=True)
        # Frames and colours become channels of one image, so that the grid is evaluated once.
        grid = F.affine_grid(theta, [len(clips), 1, size, size], align_corners=False)
        turned = F.grid_sample(clips.flatten(1, 2), grid, "bilinear", padding_mode="border", align_corners=False)
        return turned.unflatten(1, clips.shape[1:3])
    where = rows[:, 0].nonzero().flatten().to(clips.device, non_blocking=True)
    return clips.index_copy(0, where, clips.index_select(0, where).flip(-1)) if len(where) else clips
