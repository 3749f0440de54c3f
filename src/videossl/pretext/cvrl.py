"""CVRL: which clip comes from the same video, under strong augmentation?

Qian et al. 2021, "Spatiotemporal contrastive video representation learning". Facts from their code, tensorflow/models
official/projects/video_ssl (ops/video_ssl_preprocess_ops.py, dataloaders/video_ssl_input.py,
modeling/video_ssl_model.py, losses/losses.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.ranges import Channels, Few, Moderate
from videossl.data.sampling import Drawn, loop, span, window_indices
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.heads import projection_head
from videossl.pretext.parts.losses import nt_xent
from videossl.pretext.parts.retrieval import retrieval_row
from videossl.pretext.registry import register

HIDDEN_LAYERS = 3


@dataclass(frozen=True)
class NearbyClips:
    """Two clips of `length` frames; short temporal distances are more likely than long ones.

    With M possible starts, the interval k between the clips has the density 2 (1 - k / M) / M on [0, M). The inverse of
    its cumulative distribution 2 k / M - (k / M)^2 gives k = M (1 - sqrt(1 - u)) for u ~ U(0, 1).
    """

    length: int
    stride: int
    clips_per_video: int = 2

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        starts = num_frames - span(self.length, self.stride) + 1
        if starts > 0:
            interval = int(starts * (1 - math.sqrt(1 - rng.random())))
            first = int(rng.integers(starts - interval))
            second = first + interval
        else:  # too short for a clip: as in the reference, both start anywhere and are looped
            first, second = (int(start) for start in rng.integers(num_frames, size=2))
        clips = [loop(window_indices(start, self.length, self.stride), num_frames) for start in (first, second)]
        return Drawn(clips if rng.random() < 0.5 else clips[::-1])


@register("cvrl")
class CVRL(PretextTask):
    """Samples two nearby clips of a video; NT-Xent over all clips of the batch.

    The two clips are augmented independently, each consistently in time. They pass the network in one batch, so batch
    normalisation sees both; with several processes it is synchronised, as in the reference. With gradient accumulation,
    the negatives of a clip come from its part of the batch.

    Args:
        stride: frame step of a clip.
        hidden: width of the head's hidden layers.
        dim: dimension of an embedding.
    """

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        stride: Few = 2,
        hidden: Channels = 2048,
        dim: Channels = 128,
        temperature: Moderate = 0.1,
    ) -> None:
        super().__init__(backbone)
        self.temperature = temperature
        self.sampler = NearbyClips(length=frames, stride=stride)
        self.head = projection_head(backbone.feature_dim, hidden, dim, layers=HIDDEN_LAYERS)

    def embed(self, clips: Tensor) -> Tensor:
        """(B, 2, 3, T, S, S) -> (B, 2, dim), of unit length."""
        embedded = self.head(self.backbone(clips.flatten(0, 1)))
        return F.normalize(embedded.float(), dim=1).unflatten(0, clips.shape[:2])

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 2, 3, T, S, S). Not random."""
        first, second = self.embed(clips).unbind(dim=1)
        with torch.autocast(clips.device.type, enabled=False):  # similarities / 0.1 need float32
            loss, correct = nt_xent(first, second, self.temperature)
        return loss, {"top1": correct}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """query, key (B, dim): embeddings of the two clips."""
        query, key = self.embed(clips).unbind(dim=1)
        return {"query": query, "key": key}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of videos whose first clip is closer to their own second clip than to that of any other video."""
        return [retrieval_row("video_retrieval_top1", outputs["query"], outputs["key"])]
