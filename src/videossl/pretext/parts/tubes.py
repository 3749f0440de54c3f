"""Tubes of a clip, the units that masked tasks hide: their grid, their numbers, and clips without the hidden ones.

Tubes are numbered row by row and frame by frame. A mask hides the same places in all frames, so that nothing static can
be copied from a neighbouring frame.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from videossl.common.errors import UserError

Tube = tuple[int, int, int]
"""Frames, height and width: of a tube in pixels, or of a clip in tubes."""


def tube_grid(clips: Tensor, tube: Tube, owner: str) -> Tube:
    """Number of tubes along T, H and W of clips (..., T, H, W). Raises UserError, which names the task `owner`, unless
    tubes divide the clip, with at least two per frame."""
    shape = clips.shape[-3:]
    grid = tuple(side // part for side, part in zip(shape, tube, strict=True))
    if any(side % part for side, part in zip(shape, tube, strict=True)) or grid[1] * grid[2] < 2:
        raise UserError(
            f"clips of {'x'.join(map(str, shape))} (frames, height, width) cannot be cut into whole tubes of"
            f" {'x'.join(map(str, tube))}, two or more a frame: change option 'tube' of {owner}, or clip.frames and"
            " clip.size of the recipe."
        )
    return grid


def to_tubes(clips: Tensor, tube: Tube) -> Tensor:
    """(B, 3, T, H, W) -> (B, L, P, 3): L tubes, row by row and frame by frame, of P pixels in the same order."""
    t, h, w = tube
    parts = clips.unflatten(4, (-1, w)).unflatten(3, (-1, h)).unflatten(2, (-1, t))
    return parts.permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4, 6).flatten(1, 3)


def in_every_layer(places: Tensor, grid: Tube) -> Tensor:
    """Numbers of the tubes at the places (B, K) of a frame, in ascending order, in all t layers of `grid`: (B, t *
    K)."""
    layers = grid[1] * grid[2] * torch.arange(grid[0]).view(1, -1, 1)
    return (layers + places.sort(dim=1).values.unsqueeze(1)).flatten(1)


def of_tubes(values: Tensor, numbers: Tensor) -> Tensor:
    """Select the tubes with `numbers` (B, K): (B, L, D) -> (B, K, D)."""
    return torch.take_along_dim(values, numbers.unsqueeze(2), dim=1)


def keep_visible(clips: Tensor, visible: Tensor, grid: Tube) -> Tensor:
    """Normalised clips (B, 3, T, H, W) in which all tubes but `visible` (B, K) are set to 0, the mean colour.

    Not to a learned value, as in SimMIM's embedding: convolutions pad with 0 as well, so 0 already means "nothing
    here", and pretraining has no input that finetuning does not know.
    """
    gone = torch.ones(len(clips), math.prod(grid), dtype=torch.bool, device=clips.device).scatter(1, visible, False)
    gone = gone.unflatten(1, grid)
    for axis, (size, count) in enumerate(zip(clips.shape[2:], grid, strict=True), start=1):
        shape = list(gone.unsqueeze(axis + 1).shape)
        shape[axis + 1] = size // count
        gone = gone.unsqueeze(axis + 1).expand(shape).flatten(axis, axis + 1)
    return clips.masked_fill(gone.unsqueeze(1), 0)
