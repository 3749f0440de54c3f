"""Size and cost of a network, counted the way the paper's Table 10 does."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

_POOLS = (nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d)


def count_parameters(model: nn.Module) -> int:
    """Number of parameters (buffers, such as running statistics, are not counted)."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_gflops(model: nn.Module, frames: int = 16, size: int = 112) -> float:
    """10^9 operations of one forward pass of one clip of `frames` x `size` x `size` pixels.

    The paper's "GFLOPs" are twice the "MACs" of a `ptflops`-like counter. Those are the multiply-accumulates
    of convolutions and linear layers (here: torch's own counter, which already doubles them) plus element
    operations: two for every element that batch normalisation writes (scale and shift), one for every element
    that a ReLU writes or that a pooling layer reads. Doubling the element operations too has no meaning of
    its own, but only so do both of the paper's numbers come out. Counters that report MACs, or convolutions
    alone, differ: compare like with like.

    The pass runs on a copy on the meta device: shapes only, so it costs no time and leaves `model` alone.
    """
    shadow = copy.deepcopy(model).to("meta").eval()
    elements = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal elements
        if isinstance(module, nn.BatchNorm3d):
            elements += 2 * output.numel()
        elif isinstance(module, nn.ReLU):
            elements += output.numel()
        elif isinstance(module, _POOLS):
            elements += inputs[0].numel()

    for module in shadow.modules():
        module.register_forward_hook(count)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shadow(torch.empty(1, 3, frames, size, size, device="meta"))
    return (counter.get_total_flops() + 2 * elements) / 1e9
