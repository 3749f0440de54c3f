"""TDL: which clip shows the same moment of the video?

Wang et al. 2020, "Self-supervised temporal discriminative learning for video representation learning". Facts from their
code, FingerRec/Self-Supervised-Temporal-Discriminative-Representation-Learning-for-Video-Action-Recognition (src:
train_temporal_dis.py, NCE/NCEAverage.py: MemoryMoCo, data/video_dataset.py: get_moco, model/r2p1d.py,
TC/gen_positive.py, TC/basic_augmentation/mixup_methods.py and utils/load_weights.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from videossl.backbones.base import Backbone
from videossl.common.distributed import global_batch_size, local_rows
from videossl.common.ranges import Channels, Count, Few, Moderate, Share, ShareBelowOne
from videossl.common.transfer import sent
from videossl.data.sampling import Drawn, loop, random_start, span, window_indices
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.losses import info_nce
from videossl.pretext.parts.momentum import MomentumEncoder
from videossl.pretext.parts.queue import Queue, own_video
from videossl.pretext.parts.retrieval import retrieval_row
from videossl.pretext.registry import register


@dataclass(frozen=True)
class TemporalTriplet:
    """Anchor, positive and negative of a video: the same segment twice, and one that starts at least `gap` frames away.

    The reference tries four starts and then shifts the last one by a random part of the video. Here the start is drawn
    from those that are far enough away, which is the limit of many tries.

    In short videos the reference loops its segments, so that anchor and negative hold the same frames in rotated order;
    most videos of Something-Something are that short (61 frames are needed). Here the stride is reduced until there is
    a negative for every anchor. All three segments have the same stride, so it reveals nothing. Only if a video is too
    short even for consecutive frames is the negative closer than `gap`: it is as far away as possible. If there is no
    second start (`min_frames`), it would be the video looped from its middle, told from the anchor by its jump: the
    task leaves these videos out.
    """

    length: int
    stride: int
    gap: int
    clips_per_video: int = 3

    @property
    def min_frames(self) -> int:
        """Fewest frames of a video with a second segment of consecutive frames."""
        return self.length + 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        stride = max(s for s in range(1, self.stride + 1) if s == 1 or self._room(num_frames, s) >= 2 * self.gap)
        room = self._room(num_frames, stride)
        anchor = random_start(num_frames, self.length, stride, rng)
        starts = np.arange(room + 1)
        far = starts[np.abs(starts - anchor) >= self.gap]
        if len(far):
            negative = int(rng.choice(far))
        elif room > 0:
            negative = room if anchor <= room / 2 else 0
        else:
            negative = num_frames // 2
        return Drawn([self._segment(start, stride, num_frames) for start in (anchor, anchor, negative)])

    def _room(self, num_frames: int, stride: int) -> int:
        """The last start at which a segment fits; negative if none fits."""
        return num_frames - span(self.length, stride)

    def _segment(self, start: int, stride: int, num_frames: int) -> np.ndarray:
        return loop(window_indices(start, self.length, stride), num_frames)


def mix_in_a_frame(clips: Tensor, max_share: float, generator: torch.Generator) -> Tensor:
    """x_t <- (1 - l) x_t + l x_j for all frames t: (N, 3, T, S, S) -> the same shape.

    j is one random frame per clip; l ~ U(0, max_share) is one number for all clips, as in the reference. The result
    shows a ghost of a still frame: motion fades, but the moment stays the same. Normalisation is linear, so mixing
    normalised pixels is the same as mixing pixels.
    """
    share = max_share * torch.rand((), generator=generator).item()
    chosen = torch.randint(clips.shape[2], (global_batch_size(len(clips)),), generator=generator)
    chosen = sent(local_rows(chosen), clips.device)
    still = clips[torch.arange(len(clips), device=clips.device), :, chosen].unsqueeze(2)
    return torch.lerp(clips, still, share)


class UnitLinear(nn.Module):
    """A linear layer with outputs of unit length: (N, features) -> (N, dim)."""

    def __init__(self, features: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, dim)

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(self.linear(features).float(), dim=1)


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Draw the initial weights as the reference does (utils/load_weights.py): convolutions by Xavier's uniform
    distribution with gain sqrt(2), scales of batch normalisation from N(1, 0.02).

    The recipe's learning rate is meant for these weights: behind a normalisation, a step turns weights by an angle that
    falls with their squared length, which in R(2+1)D is three to eight times as large as with torch's default. Linear
    layers keep that default, as in the reference. Biases keep theirs, too: the reference's convolutions have none. A
    scale that a backbone starts at another value than 1 is multiplied, so 1 becomes N(1, 0.02). Networks without batch
    normalisation are left as they are: the reference has no such networks.
    """
    modules = list(network.modules())
    if not any(isinstance(module, _BatchNorm) for module in modules):
        return
    for module in modules:
        if isinstance(module, _ConvNd):
            nn.init.xavier_uniform_(module.weight, gain=math.sqrt(2))
        elif isinstance(module, _BatchNorm):
            module.weight.mul_(nn.init.normal_(torch.empty_like(module.weight), 1.0, 0.02))


@register("tdl")
class TDL(PretextTask):
    """Samples a segment twice and another one of the same video; contrasts moments, not only videos.

    Anchor, positive and negative are augmented independently; one of its own frames is also mixed into the anchor.
    Anchors give queries, positives give keys by a momentum encoder, and negatives are encoded with gradient:

    CE[q.k | q.queue | q.n], all / temperature, target q.k

    Then k is added to the queue. (The reference also computes a triplet loss, but does not add it.)

    Args:
        stride: frame step of a clip.
        gap: smallest number of frames between the starts of anchor and negative.
        mixup: largest fraction of the frame that is mixed into the anchor.
        dim: dimension of an embedding.
        queue_size: number of keys in the queue. If it is not well below the number of training videos, a video's own
            old keys are among its negatives: the log has the share of queries of which that is true. It should be well
            above the batch size, or the queue holds little but the last batch. It need not be a multiple of the batch
            size, see Queue. Our queue starts with random unit vectors, the reference's with uniform numbers in +-0.15,
            whose length is also about 1.
        exclude_same_video: leave such keys out of a query's negatives. The reference does not.
        momentum: of the key encoder.
    """

    needs_videos = True
    heldout_augmented = True  # otherwise anchor and positive are the same pixels, hence nearest without learning

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        stride: Few = 4,
        gap: Few = 4,
        mixup: Share = 0.1,
        dim: Channels = 128,
        queue_size: Count = 500,
        exclude_same_video: bool = False,
        momentum: ShareBelowOne = 0.999,
        temperature: Moderate = 0.07,
    ) -> None:
        super().__init__(backbone)
        self.mixup, self.temperature = mixup, temperature
        self.sampler = TemporalTriplet(length=frames, stride=stride, gap=gap)
        self.min_frames = self.sampler.min_frames
        self.head = UnitLinear(backbone.feature_dim, dim)
        initialise(self.backbone)
        self.key_encoder = MomentumEncoder(self.encoder(), momentum)
        self.queue = Queue(dim, queue_size)
        self.exclude_same_video = exclude_same_video

    def encoder(self) -> nn.Module:
        """The query encoder: clips (N, 3, T, S, S) -> embeddings (N, dim)."""
        return nn.Sequential(self.backbone, self.head)

    def embed(self, clips: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Query and negative, each (B, dim), of clips (B, 3, 3, T, S, S): anchor, positive, negative."""
        encode = self.encoder()
        query = encode(mix_in_a_frame(clips[:, 0], self.mixup, generator))
        return query, encode(clips[:, 2])  # one after the other, as in the reference

    def forward(
        self, clips: Tensor, choices: Tensor, generator: torch.Generator, videos: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 3, 3, T, S, S): anchor, positive, negative. Draws the mixing of frames."""
        query, negative = self.embed(clips, generator)
        key = self.key_encoder(clips[:, 1])
        with torch.autocast(clips.device.type, enabled=False):  # similarities / 0.07 need float32
            negatives, same_video = self.queue.negatives(), self.queue.of_same_video(videos)
            left_out = same_video if self.exclude_same_video else None
            loss = info_nce(query, key, negatives, self.temperature, own=negative, left_out=left_out)
        self.queue.collect(key, videos)
        nearer = (query * key).sum(dim=1) > (query * negative).sum(dim=1)
        return loss, {"temporal_accuracy": nearer.float().mean(), **own_video(same_video)}

    def on_step_end(self) -> None:
        """Update the key encoder after the optimiser step, as in the reference (RSPNet: before the keys)."""
        self.queue.enqueue_collected()
        self.key_encoder.update(self.encoder())

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """query, key, negative (B, dim): all from the query encoder, mixed and augmented as in training."""
        query, negative = self.embed(clips, generator)
        return {"query": query, "key": self.encoder()(clips[:, 1]), "negative": negative}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of anchors that are closer to their positive than to the negative of the same video; fraction whose
        positive is the nearest of all positives and negatives of all videos."""
        query, key, negative = (outputs[name] for name in ("query", "key", "negative"))
        nearer = ((query * key).sum(dim=1) > (query * negative).sum(dim=1)).double()
        return [
            {"metric": "temporal_accuracy", "value": nearer.mean().item(), "n": len(nearer), "chance": 0.5},
            retrieval_row("segment_retrieval_top1", query, torch.cat([key, negative])),
        ]
