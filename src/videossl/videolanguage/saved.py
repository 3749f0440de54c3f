"""The `weights.pt` of a video-language model: parameters, how to build the model, and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.intact import damaged
from videossl.training.checkpoint import fill, load_parts, save_torch
from videossl.videolanguage.models import registry
from videossl.videolanguage.models.base import VideoLanguageModel
from videossl.videolanguage.texts import Tokenizer, tokenizer_of

PARTS = {"model": Mapping, "name": str, "options": dict, "tokenizer": dict}


def save_model(path: Path, model: VideoLanguageModel, name: str, options: dict[str, Any], tokenizer: Tokenizer) -> None:
    """Write `model`, which is `name` in the registry, built with `options`."""
    state = {key: value.detach().cpu() for key, value in model.state_dict().items()}
    save_torch(path, {"model": state, "name": name, "options": options, "tokenizer": tokenizer.state()})


def load_model(path: Path) -> tuple[VideoLanguageModel, Tokenizer]:
    """The model in evaluation mode without gradients, and its tokenizer. Raises UserError if the file cannot be
    used."""
    saved = load_parts(path, PARTS, "video-language model")
    try:
        model, tokenizer = registry.build(saved["name"], **saved["options"]), tokenizer_of(saved["tokenizer"])
    except (KeyError, TypeError, ValueError, UserError) as error:
        raise damaged(path, f"does not describe a model that can be built ({type(error).__name__}: {error})") from error
    fill(model, saved["model"], path)
    return model.eval().requires_grad_(False), tokenizer
