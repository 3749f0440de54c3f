"""Contrastive losses that several tasks share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(query: Tensor, key: Tensor, queue: Tensor, temperature: float, own: Tensor | None = None) -> Tensor:
    """Which key is the query's? Cross-entropy of [q.k | q.queue | q.own] / temperature, target q.k.

    query, key: (B, D); queue: (D, K), negatives of all queries; own: (B, D), a further negative for each query alone,
    or None. All of unit length. Returns a scalar, the mean over B.
    """
    logits = [(query * key).sum(dim=1, keepdim=True), query @ queue]
    if own is not None:
        logits.append((query * own).sum(dim=1, keepdim=True))
    target = torch.zeros(len(query), dtype=torch.long, device=query.device)
    return F.cross_entropy(torch.cat(logits, dim=1) / temperature, target)
