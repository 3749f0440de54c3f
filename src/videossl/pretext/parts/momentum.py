"""Momentum encoder: a slowly moving copy of an encoder (He et al. 2020)."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd


class MomentumEncoder(nn.Module):
    """A copy of `query` whose parameters follow the original: key <- m * key + (1 - m) * query.

    Only parameters follow. In training mode, the copy's batch normalisation uses the statistics of its own batches and
    keeps its own running ones; all its other layers stay in evaluation mode, as in TDL's reference. (That of RSPNet
    has the whole copy in training mode, but its networks have no other layer that behaves differently.) With dropout or
    dropped branches, two keys of the same clip would be as far apart as those of different clips. The copy gets no
    gradient; its state is part of `state_dict()`.
    """

    def __init__(self, query: nn.Module, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.encoder = copy.deepcopy(query).requires_grad_(False)
        self._cast: dict[str, Tensor] = {}  # follows from the parameters, so not part of the state
        self._cast_from: list[tuple[int, int]] = []
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode: in training mode only layers of batch normalisation are in training mode."""
        super().train(mode)
        for module in self.encoder.modules():
            module.training = mode and isinstance(module, _BatchNorm)
        return self

    @torch.no_grad()
    def update(self, query: nn.Module, momentum: float | None = None) -> None:
        """Move one step towards `query`, the module that this is a copy of; by its own momentum, or by `momentum`."""
        keys, values = list(self.encoder.parameters()), list(query.parameters())
        if len(keys) != len(values):
            raise ValueError(f"a module of {len(values)} parameters is not what this is a copy of: {len(keys)}")
        torch._foreach_lerp_(
            keys, values, 1 - (self.momentum if momentum is None else momentum)
        )  # on GPUs, a few kernels for all parameters

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        """Output of the copy for `inputs`, without gradient."""
        device = inputs[0].device.type
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):  # `meta` has none
            return self.encoder(*inputs)
        return functional_call(self.encoder, self._in_precision(torch.get_autocast_dtype(device)), inputs)

    def _in_precision(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """The kernels and matrices in the precision of autocast, by name; cast anew only after they have changed.

        Autocast itself casts them in every forward pass: it keeps what it has cast only where there is a gradient. The
        tensors stay the same, so that a compiled encoder need not be compiled again.
        """
        found = {
            f"{prefix}.{name}" if prefix else name: parameter
            for prefix, layer in self.encoder.named_modules()
            if isinstance(layer, (_ConvNd, nn.Linear))
            for name, parameter in layer.named_parameters(recurse=False)
        }
        now = [(parameter._version, parameter.data_ptr()) for parameter in found.values()]
        if self._cast_from != now:
            known = list(self._cast.values())
            if [(one.dtype, one.device) for one in known] == [(dtype, one.device) for one in found.values()]:
                torch._foreach_copy_(known, list(found.values()))
            else:
                self._cast = {name: parameter.to(dtype) for name, parameter in found.items()}
            self._cast_from = now
        return self._cast
