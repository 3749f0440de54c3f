"""Conversion of published files to our `weights.pt`; every parameter must be matched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from videossl.common.errors import UserError
from videossl.published.state_file import mismatch, read_state
from videossl.videolanguage.models import registry
from videossl.videolanguage.models.base import VideoLanguageModel
from videossl.videolanguage.specs import PublishedModelSpec


def load_published(
    model: VideoLanguageModel, state: Mapping[str, Tensor], base: Mapping[str, Tensor] | None, where: str
) -> None:
    """Load a published state dict. Raises UserError listing missing, unexpected and wrongly shaped parameters."""
    try:
        converted = model.convert(state, base)
    except (KeyError, IndexError, RuntimeError, AttributeError) as error:  # `state` lacks parameters
        raise UserError(
            f"{where} is no file of {type(model).__name__} ({type(error).__name__}: {error}). Is it of another model?"
        ) from error
    own = model.state_dict()
    if problem := mismatch(converted, own):
        raise UserError(
            f"{where} does not fit {type(model).__name__} as its recipe describes it ({problem}). "
            "Is it the file of another size, of another number of frames, or of another model?"
        )
    model.load_state_dict({name: value.float() for name, value in converted.items()}, assign=True)


def published_model(spec: PublishedModelSpec, weights: Path, base: Path | None) -> VideoLanguageModel:
    """The model of a specification, with published weights."""
    model = registry.build(spec.model, **spec.options)
    load_published(model, read_state(weights), read_state(base) if base else None, str(weights))
    return model
