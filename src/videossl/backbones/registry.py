"""Backbones by name. Importing this module does not import torch."""

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
    """Names of all backbones (one module file each)."""
    return _REGISTRY.names()


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """UserError unless `options` are options of the backbone `name`, each a value that it may have."""
    _REGISTRY.check_options(name, options, where)
    if not options.get("width", 1.0) > 0:  # of a class whose annotation does not say it
        raise UserError(f"option 'width' of backbone '{name}'{f' ({where})' if where else ''} must be above 0.")


def build(name: str, *, width: float = 1.0, **options: object) -> Backbone:
    """A freshly initialised backbone; its weights are drawn from torch's global generator.

    `width` multiplies the number of channels of every layer (1.0 is the paper's network). `options` are the
    keyword arguments of the class. Raises UserError for an unknown name or option and for a width that is not
    positive.
    """
    cls = _REGISTRY.load(name)
    check_options(name, {"width": width, **options})
    return cls(width=float(width), **options)
