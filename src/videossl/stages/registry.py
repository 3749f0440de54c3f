"""Stages by name: one module file each. Importing this module does not import torch."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.common.errors import unknown_name
from videossl.common.registry import module_names

if TYPE_CHECKING:
    from videossl.stages.base import Stage

NOT_STAGES = ("base", "cells", "data", "jobs", "registry")


@cache
def names() -> list[str]:
    """The names of all stages, sorted: the module files of this package that are not listed in `NOT_STAGES`."""
    return module_names(Path(__file__).parent, NOT_STAGES)


@cache
def stage(name: str) -> Stage[Any]:
    """The stage called `name`: `STAGE` of its module. Raises UserError if there is none."""
    if name not in names():
        raise unknown_name("stage", name, names())
    found: Stage[Any] = importlib.import_module(f"{__package__}.{name}").STAGE
    if found.name != name:
        raise ValueError(f"{__package__}.{name} defines a stage of the name '{found.name}'")
    return found


def stages() -> list[Stage[Any]]:
    """All stages, by name."""
    return [stage(name) for name in names()]


def protocols() -> dict[str, Stage[Any]]:
    """Stages that grids of `experiments.yaml` can use, by protocol name."""
    return {one.protocol: one for one in stages() if one.is_protocol}
