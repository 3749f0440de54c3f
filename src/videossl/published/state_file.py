"""Reads state dicts from published files, and compares their names and shapes with those of a network."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videossl.common.errors import UserError
from videossl.common.intact import check_archive, unreadable

GET_AGAIN = "Get the published file again, and compare its size and digest with those of its publisher."
WRAPPERS = ("model", "model_state_dict", "state_dict", "module")
"""Keys under which training scripts store the state dict."""
SHOWN = 8
"""Names in a message."""


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict of a published file: .safetensors, or a torch file, such as CLIP's TorchScript archives.

    Raises UserError if the file is none, is damaged, or holds more than tensors.
    """
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


def mismatch(found: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """Names and numbers of parameters of `own`, a network's state dict, that `found` lacks, has besides, or has in
    another shape; "" if they match."""
    missing = [name for name in own if name not in found]
    unexpected = [name for name in found if name not in own]
    shapes = [
        f"{name}: {tuple(found[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in found and found[name].shape != own[name].shape
    ]
    parts = [
        f"{len(names)} {what}: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if names
    ]
    return "; ".join(parts)


def renamed(state: Mapping[str, Tensor], keys: Mapping[str, str | None], where: str) -> dict[str, Tensor]:
    """A state dict under the names that a key map gives them.

    Args:
        keys: regular expressions, searched in each name, all in the order of the map: what matches is replaced by the
            text, in which `\\\\1` is the first group; null leaves the parameter out.
        where: the key map's file and key, for messages.

    Raises:
        UserError: an expression matches no name, or two parameters would get one name.
    """
    found: dict[str, Tensor] = {}
    names: dict[str, str] = {}
    idle = dict.fromkeys(keys)
    for name, value in state.items():
        new = _new_name(name, keys, idle)
        if new is None:
            continue
        if new in names:
            raise UserError(f"{where} gives {names[new]} and {name} the same name, {new}.")
        found[new], names[new] = value, name
    if idle:
        raise UserError(
            f"{where}: {', '.join(map(repr, idle))} matches none of the {len(state)} names in the file, such as"
            f" {', '.join(list(state)[:SHOWN])}. Correct the expression, or remove it."
        )
    return found


def _new_name(name: str, keys: Mapping[str, str | None], idle: dict[str, None]) -> str | None:
    """The new name of a parameter; None if it is left out. Removes the expressions that match from `idle`."""
    for pattern, replacement in keys.items():
        if not re.search(pattern, name):
            continue
        idle.pop(pattern, None)
        if replacement is None:
            return None
        name = re.sub(pattern, replacement, name)
    return name
