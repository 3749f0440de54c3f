"""`torch.compile` where it works. Where it fails, the run continues without it and says why."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videossl.backbones.base import Backbone


class Compiled:
    """`function`, compiled at its first call; if compilation fails, the function itself."""

    def __init__(self, function: Callable[[Tensor], Tensor], name: str) -> None:
        self.function, self.name = function, name
        self.fast: Callable[[Tensor], Tensor] | None = torch.compile(function)

    def __call__(self, x: Tensor) -> Tensor:
        if self.fast is not None:
            try:
                return self.fast(x)
            except Exception as error:  # compilers fail in many ways; an error of our own is raised again below
                lines = str(error).splitlines() or [""]
                print(f"{self.name} is not compiled: {type(error).__name__}: {lines[0]}", flush=True)
                self.fast = None
        return self.function(x)


def compile_backbones(module: nn.Module) -> None:
    """Compile the trunks of all backbones in `module`.

    Most time is spent there, and the rest of a task draws random numbers on the CPU, which breaks compiled graphs.
    """
    for part in module.modules():
        if isinstance(part, Backbone):
            part.trunk = Compiled(part.trunk, f"the trunk of {type(part).__name__}")  # type: ignore[method-assign]
