"""`torch.compile` where it works. Where it fails, the run continues without it and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


class Compiled:
    """`function`, compiled at its first call; if compilation fails, the function itself.

    Only the compiler's errors count as that: others, such as a GPU without memory left, are of the computation, and
    would come again without the compiler, at half the speed.
    """

    def __init__(self, function: Callable[..., Tensor], name: str) -> None:
        self.function, self.name = function, name
        # A training has few shapes: batches of training and of tests, and the last one of a test.
        self.fast: Callable[..., Tensor] | None = torch.compile(function, dynamic=False)

    def __call__(self, *inputs: Any) -> Tensor:
        from torch._dynamo.exc import TorchDynamoException  # takes a second to import, and most runs do not compile

        if self.fast is not None:
            try:
                return self.fast(*inputs)
            except TorchDynamoException as error:
                cause = list(_causes(error))[-1]
                if isinstance(cause, torch.OutOfMemoryError):
                    raise cause from error
                lines = str(cause).strip().splitlines() or [""]
                print(f"{self.name} is not compiled: {type(cause).__name__}: {lines[0]}", flush=True)
                self.fast = None
        return self.function(*inputs)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from; the compiler keeps the latter in an attribute of its own."""
    while error is not None:
        yield error
        error = getattr(error, "inner_exception", None) or error.__cause__
