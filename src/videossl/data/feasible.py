"""Requirements of a training on its data: number of videos and size of frames. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videossl.common.errors import UserError

MIN_VIDEOS = 2
"""Fewest videos in each part of a batch: networks normalise over them, and tasks contrast them."""


def require_videos(videos: int, spec: Mapping[str, Any], what: str, remedy: str) -> None:
    """Raise UserError unless `videos` suffice for a step of `spec` (`batch_size`, `accumulate`).

    If the recipe itself has one video per part of a batch, one is accepted: not every network normalises over a batch.

    what: the videos, as the configuration names them. remedy: where to change their number.
    """
    needed = min(spec["batch_size"], MIN_VIDEOS * spec["accumulate"])
    if videos < needed:
        parts = (
            f", {MIN_VIDEOS} in each of its {spec['accumulate']} parts (`accumulate`)" if spec["accumulate"] > 1 else ""
        )
        found = "1 usable training video" if videos == 1 else f"{videos} usable training videos"
        raise UserError(f"{what} has {found}; a batch needs at least {needed}{parts}. {remedy}")


def require_size(size: int, augment: Mapping[str, Any], short_side: int, where: str) -> None:
    """Raise UserError if clips of `size` pixels are larger than the frames that they are cropped from.

    short_side: short side of the stored frames, pixels. where: the configuration section with the keys `clip` and
    `augment`.
    """
    if size > short_side:
        raise UserError(
            f"{where}: clip.size is {size}, but stored frames have a short side of {short_side} pixels"
            f" (store.short_side): lower clip.size to {short_side} or less, or raise store.short_side."
        )
    resized = augment.get("resize_short")
    if resized is not None and resized < size:
        raise UserError(
            f"{where}: clip.size is {size}, but frames are resized to a short side of {resized} pixels before the crop"
            f" (augment.resize_short): lower clip.size to {resized} or less, or raise augment.resize_short."
        )
