"""Video-language models by name. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.common.registry import Registry

if TYPE_CHECKING:
    from videossl.videolanguage.models.base import VideoLanguageModel

_REGISTRY = Registry("video-language model", "videossl.videolanguage.models", Path(__file__).parent)

register = _REGISTRY.register
option_rows = _REGISTRY.option_rows


def names() -> list[str]:
    """Names of all video-language models (one module each)."""
    return _REGISTRY.names()


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """Raise UserError unless `options` are valid options of the model `name` with valid values."""
    _REGISTRY.check_options(name, options, where)


def load(name: str) -> type[VideoLanguageModel]:
    """The class of a model. Raises UserError for an unknown name."""
    return _REGISTRY.load(name)


def build(name: str, **options: Any) -> VideoLanguageModel:
    """A newly initialised model. The defaults of its options give the published network.

    Raises UserError for an unknown name or option.
    """
    check_options(name, options)
    return load(name)(**options)
