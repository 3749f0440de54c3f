"""Contrastive losses shared by several tasks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.common.distributed import all_gather
from videossl.common.ranks import rank_and_processes


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


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Normalised temperature-scaled cross-entropy (NT-Xent), and the fraction of correctly matched clips.

    first, second: (B, D) of unit length, two clips of each video. Each clip must be matched with the other clip of its
    video among 2B - 1 candidates: the B clips of the other view, and the B - 1 clips of its own view from other videos.
    B counts the videos of all processes. Each process computes the rows of its own clips, and the mean over processes
    is the loss of the global batch. As in the reference, the two directions, each a mean over B, are added and not
    averaged: the learning rate is tuned for the sum.
    """
    everyone = all_gather(torch.stack([first, second], dim=1))
    rank, _ = rank_and_processes()
    target = rank * len(first) + torch.arange(len(first), device=first.device)
    loss, correct = first.new_zeros(()), first.new_zeros(())
    for view, (clip, same) in enumerate(zip((first, second), everyone.unbind(dim=1), strict=True)):
        itself = target[:, None] == torch.arange(len(same), device=clip.device)
        others = (clip @ same.T).masked_fill(itself, -torch.inf)
        logits = torch.cat([clip @ everyone[:, 1 - view].T, others], dim=1) / temperature
        loss = loss + F.cross_entropy(logits, target)
        correct = correct + (logits.detach().argmax(dim=1) == target).float().mean() / 2
    return loss, correct
