"""Pretext tasks by name. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.registry import Registry

if TYPE_CHECKING:
    from videossl.backbones.base import Backbone
    from videossl.pretext.base import PretextTask

_REGISTRY = Registry("pretext task", "videossl.pretext", Path(__file__).parent)

register = _REGISTRY.register
option_rows = _REGISTRY.option_rows


def names() -> list[str]:
    """Names of all pretext tasks (one module each)."""
    return _REGISTRY.names()


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """Raise UserError unless `options` are valid options of the task `name` with valid values."""
    _REGISTRY.check_options(name, options, where)


def build(
    name: str,
    backbone: Backbone,
    options: Mapping[str, object],
    *,
    frames: int,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
) -> PretextTask:
    """The task `name` around `backbone`, for clips of `frames` frames normalised by `mean` and `std`.

    `options` are the keyword arguments of the task's class: `options` of the recipe, overridden by those of a
    complexity variant. Weights of heads are drawn from torch's global generator.

    Raises:
        UserError: unknown task or option, or an invalid value.
    """
    cls = _REGISTRY.load(name)
    check_options(name, options)
    task = cls(backbone, frames, **options)
    task.set_normalisation(mean, std)
    return task
