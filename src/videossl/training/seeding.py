"""Counted randomness for torch: the draws of a step depend only on (seed, epoch, step)."""

from __future__ import annotations

import torch

from videossl.data.sampling import step_seed

INITIAL = 2**31 - 1
"""The "epoch" of draws made before training: initial weights and queues."""


def seed_everything(seed: int, epoch: int, step: int) -> torch.Generator:
    """Seed torch's global generators for a position, and return a CPU generator for draws that are passed on.

    Called before every step: dropout uses torch's global generator, which this makes independent of restarts.
    """
    value = step_seed(seed, epoch, step)
    torch.manual_seed(value)
    return torch.Generator().manual_seed(value ^ 0x5EED)


def deterministic(threads: int) -> None:
    """Make repeated runs on a CPU bit-identical; sets the number of CPU `threads`.

    On a GPU some backward passes (pooling) add in no fixed order, so bits may differ there.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
