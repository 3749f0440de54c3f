"""A slowly moving copy of an encoder, as in momentum contrast (He et al. 2020)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MomentumEncoder(nn.Module):
    """A copy of `query` whose parameters follow those of the original: key <- m * key + (1 - m) * query.

    Parameters only. The copy's batch normalisation, in training mode, works with the statistics of its own
    batches and keeps its own running ones. It gets no gradient, but its state is part of `state_dict()`.
    """

    def __init__(self, query: nn.Module, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.encoder = copy.deepcopy(query).requires_grad_(False)

    @torch.no_grad()
    def update(self, query: nn.Module) -> None:
        """Take one step towards `query`, the module that this is a copy of."""
        for key, value in zip(self.encoder.parameters(), query.parameters(), strict=True):
            key.lerp_(value, 1 - self.momentum)

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        """What the copy makes of `inputs`, without gradient."""
        return self.encoder(*inputs)
