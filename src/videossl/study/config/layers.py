"""Checks across the files of a configuration: contradictions that are no longer visible after merging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from videossl.common.errors import UserError

FOLDERS = ("root", "annotations")
"""Keys of a dataset with the folders of real videos and their lists."""
Layer = tuple[str, Mapping[str, Any]]
"""Name and content of a file."""


def check_layers(layers: Sequence[Layer]) -> None:
    """Raise UserError if files contradict each other.

    Args:
        layers: the files in the order in which each overrides the previous ones.
    """
    _check_datasets(layers)
    _check_left_out(layers)


def _check_datasets(layers: Sequence[Layer]) -> None:
    """Raise UserError if the same file declares a dataset real and generated, or a later file declares it generated
    while an earlier one gives its folders. (Real in a later file is fine: the default's datasets are generated.)"""
    places: dict[str, dict[str, str]] = {}
    for where, layer in layers:
        for name, dataset in _mapping(layer.get("datasets")).items():
            place = places.setdefault(str(name), {})
            dataset = _mapping(dataset)
            for key in FOLDERS:
                if key in dataset:
                    place.pop(key, None)
                    if dataset[key] is not None:
                        place[key] = where
            if _mapping(dataset.get("generated")) and place:
                raise UserError(_both(str(name), place, where))


def _check_left_out(layers: Sequence[Layer]) -> None:
    """Raise UserError if a file names other tables and figures than an earlier one, which leaves values of its own out:
    those of the other file would silently lose cells."""
    named, left_out = None, ""
    for where, layer in layers:
        if "leave_out" in layer:
            left_out = where if layer["leave_out"] else ""
        elif left_out and layer.get("experiments_file", named) != named:
            raise UserError(
                f"`experiments_file` in {where} names other tables and figures than those that `leave_out` in"
                f" {left_out} was written for. Say in {where} what they leave out, too: `leave_out: null` for nothing."
            )
        named = layer.get("experiments_file", named)


def file_of(layers: Sequence[Layer], *keys: str) -> str:
    """The last file that has the key (a path of nested keys); "" if none has."""
    for where, layer in reversed(layers):
        value: Any = layer
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            return where
    return ""


def _both(name: str, place: Mapping[str, str], where: str) -> str:
    key, file = next(iter(place.items()))
    given = f"`datasets.{name}.generated` in {where} and `datasets.{name}.{key}`"
    given += " beside it" if file == where else f" in {file}"
    return (
        f"{given} contradict each other: are the videos of {name} generated or real? For real ones leave `generated`"
        f" out; for generated ones set {' and '.join(f'`{key}: null`' for key in FOLDERS)}."
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
