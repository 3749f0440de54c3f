"""Exponential moving average of a network's weights over the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from videossl.training.checkpoint import problem_of_parts, problem_of_weights


class WeightAverage:
    """The average of all weights and statistics of `module`, updated after each step.

    After step t (from 1): average = d * average + (1 - d) * weights, with d = min(decay, (1 + t) / (10 + t)). The bound
    makes the average forget the initial weights early in a training, which may be shorter than 1 / (1 - decay) steps.
    Counters are copied. In distributed training every process has the same weights, and so the same average.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the weights of `module` after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        state = module.state_dict()
        smooth = [name for name, value in state.items() if value.is_floating_point()]
        # A few kernels for all tensors, on GPUs.
        torch._foreach_lerp_([self.values[name] for name in smooth], [state[name] for name in smooth], 1 - decay)
        for name in state.keys() - set(smooth):
            self.values[name].copy_(state[name])

    def apply(self, module: nn.Module) -> None:
        """Put the average in place of the weights of `module`."""
        module.load_state_dict(self.values)

    def state(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"values": self.values, "steps": self.steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from :meth:`state`."""
        self.steps = state["steps"]
        for name, value in state["values"].items():
            self.values[name].copy_(value)

    def problem_of(self, state: Any) -> str:
        """Why `state` cannot be restored; "" if it can."""
        if problem := problem_of_parts(state, {"values": Mapping, "steps": int}):
            return problem
        return problem_of_weights(state["values"], self.values)


def matching(average: WeightAverage | None, state: Mapping[str, Tensor | Any]) -> str:
    """Why the average in a checkpoint's `state` does not fit a training with `average`; "" if it does."""
    if average is None:
        return ""
    problem = average.problem_of(state.get("average"))
    return f"its average of the weights is another: {problem}" if problem else ""
