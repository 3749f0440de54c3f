"""A network of one number, and a trainer of it: for tests of the training loop."""

from __future__ import annotations

import torch
from torch import nn

from videossl.training.checkpoint import Checkpoints
from videossl.training.history import History
from videossl.training.interrupt import Signals
from videossl.training.loop import Plan, Trainer
from videossl.training.settings import Schedule

EPOCHS, STEPS = 3, 4


class One(nn.Module):
    """The number `w`; its loss for the batch x is w * x, so that the gradient is x."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))


def batches(epoch: int, step: int, stop: int):
    for number in range(epoch * STEPS + step, stop * STEPS):
        yield float(number)


def trainer_of(folder, *, lr=1.0, grad_clip=None, schedule=None, seconds=1e9, step=None) -> Trainer:
    module = One()
    return Trainer(
        module=module,
        optimizer=torch.optim.SGD(module.parameters(), lr=123.0),
        step=step or (lambda network, batch, generator: (network.w * batch, {"batch": torch.tensor(batch)})),
        plan=Plan(
            epochs=EPOCHS,
            steps_per_epoch=STEPS,
            schedule=schedule or Schedule(name="constant"),
            base_lr=lr,
            grad_clip=grad_clip,
            batch_size=2,
            seed=0,
        ),
        checkpoints=Checkpoints(folder, "hash"),
        history=History(folder),
        signals=Signals(),
        checkpoint_seconds=seconds,
    )
