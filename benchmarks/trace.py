"""Counts what a function asks of a GPU, without one: on torch's `meta` device, which computes shapes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ALLOCATIONS = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "lift_fresh", "detach")
"""Operators without a kernel, besides views."""
WITHOUT_SHAPES = ("_fused_sgd_", "_fused_adamw_")
"""Operators in place that `meta` does not know."""
CHOICES = ("_get_foreach_kernels_supported_devices", "_get_fused_kernels_supported_devices")
"""Functions of torch that name the devices with kernels for many tensors at once."""


class Trace(TorchDispatchMode):
    """Within, counts the operators on the `meta` device as a GPU would get them.

    `launches`: operators with a kernel; each counts once, although some have several (the gradient of a convolution, or
    an operator on many tensors). `copies`: those from the host. `bytes`: what the kernels read and write, each tensor
    once an operator: what is in fact traffic depends on the caches.
    """

    def __init__(self) -> None:
        super().__init__()
        self.launches = 0
        self.copies = 0
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = function.overloadpacket
        name = packet.__name__
        fused = name in WITHOUT_SHAPES
        found = None if fused else function(*args, **(kwargs or {}))
        given, made = _tensors((args, kwargs)), _tensors(found)
        there = [tensor for tensor in {id(one): one for one in given + made}.values() if tensor.is_meta]
        if not there or function.is_view or name in ALLOCATIONS:
            return found
        if packet in (torch.ops.aten._to_copy, torch.ops.aten.copy_) and any(not tensor.is_meta for tensor in given):
            self.copies += 1
            return found
        self.launches += 1
        self.bytes += sum(min(one.numel() * one.element_size(), one.untyped_storage().nbytes()) for one in there)
        return found


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Within, torch takes the kernels for many tensors at once on `meta` as well, as it does on GPUs. No autocast."""
    grown = {name: _with_meta(getattr(_foreach_utils, name)) for name in CHOICES}
    optimizers = import_module("torch.optim.optimizer")  # torch.optim hides it
    without = patch.object(torch, "autocast", lambda *_, **__: nullcontext())  # `meta` has none
    with patch.multiple(_foreach_utils, **grown), patch.multiple(optimizers, **grown), without:
        yield


def _with_meta(devices: Callable[[], list[str]]) -> Callable[[], list[str]]:
    return lambda: [*devices(), "meta"]
