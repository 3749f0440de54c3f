"""Momentum encoder: a slowly moving copy of an encoder (He et al. 2020)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MomentumEncoder(nn.Module):
    """A copy of `query` whose parameters follow the original: key <- m * key + (1 - m) * query.

    Only parameters follow. In training mode, the copy's batch normalisation uses the statistics of its own batches and
    keeps its own running ones. The copy gets no gradient; its state is part of `state_dict()`.
    """

    def __init__(self, query: nn.Module, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.encoder = copy.deepcopy(query).requires_grad_(False)

    @torch.no_grad()
    def update(self, query: nn.Module) -> None:
        """Move one step towards `query`, the module that this is a copy of."""
        for key, value in zip(self.encoder.parameters(), query.parameters(), strict=True):
            key.lerp_(value, 1 - self.momentum)

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        """Output of the copy for `inputs`, without gradient."""
        return self.encoder(*inputs)
