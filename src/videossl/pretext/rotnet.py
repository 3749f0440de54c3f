"""RotNet for video: by which angle was the clip rotated?

Jing et al. 2018, "Self-supervised spatiotemporal feature learning via video rotation prediction". Facts from their
code, LongLong-Jing/3DRotNet (train.py, Video_dataloader.py, resnet.py).
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.ranges import Few
from videossl.data.sampling import RandomClips
from videossl.pretext.base import PretextTask
from videossl.pretext.registry import register

HIDDEN = 64  # units of the head's hidden layer (resnet.py: fc1)


def rotated_copies(clips: Tensor, rotations: int) -> tuple[Tensor, Tensor]:
    """Rotate every clip by k * 90 degrees for all k < C: (B, 3, T, S, S) -> copies (B*C, 3, T, S, S), labels k (B*C,).

    The copies of a clip are adjacent, and all frames of a clip have the same rotation. A quarter turn of a square moves
    pixels without interpolation, so only the content reveals it.
    """
    copies = torch.stack([torch.rot90(clips, k, dims=(-2, -1)) for k in range(rotations)], dim=1)
    return copies.flatten(0, 1), torch.arange(rotations, device=clips.device).repeat(len(clips))


@register("rotnet")
class RotNet(PretextTask):
    """Samples one clip; predicts the rotation of each of its C rotated copies; cross-entropy, mean over C*B copies.

    All copies of a clip are in the same batch, so B videos are C*B clips (32 videos are 128 clips in the original).
    They are made here, after every other augmentation: a rotation by the augmentation must be small; a flip is
    harmless.

    Args:
        rotations: C, the paper's complexity axis: C1, C2, C3 = 2, 3, 4 "rotations in multiples of 90 degrees". We read
            this as the first C multiples: C = 2 is {0, 90}, C = 3 is {0, 90, 180} degrees.
        stride: frame step of a clip (original: every 2nd of 32 consecutive frames).
    """

    def __init__(
        self, backbone: Backbone, frames: int, *, rotations: Annotated[int, Field(ge=2, le=4)] = 4, stride: Few = 2
    ) -> None:
        super().__init__(backbone)
        self.rotations = rotations
        self.sampler = RandomClips(length=frames, stride=stride, clips_per_video=1)
        self.head = nn.Sequential(nn.Linear(backbone.feature_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, rotations))

    def predict(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, 3, T, S, S) -> logits (C*B, C) and labels (C*B,) of all rotated copies."""
        copies, labels = rotated_copies(clips[:, 0], self.rotations)
        return self.head(self.backbone(copies)), labels

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 1, 3, T, S, S). Not random."""
        logits, labels = self.predict(clips)
        correct = (logits.detach().argmax(dim=1) == labels).float()
        return F.cross_entropy(logits.float(), labels), {"top1": correct.mean()}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """correct (B, C): whether the rotation of copy k of video b was recognised."""
        logits, labels = self.predict(clips)
        return {"correct": (logits.argmax(dim=1) == labels).unflatten(0, (-1, self.rotations))}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of correctly classified copies of all held-out videos."""
        correct = outputs["correct"].double()
        return [
            {
                "metric": "pretext_top1",
                "value": correct.mean().item(),
                "n": correct.numel(),
                "chance": 1 / self.rotations,
            }
        ]
