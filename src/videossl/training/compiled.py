"""Compiled backbones."""

from __future__ import annotations

from torch import nn

from videossl.backbones.base import Backbone
from videossl.common.compiled import Compiled


def compile_backbones(module: nn.Module) -> None:
    """Compile the trunks of all backbones in `module`.

    Most time is spent there, and the rest of a task draws random numbers on the CPU, which breaks compiled graphs.
    """
    for part in module.modules():
        if isinstance(part, Backbone):
            for name in part.heavy:
                setattr(part, name, Compiled(getattr(part, name), f"the {name} of {type(part).__name__}"))
