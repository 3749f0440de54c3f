"""Contrastive losses shared by several tasks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(
    query: Tensor,
    key: Tensor,
    queue: Tensor,
    temperature: float,
    own: Tensor | None = None,
    left_out: Tensor | None = None,
) -> Tensor:
    """InfoNCE: cross-entropy of [q.k | q.queue | q.own] / temperature with target q.k.

    Args:
        query, key: (B, D).
        queue: (D, K), negatives of all queries.
        temperature: of the softmax.
        own: (B, D), one further negative per query, or None.
        left_out: (B, K) bool, keys of the queue that are no negatives of a query, or None.

    All have unit length. Returns a scalar, the mean over B.
    """
    similar = query @ queue
    if left_out is not None:
        similar = similar.masked_fill(left_out, -torch.inf)
    logits = [(query * key).sum(dim=1, keepdim=True), similar]
    if own is not None:
        logits.append((query * own).sum(dim=1, keepdim=True))
    target = torch.zeros(len(query), dtype=torch.long, device=query.device)
    return F.cross_entropy(torch.cat(logits, dim=1) / temperature, target)
