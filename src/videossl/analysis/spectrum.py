"""Collapse of features: how many dimensions they use, and how many channels are constant. NumPy only."""

from __future__ import annotations

import numpy as np

DEAD = 1e-4
"""A channel is dead if its standard deviation is below this fraction of the mean one."""


def effective_rank(features: np.ndarray) -> float:
    """Number of dimensions that features (N, D) use, from 1 to min(N - 1, D); 0 if they are all the same.

    The exponential of the entropy (nats) of the eigenvalues of the covariance, normalised to a sum of 1 (Roy and
    Vetterli 2007, who take the singular values of a matrix instead). D equal eigenvalues give D.
    """
    centred = features.astype(np.float64) - features.astype(np.float64).mean(axis=0)
    eigenvalues = np.linalg.svd(centred, compute_uv=False) ** 2
    total = eigenvalues.sum()
    if total == 0:
        return 0.0
    shares = eigenvalues[eigenvalues > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def dead_channels(features: np.ndarray) -> int:
    """Number of the channels of features (N, D) with hardly any standard deviation beside the mean one; all D if no
    channel has any."""
    deviations = features.astype(np.float64).std(axis=0)
    mean = deviations.mean()
    return int((deviations < DEAD * mean).sum()) if mean > 0 else features.shape[1]
