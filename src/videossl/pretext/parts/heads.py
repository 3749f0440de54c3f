"""Heads from a backbone's features to embeddings."""

from __future__ import annotations

from torch import nn


def projection_head(features: int, hidden: int, dim: int, layers: int = 1) -> nn.Sequential:
    """Hidden layers with batch normalisation and ReLU, and a linear layer: (N, features) -> (N, dim)."""
    widths = [features] + [hidden] * layers
    parts: list[nn.Module] = []
    for width in widths[:-1]:
        # No bias: the normalisation would remove it again (references have one, without effect).
        parts += [nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(hidden, dim))
