"""Files of tensors, compared bit for bit."""

from __future__ import annotations

from pathlib import Path

import torch


def differing_tensors(first: Path, second: Path) -> list[str]:
    """Names of the tensors that are not the same, bit for bit, in two files; all names must be in both."""
    one, other = (tensors_of(torch.load(path, weights_only=True)) for path in (first, second))
    assert one, f"no tensors in {first}"
    assert one.keys() == other.keys()
    return [name for name in one if not torch.equal(one[name], other[name])]


def tensors_of(value: object, prefix: str = "") -> dict[str, torch.Tensor]:
    """All tensors of a nested structure, by path."""
    if isinstance(value, torch.Tensor):
        return {prefix: value}
    if isinstance(value, dict):
        return {k: t for key, item in value.items() for k, t in tensors_of(item, f"{prefix}/{key}").items()}
    if isinstance(value, list):
        return {k: t for key, item in enumerate(value) for k, t in tensors_of(item, f"{prefix}/{key}").items()}
    return {}
