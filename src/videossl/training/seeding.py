"""Counted randomness on torch's side: what a step draws follows from (seed, epoch, step) alone."""

from __future__ import annotations

import torch

from videossl.data.sampling import step_seed

INITIAL = 2**31 - 1
"""The "epoch" that numbers the draws made before training: initial weights and queues."""


def seed_everything(seed: int, epoch: int, step: int) -> torch.Generator:
    """Seed torch's own generators for a position and return a CPU generator for draws that are passed on.

    Called before every step: dropout draws from torch's own generator, so this makes it independent of restarts.
    """
    value = step_seed(seed, epoch, step)
    torch.manual_seed(value)
    return torch.Generator().manual_seed(value ^ 0x5EED)


def deterministic(threads: int) -> None:
    """Make repeated runs on a CPU give the same bits; `threads` CPU threads.

    On a GPU some backward passes (pooling) add in no fixed order, so bits may differ there.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
