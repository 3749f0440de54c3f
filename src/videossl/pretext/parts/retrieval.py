"""Retrieval accuracy: how often the nearest of many embeddings is the correct one."""

from __future__ import annotations

from torch import Tensor, arange


def retrieval_row(metric: str, query: Tensor, candidates: Tensor) -> dict[str, object]:
    """Metrics row: fraction of queries whose nearest candidate is their own.

    query: (n, D); candidates: (m, D), m >= n; candidate i belongs to query i. All have unit length.
    """
    nearest = (query @ candidates.T).argmax(dim=1)
    found = nearest == arange(len(query), device=query.device)
    return {
        "metric": metric,
        "value": found.double().mean().item(),
        "n": len(query),
        "chance": 1 / len(candidates),
    }
