"""Architectures by name: those of libraries, one module each, and this project's backbones. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError, unknown_name
from videossl.common.registry import Registry

if TYPE_CHECKING:
    from videossl.backbones.base import Backbone

_REGISTRY = Registry("architecture", "videossl.published.networks", Path(__file__).parent)

register = _REGISTRY.register
option_rows = _REGISTRY.option_rows


def library_names() -> list[str]:
    """Names of the architectures of libraries."""
    return _REGISTRY.names()


def names() -> list[str]:
    """Names of all architectures: those of libraries, then this project's backbones."""
    return [*library_names(), *backbones.names()]


def stated(name: str, attribute: str, default: object = None) -> Any:
    """A plain value that the class of an architecture gives to `attribute`, read from its file's text; `default` if it
    gives none."""
    registry = _REGISTRY if name in library_names() else backbones
    return registry.stated(name, attribute, default)


def default_options(name: str) -> dict[str, object]:
    """Options of an architecture of a library with their defaults."""
    return _REGISTRY.options(name)


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """Raise UserError unless `options` are valid options of the architecture `name` with valid values."""
    if name not in names():
        raise unknown_name("architecture", name, names(), where)
    (_REGISTRY.check_options if name in library_names() else backbones.check_options)(name, options, where)


def load(name: str) -> type[Any]:
    """The class of an architecture of a library. Raises UserError if the library is not installed."""
    try:
        return _REGISTRY.load(name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "videossl":
            raise
        raise UserError(
            f"the architecture {name} needs the package {package}, which is not installed: run `pip install {package}`,"
            " or `make setup` in the project's folder."
        ) from error


def build(name: str, **options: Any) -> Backbone:
    """A newly initialised network. Its weights are drawn from torch's global generator; nothing is downloaded.

    Args:
        name: of an architecture of a library, or of one of this project's backbones.
        options: keyword arguments of its class.

    Raises:
        UserError: unknown name or option, or the library is not installed.
    """
    if name not in library_names():
        return backbones.build(name, **options)
    cls = load(name)
    check_options(name, options)
    return cls(**options)
