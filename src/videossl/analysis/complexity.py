"""Parameters and FLOPs of a network, counted as in the paper's Table 10."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from videossl.backbones import registry as backbones

FRAMES, SIZE = 16, 112  # clip size of the paper's numbers

_WEIGHTED = (nn.Conv3d, nn.Linear)
_ACTIVATIONS = (nn.ReLU, nn.ReLU6)
_POOLS = (nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d)


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, without buffers such as running statistics."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_gflops(model: nn.Module, frames: int = FRAMES, size: int = SIZE) -> float:
    """GFLOPs (10^9 operations) of one forward pass of a clip of `frames` x `size` x `size` pixels.

    The paper's "GFLOPs" are twice the "MACs" of a counter such as `ptflops`. Those are the multiply-accumulates of
    convolutions and linear layers (here: torch's own counter, which already doubles them) plus element operations: one
    per element that a bias is added to, two per element that batch normalisation writes (scale and shift), one per
    element that a ReLU writes or a pooling layer reads. Doubling the element operations as well has no meaning of its
    own, but only this reproduces the paper's numbers. Counters that report MACs, or only convolutions, give other
    numbers: compare like with like.

    In other layers only matrix products count, including those of attention; layer normalisation, softmax and other
    activations (of a transformer) do not count.

    The forward pass runs on a copy on the meta device: it computes shapes only, takes almost no time, and does not
    change `model`.
    """
    shadow = copy.deepcopy(model).to("meta").eval()
    elements = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal elements
        if isinstance(module, nn.BatchNorm3d):
            elements += 2 * output.numel()
        elif isinstance(module, _ACTIVATIONS) or (isinstance(module, _WEIGHTED) and module.bias is not None):
            elements += output.numel()
        elif isinstance(module, _POOLS):
            elements += inputs[0].numel()

    for module in shadow.modules():
        module.register_forward_hook(count)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shadow(torch.empty(1, 3, frames, size, size, device="meta"))
    return (counter.get_total_flops() + 2 * elements) / 1e9


def paper_network(name: str) -> nn.Module:
    """The backbone at full width, with a classifier where the paper's Table 10 includes one.

    The rows of that table differ in this (see `Backbone.counted_classes`): compare their parameters with care.
    """
    backbone = backbones.build(name)
    if not backbone.counted_classes:
        return backbone
    return nn.Sequential(backbone, nn.Dropout(), nn.Linear(backbone.feature_dim, backbone.counted_classes))


def network_metrics(name: str) -> list[dict[str, object]]:
    """Rows for :func:`videossl.common.results.write_metrics`: parameters, and GFLOPs for a clip of 16x112x112.

    Both refer to the paper's full-size network, whatever width and clip the study trains. For transformers, note what
    :func:`count_gflops` does not count.
    """
    with torch.device("meta"):
        network = paper_network(name)
    values = {"parameters_millions": count_parameters(network) / 1e6, "gflops": count_gflops(network)}
    # A property of the network, not of a dataset's split.
    return [{"split": "", "metric": metric, "value": value, "n": 1} for metric, value in values.items()]


def gflops_of_backbones() -> dict[str, float]:
    """GFLOPs (:func:`count_gflops`) of every backbone without classifier, at full width, by name."""
    with torch.device("meta"):
        return {name: count_gflops(backbones.build(name)) for name in backbones.names()}


def parameters_of_backbones() -> dict[str, int]:
    """Number of parameters of every backbone without classifier, at full width, by name."""
    with torch.device("meta"):
        return {name: count_parameters(backbones.build(name)) for name in backbones.names()}
