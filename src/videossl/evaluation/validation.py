"""What protocols need that select a hyper-parameter on validation videos. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videossl.common.errors import UserError


def best(tried: Mapping[float, float]) -> float:
    """The candidate with the best validation accuracy; the lower of equal ones. tried: accuracy by candidate."""
    return max(tried, key=lambda candidate: (tried[candidate], -candidate))


def require_validation(held: np.ndarray, labels: np.ndarray, protocol: str, chosen: str) -> None:
    """Raise UserError unless some training videos are for validation, and the others are of two classes or more.

    Args:
        held: bool (N,), the training videos that are for validation.
        labels: int64 (N,), their classes.
        protocol: what the protocol does, such as "linear probing".
        chosen: what it chooses, such as "its regularisation".
    """
    if not held.any() or held.all():
        raise UserError(
            f"{protocol} chooses {chosen} on validation videos, and the target has none; set `validation` of the"
            " dataset above 0."
        )
    if len(classes := set(labels[~held].tolist())) < 2:
        raise UserError(
            f"{protocol} needs training videos of 2 classes or more, and the target's {int((~held).sum())} (without"
            f" those for validation) are of {len(classes)}: give it more videos, or lower `validation` of the dataset."
        )
