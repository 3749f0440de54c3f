"""Clip retrieval: is a video of the query's class among its nearest neighbours in the gallery?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.common.errors import UserError

CHUNK = 1024
"""Queries per chunk: only the similarities of one chunk are held in memory."""


def first_match(
    queries: Tensor, query_labels: Tensor, gallery: Tensor, gallery_labels: Tensor, depth: int
) -> tuple[Tensor, Tensor]:
    """Nearest neighbours by cosine similarity, and the rank of the first one of the query's class.

    Args:
        queries, gallery: features (Q, D) and (G, D).
        query_labels, gallery_labels: (Q,) and (G,).
        depth: number of neighbours searched.

    Returns:
        rank (Q,) int64 of the first neighbour of the same class, counted from 0; `depth` if there is none among the
        first `depth`, also if the gallery is smaller. And the gallery row (Q,) of the nearest neighbour of each query.

    Raises:
        UserError: the gallery is empty.
    """
    if not len(gallery):
        raise UserError("the gallery of the retrieval is empty: there is no training video with features.")
    searched = min(depth, len(gallery))
    gallery = F.normalize(gallery.float(), dim=1)
    ranks, nearest = [], []
    for part, labels in zip(queries.split(CHUNK), query_labels.split(CHUNK), strict=True):
        neighbours = (F.normalize(part.float(), dim=1) @ gallery.T).topk(searched, dim=1).indices
        same = gallery_labels[neighbours] == labels[:, None]
        ranks.append(torch.where(same.any(dim=1), same.int().argmax(dim=1), depth))
        nearest.append(neighbours[:, 0])
    return torch.cat(ranks), torch.cat(nearest)


def recall(ranks: Tensor, ks: Sequence[int]) -> dict[int, float]:
    """recall@k (hit@k): fraction of queries with a video of their class among the k nearest neighbours."""
    return {k: (ranks < k).double().mean().item() for k in ks}
