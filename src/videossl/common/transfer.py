"""Small tensors for a GPU, without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """`values`, drawn on the CPU, on `device`.

    A plain `.to` makes the host wait until the GPU has done all that it was given before, and the GPU then waits for
    the host. From pinned memory the copy joins the GPU's queue, and torch keeps that memory until it has been read.
    """
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
