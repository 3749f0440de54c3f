"""What the transformers share: whole patches, attention heads, positions for another grid, checks of options."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from videossl.common.errors import UserError


def pad_to_patches(x: Tensor, patch: Sequence[int]) -> Tensor:
    """Append zeros to (N, 3, T, H, W) at the end of T, H and W until whole patches (t, h, w) cover it.

    Without them the patches' strided convolution would leave the last frames, rows and columns out.
    """
    missing = [-length % side for length, side in zip(x.shape[2:], patch, strict=True)]
    return F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0])) if any(missing) else x


def head_count(channels: int, per_head: int) -> int:
    """The number of attention heads that divides `channels` and comes nearest to `per_head` channels a head."""
    divisors = [heads for heads in range(1, channels + 1) if channels % heads == 0]
    return min(divisors, key=lambda heads: abs(channels // heads - per_head))


def resize_positions(positions: Tensor, grid: Sequence[int]) -> Tensor:
    """Learned positions (1, C, *its grid) for another `grid` of one to three axes, by linear interpolation."""
    if tuple(positions.shape[2:]) == tuple(grid):
        return positions
    mode = ("linear", "bilinear", "trilinear")[len(grid) - 1]
    return F.interpolate(positions, size=tuple(grid), mode=mode)


def check_at_least(least: int, backbone: str, **options: int) -> None:
    """UserError if one of the options is below `least`."""
    for name, value in options.items():
        if value < least:
            raise UserError(f"option '{name}' of backbone '{backbone}' must be {least} or more, not {value}.")


def check_depths(backbone: str, depths: list[int], stages: int) -> None:
    """UserError if `depths` are not the blocks of 1 to `stages` stages, two in all at least.

    Drop path grows evenly from the first block to the last, hence two.
    """
    if not 1 <= len(depths) <= stages or sum(depths) < 2:
        raise UserError(
            f"option 'depths' of backbone '{backbone}' must list the blocks of each stage, 1 to {stages} stages and"
            f" at least two blocks in all, not {depths!r}."
        )
