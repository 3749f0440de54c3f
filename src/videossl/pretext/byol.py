"""BYOL over time: predict what a slowly moving copy of the network says of another clip of the video.

Feichtenhofer et al. 2021, "A large-scale study on unsupervised spatiotemporal representation learning", whose rho-BYOL
takes rho clips of a video where Grill et al. 2020, "Bootstrap your own latent", takes two views of an image. Facts from
their code, facebookresearch/SlowFast (slowfast/models/contrastive.py, configs/contrastive_ssl/BYOL_SlowR50_8x8.yaml).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.ranges import Channels, Few, Several, ShareBelowOne
from videossl.data.sampling import RandomClips
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.heads import projection_head
from videossl.pretext.parts.momentum import MomentumEncoder
from videossl.pretext.parts.retrieval import retrieval_row
from videossl.pretext.registry import register


def rising_momentum(start: float, done: float) -> float:
    """Momentum that rises from `start` to 1 along a half cosine, where the share `done` of the training is done."""
    return 1 - (1 - start) * (math.cos(math.pi * done) + 1) / 2


def prediction_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """2 - 2 cos(prediction of clip i, target of clip j), mean over videos and all ordered pairs of different clips.

    predicted, target: (B, V, D) of unit length, V clips of each video. This is the squared distance of the two (Grill
    et al. 2020, equation 2). With two clips the reference adds both directions; here, for any number, all are averaged.
    """
    clips = predicted.shape[1]
    similar = predicted @ target.mT
    same_clip = similar.diagonal(dim1=1, dim2=2)
    pairs = (similar.sum(dim=(1, 2)) - same_clip.sum(dim=1)) / (clips * (clips - 1))
    return 2 - 2 * pairs.mean()


@register("byol")
class BYOL(PretextTask):
    """Samples clips of a video at random; predicts from each what the target network says of each other one.

    The online network is backbone, projector and predictor; the target network a moving average of backbone and
    projector, without gradient. There are no negatives: what keeps the embeddings apart is the predictor, together with
    the slow target. The log has the `spread` of the target's embeddings: 1 if they point in all directions, 0 if all
    have become the same.

    Args:
        clips: number of clips of a video, rho in the paper.
        stride: frame step of a clip.
        hidden: width of the hidden layer of projector and predictor.
        dim: dimension of an embedding.
        momentum: of the target network at the start of the training; it rises to 1 along a half cosine.
    """

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        clips: Several = 2,
        stride: Few = 4,
        hidden: Channels = 4096,
        dim: Channels = 256,
        momentum: ShareBelowOne = 0.996,
    ) -> None:
        super().__init__(backbone)
        self.momentum = momentum
        self.sampler = RandomClips(length=frames, stride=stride, clips_per_video=clips)
        self.projector = projection_head(backbone.feature_dim, hidden, dim)
        self.predictor = projection_head(dim, hidden, dim)
        self.target = MomentumEncoder(self.encoder(), momentum)

    def encoder(self) -> nn.Module:
        """The part of the online network that the target network follows: clips (N, 3, T, S, S) -> (N, dim)."""
        return nn.Sequential(self.backbone, self.projector)

    def embed(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """(B, V, 3, T, S, S) -> predictions and targets of the clips, each (B, V, dim) of unit length."""
        every = clips.flatten(0, 1)
        target = self.target(every)
        predicted = self.predictor(self.encoder()(every))
        first, second = (
            F.normalize(values.float(), dim=1).unflatten(0, clips.shape[:2]) for values in (predicted, target)
        )
        return first, second

    def on_step_start(self, done: float = 0.0) -> None:
        """Move the target network towards the online one, as in the reference before the targets are computed."""
        self.target.update(self.encoder(), rising_momentum(self.momentum, done))

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, V, 3, T, S, S). Not random."""
        predicted, target = self.embed(clips)
        with torch.autocast(clips.device.type, enabled=False):
            loss = prediction_loss(predicted, target)
        spread = target.flatten(0, 1).std(dim=0, correction=0).mean() * math.sqrt(target.shape[2])
        return loss, {"spread": spread}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """query, key (B, dim): the prediction from the first clip, the target of the second."""
        predicted, target = self.embed(clips)
        return {"query": predicted[:, 0], "key": target[:, 1]}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of videos for which the prediction from the first clip is closer to their own second clip than to
        that of any other video. A collapsed network is at chance."""
        return [retrieval_row("video_retrieval_top1", outputs["query"], outputs["key"])]
