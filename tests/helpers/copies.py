"""Notes copies between the host and a device that make the host wait, without a device: on torch's `meta` device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Copies(TorchDispatchMode):
    """Within, `waiting` gets every operation that on a GPU would make the host wait, and `queued` counts the copies
    that do not.

    Waiting are: copies between the devices that are not `non_blocking`; a tensor made on the device from numbers of
    the host (`torch.tensor(..., device=...)`); operations on the device with a tensor of the host, such as an index.
    Numbers read from the device (`.item()`, `nonzero`) raise an error of their own on `meta`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []
        self.queued = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = function(*args, **kwargs)
        given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        made = [value for value in tree_leaves(found) if isinstance(value, Tensor)]
        devices = {value.device.type for value in given + made if value.dim() or value.device.type == "meta"}
        packet = function.overloadpacket
        if packet is torch.ops.aten.lift_fresh and "meta" in devices:
            self.waiting.append("a tensor made from numbers of the host")
        elif devices == {"cpu", "meta"}:
            copies = packet in (torch.ops.aten._to_copy, torch.ops.aten.copy_)
            if copies and (kwargs.get("non_blocking") or (len(args) > 2 and args[2])):
                self.queued += 1
            else:
                self.waiting.append(str(packet))
        return found
