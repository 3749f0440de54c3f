"""Requirements of a training on its data: number of videos and size of frames. Does not import torch."""

from __future__ import annotations

from videossl.common.errors import UserError
from videossl.data.settings import Augment

MIN_VIDEOS = 2
"""Fewest videos in each part of a batch: networks normalise over them, and tasks contrast them."""


def require_videos(videos: int, batch_size: int, accumulation_steps: int, what: str, remedy: str) -> None:
    """UserError unless `videos` suffice for a step.

    If the recipe itself has one video per part of a batch, one is accepted: not every network normalises over a batch.

    what: the videos, as the configuration names them. remedy: where to change their number.
    """
    needed = min(batch_size, MIN_VIDEOS * accumulation_steps)
    if videos < needed:
        parts = (
            f", {MIN_VIDEOS} in each of its {accumulation_steps} parts (`accumulation_steps`)"
            if accumulation_steps > 1
            else ""
        )
        found = "1 usable training video" if videos == 1 else f"{videos} usable training videos"
        raise UserError(f"{what} has {found}; a batch needs at least {needed}{parts}. {remedy}")


def require_size(size: int, augment: Augment, short_side: int, where: str) -> None:
    """UserError if clips of `size` pixels are larger than the frames that they are cut from.

    short_side: short side of the stored frames, pixels. where: the configuration section with the keys `clip` and
    `augment`.
    """
    if size > short_side:
        raise UserError(
            f"{where}: clip.size is {size}, but stored frames have a short side of {short_side} pixels"
            f" (store.short_side): lower clip.size to {short_side} or less, or raise store.short_side."
        )
    resized = augment.resize_short
    if resized is not None and resized < size:
        raise UserError(
            f"{where}: clip.size is {size}, but frames are resized to a short side of {resized} pixels before the crop"
            f" (augment.resize_short): lower clip.size to {resized} or less, or raise augment.resize_short."
        )
