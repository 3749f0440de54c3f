"""Contrastive losses shared by several tasks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(query: Tensor, key: Tensor, queue: Tensor, temperature: float, own: Tensor | None = None) -> Tensor:
    """InfoNCE: cross-entropy of [q.k | q.queue | q.own] / temperature with target q.k.

    Args:
        query, key: (B, D).
        queue: (D, K), negatives of all queries.
        temperature: of the softmax.
        own: (B, D), one further negative per query, or None.

    All have unit length. Returns a scalar, the mean over B.
    """
    logits = [(query * key).sum(dim=1, keepdim=True), query @ queue]
    if own is not None:
        logits.append((query * own).sum(dim=1, keepdim=True))
    target = torch.zeros(len(query), dtype=torch.long, device=query.device)
    return F.cross_entropy(torch.cat(logits, dim=1) / temperature, target)
