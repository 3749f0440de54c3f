"""Clip retrieval: is a video of the query's class among its nearest neighbours in the gallery?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.common.errors import UserError

CHUNK = 1024
"""Queries compared at a time: the similarities of a chunk are all that is held of them."""


def first_match(
    queries: Tensor, query_labels: Tensor, gallery: Tensor, gallery_labels: Tensor, depth: int
) -> tuple[Tensor, Tensor]:
    """The nearest neighbours by cosine similarity, and where the first one of the query's class is.

    queries (Q, D), gallery (G, D), labels (Q,) and (G,) -> rank (Q,) int64 of the first neighbour of the same class,
    from 0, `depth` if none of the first `depth` is; and the gallery row (Q,) of each query's nearest neighbour.
    """
    if not len(gallery):
        raise UserError("the gallery of a retrieval is empty.")
    depth = min(depth, len(gallery))
    gallery = F.normalize(gallery.float(), dim=1)
    ranks, nearest = [], []
    for part, labels in zip(queries.split(CHUNK), query_labels.split(CHUNK), strict=True):
        neighbours = (F.normalize(part.float(), dim=1) @ gallery.T).topk(depth, dim=1).indices
        same = gallery_labels[neighbours] == labels[:, None]
        ranks.append(torch.where(same.any(dim=1), same.int().argmax(dim=1), depth))
        nearest.append(neighbours[:, 0])
    return torch.cat(ranks), torch.cat(nearest)


def recall(ranks: Tensor, ks: Sequence[int]) -> dict[int, float]:
    """recall@k: the share of queries with a video of their class among the first k neighbours (hit@k)."""
    return {k: (ranks < k).double().mean().item() for k in ks}
