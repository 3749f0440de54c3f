"""Size and cost of a network, counted the way the paper's Table 10 does."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from videossl.backbones import registry as backbones

FRAMES, SIZE = 16, 112  # of the clip that the paper's numbers are for

_WEIGHTED = (nn.Conv3d, nn.Linear)
_ACTIVATIONS = (nn.ReLU, nn.ReLU6)
_POOLS = (nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d)


def count_parameters(model: nn.Module) -> int:
    """Number of parameters (buffers, such as running statistics, are not counted)."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_gflops(model: nn.Module, frames: int = FRAMES, size: int = SIZE) -> float:
    """10^9 operations of one forward pass of one clip of `frames` x `size` x `size` pixels.

    The paper's "GFLOPs" are twice the "MACs" of a `ptflops`-like counter. Those are the multiply-accumulates
    of convolutions and linear layers (here: torch's own counter, which already doubles them) plus element
    operations: one for every element that a bias is added to, two for every element that batch normalisation
    writes (scale and shift), one for every element that a ReLU writes or that a pooling layer reads. Doubling
    the element operations too has no meaning of its own, but only so do the paper's numbers come out.
    Counters that report MACs, or convolutions alone, differ: compare like with like.

    Of other layers only the matrix products are counted, those of attention among them; layer normalisation,
    softmax and other activations (a transformer's) count nothing.

    The pass runs on a copy on the meta device: shapes only, so it costs no time and leaves `model` alone.
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
    """The backbone at full width, with the classifier where the paper's Table 10 counts one.

    Its rows differ in that (see `Backbone.counted_classes`): compare parameters between them with care.
    """
    backbone = backbones.build(name)
    if not backbone.counted_classes:
        return backbone
    return nn.Sequential(backbone, nn.Dropout(), nn.Linear(backbone.feature_dim, backbone.counted_classes))


def network_metrics(name: str) -> list[dict[str, object]]:
    """Rows for :func:`videossl.common.results.write_metrics`: parameters, and operations for a clip of 16x112x112.

    Both are of the paper's network, at whatever width and clip a study trains it. For a transformer, mind what
    :func:`count_gflops` leaves out.
    """
    with torch.device("meta"):
        network = paper_network(name)
    values = {"parameters_millions": count_parameters(network) / 1e6, "gflops": count_gflops(network)}
    # of one network, on no split of any dataset
    return [{"split": "", "metric": metric, "value": value, "n": 1} for metric, value in values.items()]


def gflops_of_backbones() -> dict[str, float]:
    """:func:`count_gflops` of every backbone by itself, at full width, by name."""
    with torch.device("meta"):
        return {name: count_gflops(backbones.build(name)) for name in backbones.names()}
