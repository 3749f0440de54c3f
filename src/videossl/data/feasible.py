"""What a training asks of its data: how many videos, and frames of which size. Imports no torch."""

from __future__ import annotations

from videossl.common.errors import UserError
from videossl.data.settings import Augment

LEAST = 2
"""Videos in each part of a batch: networks normalise over them, and tasks tell them from one another."""


def require_videos(videos: int, batch_size: int, accumulation_steps: int, what: str, remedy: str) -> None:
    """UserError unless `videos` suffice for a step.

    A recipe whose own batches have one video in a part is taken at its word: not every network normalises.

    what: the videos, as named in the configuration. remedy: where their number is set.
    """
    needed = min(batch_size, LEAST * accumulation_steps)
    if videos < needed:
        parts = (
            f", {LEAST} in each of its {accumulation_steps} parts (`accumulation_steps`)"
            if accumulation_steps > 1
            else ""
        )
        found = "1 usable training video" if videos == 1 else f"{videos} usable training videos"
        raise UserError(f"{what} has {found}; a batch needs at least {needed}{parts}. {remedy}")


def require_size(size: int, augment: Augment, short_side: int, where: str) -> None:
    """UserError if clips of `size` pixels are larger than the frames that they are cut from.

    short_side: of the stored frames, pixels. where: what has the keys `clip` and `augment`.
    """
    if size > short_side:
        raise UserError(
            f"{where}: clip.size is {size}, and stored frames have a short side of {short_side} pixels"
            f" (store.short_side): lower clip.size to {short_side} or less, or raise store.short_side."
        )
    resized = augment.resize_short
    if resized is not None and resized < size:
        raise UserError(
            f"{where}: clip.size is {size}, and frames are resized to a short side of {resized} pixels before the crop"
            f" (augment.resize_short): lower clip.size to {resized} or less, or raise augment.resize_short."
        )
