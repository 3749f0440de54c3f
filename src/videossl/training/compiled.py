"""`torch.compile` where it works; where it does not, the run goes on without it and says why."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videossl.backbones.base import Backbone


class Compiled:
    """`function`, compiled at its first call; itself from the first failure to compile on."""

    def __init__(self, function: Callable[[Tensor], Tensor], name: str) -> None:
        self.function, self.name = function, name
        self.fast: Callable[[Tensor], Tensor] | None = torch.compile(function)

    def __call__(self, x: Tensor) -> Tensor:
        if self.fast is not None:
            try:
                return self.fast(x)
            except Exception as error:  # a compiler fails in many ways; a mistake of ours fails below once more
                lines = str(error).splitlines() or [""]
                print(f"{self.name} is not compiled: {type(error).__name__}: {lines[0]}", flush=True)
                self.fast = None
        return self.function(x)


def compile_backbones(module: nn.Module) -> None:
    """Compile the trunks of all backbones in `module`: that is where the time goes, and the rest of a task draws
    random numbers on the CPU, at which compiled code would be left and entered again.
    """
    for part in module.modules():
        if isinstance(part, Backbone):
            part.trunk = Compiled(part.trunk, f"the trunk of {type(part).__name__}")  # type: ignore[method-assign]
