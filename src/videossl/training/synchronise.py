"""Layers that depend on the global batch, for training with several processes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from videossl.common.distributed import all_gather
from videossl.common.ranks import rank_and_processes


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation with statistics over all processes, for CPUs and for compiled networks.

    torch's SyncBatchNorm does the same, but only on GPUs, and it cannot be compiled. All processes have equally many
    samples, so the mean of the global batch is the mean of their means, and its variance the mean of their variances
    plus the variance of their means.
    """

    def __init__(self, like: _BatchNorm, among: tuple[int, int]) -> None:
        """`like`: the layer to replace; `among`: rank and number of processes."""
        super().__init__(like.num_features, like.eps, like.momentum)
        self.among = among  # not asked in the forward pass: a compiled graph would break there

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected an input of two or more dimensions, not {input.dim()}")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        _, processes = self.among
        if not self.training:
            return super().forward(input)
        x = input if input.dtype == torch.float64 else input.float()
        dims = [dim for dim in range(x.dim()) if dim != 1]
        variance, mean = torch.var_mean(x, dim=dims, correction=0)
        means, variances = all_gather(torch.stack([mean, variance])[None], self.among).unbind(1)  # (W, C) each
        mean = means.mean(dim=0)
        variance = variances.mean(dim=0) + (means - mean).square().mean(dim=0)
        self._track(mean.detach(), variance.detach(), processes * x.numel() // x.shape[1])
        scale = self.weight * (variance + self.eps).rsqrt()
        shape = [1, -1] + [1] * (x.dim() - 2)
        return ((x - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        count_so_far, mean_so_far, variance_so_far = self.num_batches_tracked, self.running_mean, self.running_var
        assert count_so_far is not None and mean_so_far is not None and variance_so_far is not None
        assert self.momentum is not None  # every network here keeps statistics, as a moving average
        count_so_far.add_(1)
        mean_so_far.lerp_(mean, self.momentum)
        variance_so_far.lerp_(variance * (count / (count - 1)), self.momentum)


class SharedDropout(nn.Module):
    """Dropout, of features or of whole rows, drawn for the global batch: each row gets the same mask as in a single
    process."""

    def __init__(self, dropout: nn.Module, by_row: bool, among: tuple[int, int]) -> None:
        super().__init__()
        self.dropout, self.by_row, self.among = dropout, by_row, among

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        rest = [1] * (input.dim() - 1) if self.by_row else list(input.shape[1:])
        rank, processes = self.among
        return input * self.dropout(input.new_ones(processes * len(input), *rest)).chunk(processes)[rank]


def share_layers(module: nn.Module, device: torch.device, to_compile: bool = False) -> nn.Module:
    """Replace the layers of `module` that depend on the global batch, if there are several processes.

    Names of weights do not change. Call it before the optimiser is created.

    Args:
        device: on GPUs, torch's own batch normalisation is taken, which is faster.
        to_compile: the backbones will be compiled.
    """
    among = rank_and_processes()
    if among[1] == 1:
        return module
    if device.type == "cuda" and not to_compile:
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
    _replace(module, among)
    return module


def _replace(module: nn.Module, among: tuple[int, int]) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Dropout):
            setattr(module, name, SharedDropout(child, False, among))
        elif type(child).__name__ == "StochasticDepth":  # torchvision's; not imported here, which takes a second
            setattr(module, name, SharedDropout(child, child.mode == "row", among))
        elif isinstance(child, _BatchNorm) and not isinstance(child, nn.SyncBatchNorm | SharedBatchNorm):
            setattr(module, name, _shared(child, among))
        else:
            _replace(child, among)


def _shared(norm: _BatchNorm, among: tuple[int, int]) -> SharedBatchNorm:
    made = SharedBatchNorm(norm, among).to(norm.weight)
    made.load_state_dict(norm.state_dict())
    made.requires_grad_(norm.weight.requires_grad)
    return made.train(norm.training)
