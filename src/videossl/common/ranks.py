"""Rank of this process in distributed training (:mod:`videossl.common.distributed`). Does not import torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_single_process: ContextVar[bool] = ContextVar("single_process", default=False)


def local_rank() -> int:
    """Rank of this process among those of its job on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def rank_and_processes() -> tuple[int, int]:
    """(rank, number of processes); (0, 1) if training is not distributed."""
    distributed = sys.modules.get("torch.distributed")  # not imported: no process group was joined
    if (
        not _single_process.get()
        and distributed is not None
        and distributed.is_available()
        and distributed.is_initialized()
    ):
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def is_main_process() -> bool:
    """Whether this process (rank 0) writes files and prints."""
    return rank_and_processes()[0] == 0


@contextmanager
def single_process() -> Iterator[None]:
    """Within this context the process counts as the only one: for work on its own batches, such as an evaluation."""
    token = _single_process.set(True)
    try:
        yield
    finally:
        _single_process.reset(token)
