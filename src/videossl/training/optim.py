"""Optimisers, and the learning rate as a pure function of the position in training."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from videossl.training.settings import OptimizerSettings, Schedule


def build_optimizer(module: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """The optimiser over the parameters of `module` that need a gradient.

    Args:
        module: what is trained.
        settings: the optimiser of the specification.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    lr, decay = settings.lr, settings.weight_decay
    parameters: list[Any] = trained
    if settings.decayed == "matrices":  # biases, scales and shifts, and single tokens are vectors
        vectors = {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}
        parameters = [{"params": [p for p in trained if p.ndim > 1]}, vectors]
    if settings.name == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            weight_decay=decay,
        )
    # One kernel for all parameters; by default torch loops over them on a CPU, a tenth of a small network's step.
    return torch.optim.AdamW(parameters, lr=lr, betas=settings.betas, weight_decay=decay, fused=True)


def base_learning_rate(settings: OptimizerSettings, batch_size: int, reference: int | None) -> float:
    """The recipe's rate, scaled linearly when it is stated for another batch size (`reference`)."""
    return settings.lr * (batch_size / reference if reference else 1.0)


def lr_factor(schedule: Schedule, epoch: float, epochs: int) -> float:
    """The factor on the base learning rate at `epoch` (fractional, counted from 0) of `epochs`.

    Warm-up is linear from 1 % to 1 over `warmup_epochs` (from 0 the first step would be idle). Cosine
    runs from 1 to `final_lr_factor` over the rest, step multiplies by `gamma` at each milestone (a share of `epochs`).
    A function of the position alone, so a resumed run needs no scheduler state.
    """
    warmup = schedule.warmup_epochs
    if epoch < warmup:
        return 0.01 + 0.99 * epoch / warmup
    if schedule.name == "cosine":
        done = (epoch - warmup) / max(epochs - warmup, 1e-9)
        floor = schedule.final_lr_factor
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    if schedule.name == "step":
        passed = sum(epoch >= share * epochs for share in schedule.milestones)
        return schedule.gamma**passed
    return 1.0


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group the rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr
