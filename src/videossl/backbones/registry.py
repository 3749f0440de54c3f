"""Backbones by name. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.errors import UserError
from videossl.common.registry import Registry

if TYPE_CHECKING:
    from videossl.backbones.base import Backbone

_REGISTRY = Registry("backbone", "videossl.backbones", Path(__file__).parent)

register = _REGISTRY.register
option_rows = _REGISTRY.option_rows
stated = _REGISTRY.stated


def names() -> list[str]:
    """Names of all backbones (one module each)."""
    return _REGISTRY.names()


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """Raise UserError unless `options` are valid options of the backbone `name` with valid values."""
    _REGISTRY.check_options(name, options, where)
    if not options.get("width", 1.0) > 0:  # the annotation of a class may not require it
        raise UserError(f"option 'width' of backbone '{name}'{f' ({where})' if where else ''} must be above 0.")


def build(name: str, *, width: float = 1.0, **options: object) -> Backbone:
    """A newly initialised backbone. Its weights are drawn from torch's global generator.

    Args:
        name: of the backbone.
        width: multiplies the number of channels of every layer; 1.0 is the paper's network.
        options: keyword arguments of the class.

    Raises:
        UserError: unknown name or option, or a width that is not positive.
    """
    cls = _REGISTRY.load(name)
    check_options(name, {"width": width, **options})
    return cls(width=float(width), **options)
