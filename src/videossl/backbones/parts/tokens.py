"""Shared by the transformers: padding to whole patches, attention heads, positions for other grids, option checks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from videossl.common.errors import UserError


def pad_to_patches(x: Tensor, patch: Sequence[int]) -> Tensor:
    """Append zeros to (N, 3, T, H, W) at the end of T, H and W, up to multiples of the patch size (t, h, w).

    Otherwise the strided convolution of the patches would skip the last frames, rows and columns.
    """
    missing = [-length % side for length, side in zip(x.shape[2:], patch, strict=True)]
    return F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0])) if any(missing) else x


def head_count(channels: int, per_head: int) -> int:
    """The number of attention heads that divides `channels` and is closest to `per_head` channels per head."""
    divisors = [heads for heads in range(1, channels + 1) if channels % heads == 0]
    return min(divisors, key=lambda heads: abs(channels // heads - per_head))


def resize_positions(positions: Tensor, grid: Sequence[int]) -> Tensor:
    """Interpolate learned positions (1, C, *their grid) linearly to another `grid` of one to three axes."""
    if tuple(positions.shape[2:]) == tuple(grid):
        return positions
    mode = ("linear", "bilinear", "trilinear")[len(grid) - 1]
    return F.interpolate(positions, size=tuple(grid), mode=mode)


def check_at_least(least: int, backbone: str, **options: int) -> None:
    """Raise UserError if one of the options is below `least`."""
    for name, value in options.items():
        if value < least:
            raise UserError(f"option '{name}' of backbone '{backbone}' must be {least} or more, not {value}.")


def check_depths(backbone: str, depths: list[int], stages: int) -> None:
    """Raise UserError unless `depths` lists the blocks of 1 to `stages` stages, with at least two blocks in all.

    Two, because drop path increases linearly from the first block to the last.
    """
    if not 1 <= len(depths) <= stages or sum(depths) < 2:
        raise UserError(
            f"option 'depths' of backbone '{backbone}' must list the blocks of each stage, 1 to {stages} stages and"
            f" at least two blocks in all, not {depths!r}."
        )
