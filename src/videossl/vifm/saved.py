"""The `weights.pt` of a video-language model: parameters, how it was made, and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videossl.training.checkpoint import load_torch, save_torch
from videossl.vifm.models import registry
from videossl.vifm.models.base import VideoLanguageModel
from videossl.vifm.texts import Tokenizer, tokenizer_of


def save_model(path: Path, model: VideoLanguageModel, name: str, options: dict[str, Any], tokenizer: Tokenizer) -> None:
    """Write `model`, which is `name` of the registry with `options`."""
    state = {key: value.detach().cpu() for key, value in model.state_dict().items()}
    save_torch(path, {"model": state, "name": name, "options": options, "tokenizer": tokenizer.state()})


def load_model(path: Path) -> tuple[VideoLanguageModel, Tokenizer]:
    """The model in evaluation mode without gradients, and its tokenizer."""
    saved = load_torch(path)
    model = registry.build(saved["name"], **saved["options"])
    model.load_state_dict(saved["model"])
    return model.eval().requires_grad_(False), tokenizer_of(saved["tokenizer"])
