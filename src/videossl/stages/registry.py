"""Stages by name: one module file each. Importing this module does not import torch."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from videossl.common.errors import UserError, unknown_name
from videossl.common.registry import module_names
from videossl.stages.base import Stage

NOT_STAGES = ("base", "cells", "data", "jobs", "registry")
REQUIRED = ("name", "title", "folder", "results", "specification", "message", "axes")
"""Attributes of a stage that have no default."""


@cache
def names() -> list[str]:
    """The names of all stages, sorted: the module files of this package that are not listed in `NOT_STAGES`."""
    return module_names(Path(__file__).parent, NOT_STAGES)


@cache
def stage(name: str) -> Stage[Any]:
    """The stage called `name`: `STAGE` of its module. Raises UserError if there is none."""
    if name not in names():
        raise unknown_name("stage", name, names())
    return stage_of(importlib.import_module(f"{__package__}.{name}"), name)


def stage_of(module: ModuleType, name: str) -> Stage[Any]:
    """The stage that a module file defines. Raises UserError if it defines none, or an incomplete one.

    name: of the file, without suffix.
    """
    place = f"the stage file {module.__file__}"
    found = getattr(module, "STAGE", None)
    if not isinstance(found, Stage):
        raise UserError(f"{place} defines no stage: end it with `STAGE = <class of the stage>()`.")
    if missing := [attribute for attribute in REQUIRED if not hasattr(found, attribute)]:
        named = " and ".join(f"`{attribute}`" for attribute in missing)
        raise UserError(f"{place} does not set {named}, which every stage must set: see src/videossl/stages/base.py.")
    if found.name != name:
        raise UserError(f"{place} sets `name` to '{found.name}', but a stage must have the name of its file: '{name}'.")
    return found


def stages() -> list[Stage[Any]]:
    """All stages, by name."""
    return [stage(name) for name in names()]


def protocols() -> dict[str, Stage[Any]]:
    """Stages that grids of `experiments.yaml` can use, by protocol name."""
    return {one.protocol: one for one in stages() if one.is_protocol}
