"""Base class of all pretext tasks: their interface to the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from videossl.backbones.base import Backbone
from videossl.common.ranks import single_process
from videossl.data.sampling import ClipSampler


class PretextTask(nn.Module):
    """A backbone with the heads that the task needs, and a loss.

    A subclass registers itself under its file's name, takes `(backbone, frames, *, <options with defaults>)`, sets
    `sampler` (and `min_frames`, if looping a short video would give the answer away or leave none), and implements
    :meth:`forward`, :meth:`heldout` and :meth:`summarise`.

    Reproducibility: a step draws from the `generator` that it is given, on the CPU, so that a GPU draws the same.
    Layers that draw by themselves (dropout) use torch's global generator, which the training loop seeds before every
    step. Whatever a task keeps between steps is a parameter or a buffer, so that `state_dict()` contains it.

    With several processes, everything drawn per video is drawn for the global batch in each of them, and each takes its
    own rows (:mod:`videossl.common.distributed`).
    """

    sampler: ClipSampler  # which frames form the V clips of a video; runs in the loader's workers
    min_frames: int = 1
    """Fewest frames of a video that shows what the task predicts. In training another video takes the place of a
    shorter one; shorter held-out videos are left out. Both are counted, named and shown."""
    needs_videos: ClassVar[bool] = False
    """Whether :meth:`forward` has the argument `videos`, (B,) int64: a number for each video of the training set."""
    heldout_augmented: ClassVar[bool] = (
        False  # augment held-out clips as in training, for tasks about two views of one clip
    )

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.set_normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    def set_normalisation(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Set the normalisation of the clips that the task receives (`augment.mean` and `.std` of the recipe)."""
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1, 1), persistent=False)

    def pixels(self, clips: Tensor) -> Tensor:
        """RGB in [0, 1] from normalised clips (..., 3, T, S, S), for tasks that predict pixels."""
        return clips * self.std + self.mean

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one training step.

        Args:
            clips: (B, V, 3, T, S, S), augmented and normalised, V = `sampler.clips_per_video`.
            choices: (B,) int64 on the device of the clips: what the sampler chose besides the frames; 0 if nothing.
            generator: for the random draws of the step.

        Returns:
            the loss () and further scalars to log, without gradient.
        """
        raise NotImplementedError

    def on_step_start(self, done: float = 0.0) -> None:
        """Called before a step. :meth:`forward` may then receive its batch in several parts.

        done: share of the whole training that is done, from 0 to below 1; for what changes over a training.
        """

    def on_step_end(self) -> None:
        """Called after the optimiser's step."""

    @property
    def pretrained(self) -> Backbone:
        """The backbone that is measured and kept after training, for all evaluations: `backbone`, unless the method's
        authors evaluate another one, such as a moving average."""
        return self.backbone

    def evaluate_batch(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Outputs for held-out videos: clips (B, V, 3, T, S, S) -> tensors with B rows, to be concatenated.

        Raises RuntimeError in training mode, where held-out videos would change the running statistics.
        """
        if self.training:
            raise RuntimeError("call eval() before evaluate_batch()")
        with torch.no_grad(), single_process():
            return self.heldout(clips, choices, generator)

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Implements :meth:`evaluate_batch`; called without gradient and in evaluation mode."""
        raise NotImplementedError

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Metrics of all held-out videos from the concatenated outputs: rows of metric, value, n, chance."""
        raise NotImplementedError
