"""Video-language models by name. Importing this module does not import torch."""

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
    """Names of all video-language models (one module file each)."""
    return _REGISTRY.names()


def check_options(name: str, options: Mapping[str, object], where: str = "") -> None:
    """UserError unless `options` are options of the model `name`, each a value that it may have."""
    _REGISTRY.check_options(name, options, where)


def load(name: str) -> type[VideoLanguageModel]:
    """The class of a model; UserError for an unknown name."""
    return _REGISTRY.load(name)


def build(name: str, **options: Any) -> VideoLanguageModel:
    """A freshly initialised model; the defaults of its options are the published network.

    UserError for an unknown name or option.
    """
    check_options(name, options)
    return load(name)(**options)
