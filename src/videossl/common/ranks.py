"""Rank of this process in a distributed training (:mod:`videossl.common.distributed`). Imports no torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_alone: ContextVar[bool] = ContextVar("alone", default=False)


def local_rank() -> int:
    """This process's number on its machine, hence that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def rank_and_processes() -> tuple[int, int]:
    """This process's number, and how many train together; (0, 1) where nothing is distributed."""
    distributed = sys.modules.get("torch.distributed")  # what has not been imported has not been joined either
    if not _alone.get() and distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def is_main_process() -> bool:
    """Whether this is the process that writes files and prints."""
    return rank_and_processes()[0] == 0


@contextmanager
def alone() -> Iterator[None]:
    """Within, this process counts as the only one: for work on batches of its own, such as an evaluation's."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)
