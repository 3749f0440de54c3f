"""Runs functions in two processes that train together, as torchrun would start them; by hand, which is faster."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import torch

from videossl.common.distributed import leave


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def in_two_processes(function: Callable[..., None], *arguments: Any) -> None:
    """`function(*arguments)` in each of two processes; it must be importable, and join the group by itself."""
    torch.multiprocessing.spawn(_enter, args=(free_port(), function, arguments), nprocs=2)


def _enter(rank: int, port: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    function(*arguments)
    leave()
