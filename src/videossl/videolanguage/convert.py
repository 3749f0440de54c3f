"""Conversion of published files to our `weights.pt`; every parameter must be matched."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videossl.common.errors import UserError
from videossl.common.intact import check_archive, unreadable
from videossl.videolanguage.models import registry
from videossl.videolanguage.models.base import VideoLanguageModel
from videossl.videolanguage.specs import PublishedModelSpec

GET_AGAIN = "Get the published file again, and compare its size and digest with those of its publisher."
WRAPPERS = ("model", "model_state_dict", "state_dict", "module")
"""Keys under which training scripts store the state dict."""
SHOWN = 8


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict of a published file: .safetensors, or a torch file, such as CLIP's TorchScript archives."""
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise unreadable(path, error, GET_AGAIN) from error
    if zipfile.is_zipfile(path):
        check_archive(path, GET_AGAIN)  # torch does not verify checksums
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        try:
            content = dict(torch.jit.load(path, map_location="cpu").state_dict())
        except Exception:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(
                f"{path} cannot be read as weights ({first}). If it is a training checkpoint that holds more than "
                "tensors, save its state dict alone: torch.save(torch.load(path, weights_only=False)['model'], new)."
            ) from error
    return unwrapped(content, path)


def unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint, without the prefix of data-parallel training."""
    while isinstance(content, Mapping) and (key := next((key for key in WRAPPERS if _holds(content, key)), None)):
        content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path} holds no state dict, neither by itself nor under {', '.join(WRAPPERS)}.")
    return {name.removeprefix("module."): value for name, value in content.items()}


def _holds(content: Mapping[str, Any], key: str) -> bool:
    return isinstance(content.get(key), Mapping)


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
    missing = [name for name in own if name not in converted]
    unexpected = [name for name in converted if name not in own]
    shapes = [
        f"{name}: {tuple(converted[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in converted and converted[name].shape != own[name].shape
    ]
    if missing or unexpected or shapes:
        parts = [
            f"{len(names)} {what}: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"
            for what, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
            if names
        ]
        raise UserError(
            f"{where} does not fit {type(model).__name__} as its recipe describes it ({'; '.join(parts)}). "
            "Is it the file of another size, of another number of frames, or of another model?"
        )
    model.load_state_dict({name: value.float() for name, value in converted.items()}, assign=True)


def published_model(spec: PublishedModelSpec, weights: Path, base: Path | None) -> VideoLanguageModel:
    """The model of a specification, with published weights."""
    model = registry.build(spec.model, **spec.options)
    load_published(model, read_state(weights), read_state(base) if base else None, str(weights))
    return model
