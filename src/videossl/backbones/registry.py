"""Backbones by name. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.errors import UserError
from videossl.registry import Registry

if TYPE_CHECKING:
    from videossl.backbones.base import Backbone

_REGISTRY = Registry("backbone", "videossl.backbones", Path(__file__).parent)

register = _REGISTRY.register


def names() -> list[str]:
    """Names of all backbones (one module file each)."""
    return _REGISTRY.names()


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """UserError unless `options` are options of the backbone `name`, each of its type, and its width is positive; other
    ranges are the class's to check."""
    _REGISTRY.check_options(name, options, where)
    if not options.get("width", 1.0) > 0:
        raise UserError(
            f"the width of backbone '{name}'{f' in {where}' if where else ''} must be a number above 0"
            f" (1.0: as in the paper), not {options['width']!r}."
        )


def build(name: str, *, width: float = 1.0, **options: object) -> Backbone:
    """A freshly initialised backbone; its weights are drawn from torch's global generator.

    `width` multiplies the number of channels of every layer (1.0 is the paper's network). `options` are the
    keyword arguments of the class. Raises UserError for an unknown name or option and for a width that is not
    positive.
    """
    cls = _REGISTRY.load(name)
    check_options(name, {"width": width, **options})
    return cls(width=float(width), **options)
