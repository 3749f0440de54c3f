"""Optimisers, and the learning rate as a function of training progress."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from videossl.training.settings import OptimizerSettings, Schedule

LOOKED_UP = {
    *("token", "tokens", "embed", "embedding", "embeddings", "table"),
    *("pos", "position", "positions", "positional"),
}
"""Words in the names of parameters that are looked up by position or added to the input: cls_token, rel_pos_h,
position_embeddings, relative_position_bias_table."""


def build_optimizer(module: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """The optimiser of the parameters of `module` that require gradients.

    Args:
        module: the trained module.
        settings: the optimiser of the specification.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    lr, decay = settings.lr, settings.weight_decay
    parameters: list[Any] = trained
    if settings.decayed == "matrices":
        matrices = {id(parameter) for parameter in matrices_of(module)}
        others = {"params": [p for p in trained if id(p) not in matrices], "weight_decay": 0.0}
        parameters = [{"params": [p for p in trained if id(p) in matrices]}, others]
    if settings.name == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            weight_decay=decay,
            # One kernel for all parameters, on GPUs; on CPUs it would round otherwise than torch's default.
            fused=all(parameter.is_cuda for parameter in trained) or None,
        )
    # One fused kernel for all parameters. On a CPU torch's default loop takes a tenth of a small network's step.
    return torch.optim.AdamW(parameters, lr=lr, betas=settings.betas, weight_decay=decay, fused=True)


def matrices_of(module: nn.Module) -> list[nn.Parameter]:
    """The parameters of `module` that inputs are multiplied by: kernels of convolutions, weights of linear layers.

    Not biases, scales and shifts, and not what is looked up or added instead of multiplied, whatever its shape: tokens,
    embeddings, positions, and tables of relative positions. (Relative positions of MViT multiply queries, but stand for
    positions; MViT's and Swin's own recipes leave them out as well.)
    """
    found: dict[int, nn.Parameter] = {}
    for owner in module.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if not isinstance(owner, nn.Embedding) and _is_matrix(name, parameter):
                found[id(parameter)] = parameter
    return list(found.values())


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is a matrix or a kernel, judged by its own name and its shape."""
    if parameter.ndim <= 1 or LOOKED_UP & set(name.lower().split("_")):
        return False
    # A vector may be stored with dimensions of size 1. A layer's `weight` has its shape for a reason: 1 of 1 channels.
    return name == "weight" or sum(size > 1 for size in parameter.shape) > 1


def base_learning_rate(settings: OptimizerSettings, batch_size: int, reference: int | None) -> float:
    """The recipe's learning rate, scaled linearly from `reference`, the batch size that it was given for."""
    return settings.lr * (batch_size / reference if reference else 1.0)


def lr_factor(schedule: Schedule, epoch: float, epochs: int) -> float:
    """Factor on the base learning rate at `epoch` (fractional, counted from 0) of `epochs`.

    Warm-up is linear from 1 % to 1 over `warmup_epochs`; starting at 0 would waste the first step. The remaining epochs
    use cosine decay from 1 to `final_lr_factor`, or steps that multiply by `gamma` at each milestone (a fraction of
    `epochs`). The factor depends only on the position, so a resumed run needs no scheduler state.
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


def stretched(schedule: Schedule, factor: float) -> Schedule:
    """The schedule of a training that has `factor` times the epochs. All but the warm-up are fractions of it."""
    if factor == 1:
        return schedule
    return schedule.model_copy(update={"warmup_epochs": schedule.warmup_epochs * factor})


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group to `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr
