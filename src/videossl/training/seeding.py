"""Counted randomness for torch: the draws of a step depend only on (seed, epoch, step)."""

from __future__ import annotations

import os

import torch
from torch import nn

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


def fix_order(threads: int, *, on_gpus: bool) -> None:
    """Make repeated runs on a CPU bit-identical; sets the number of CPU `threads`.

    Args:
        on_gpus: the same there, as far as torch can: it then takes slower algorithms, and warns of each operation that
            has none with a fixed order. Otherwise cuDNN tries its algorithms on the first batches and keeps the
            fastest, and bits may differ between two runs, as they do anyway by the order in which some layers add.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = not on_gpus
    torch.backends.cudnn.deterministic = on_gpus
    if on_gpus:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it; read at its first use
        torch.use_deterministic_algorithms(True, warn_only=True)


UNORDERED = (nn.MaxPool3d, nn.AvgPool3d)
"""Layers whose gradients on a GPU are sums in no fixed order (pooling to a single value is a mean, and has one)."""


def unordered_layers(module: nn.Module) -> list[str]:
    """Names and types of the layers of `module` whose gradients differ in bits between two runs on a GPU."""
    return [f"{name} ({type(part).__name__})" for name, part in module.named_modules() if isinstance(part, UNORDERED)]
