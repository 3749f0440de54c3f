"""VCOP: what is the temporal order of these clips of a video?

Xu et al. 2019, "Self-supervised spatiotemporal learning via video clip order prediction". Facts from their code,
xudejing/video-clip-order-prediction (train_vcop.py, models/vcopn.py, datasets/ucf101.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.distributed import global_batch_size, local_rows
from videossl.common.ranges import Channels, Few, FewOrNone, ShareBelowOne
from videossl.common.transfer import sent
from videossl.data.sampling import Drawn, loop, span, window_indices
from videossl.pretext.base import PretextTask
from videossl.pretext.registry import register


@dataclass(frozen=True)
class SuccessiveClips:
    """`clips_per_video` clips in temporal order, with `gap` frames between the end of one and the start of the next.

    They are at a random position of the video. If a video is too short, the gap shrinks, even below 0: the clips then
    overlap, but their order remains true. The original excludes such videos (by a list of those that are long enough);
    here little would remain of Something-Something-V2. Of a video with less than `min_frames` all clips would be the
    same, and no order is true: the task leaves these videos out. (Here they are looped.)
    """

    length: int
    stride: int
    gap: int
    clips_per_video: int

    @property
    def min_frames(self) -> int:
        """Fewest frames of a video whose clips start at different frames."""
        return span(self.length, self.stride) + self.clips_per_video - 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        reach, steps = span(self.length, self.stride), self.clips_per_video - 1
        step = min(reach + self.gap, max((num_frames - reach) // steps, 0))
        start = int(rng.integers(max(num_frames - reach - steps * step, 0) + 1))
        starts = (start + number * step for number in range(self.clips_per_video))
        return Drawn([loop(window_indices(first, self.length, self.stride), num_frames) for first in starts])


def shuffled(clips: Tensor, orders: Tensor) -> Tensor:
    """(B, N, ...) and (B, N) -> (B, N, ...): position p of video b holds its clip orders[b, p]."""
    return clips[torch.arange(len(clips), device=clips.device)[:, None], orders]


class OrderHead(nn.Module):
    """Features of N clips -> logits of N! orders: (B, N, feature_dim) -> (B, N!).

    One shared layer compares every pair of clips; together the comparisons determine the order.
    """

    def __init__(self, feature_dim: int, clips: int, orders: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.pairs = list(combinations(range(clips), 2))
        self.compare = nn.Sequential(nn.Linear(2 * feature_dim, hidden), nn.ReLU())
        self.classify = nn.Sequential(nn.Dropout(dropout), nn.Linear(len(self.pairs) * hidden, orders))

    def forward(self, features: Tensor) -> Tensor:
        pairs = torch.stack([features[:, pair].flatten(1) for pair in map(list, self.pairs)], dim=1)
        return self.classify(self.compare(pairs).flatten(1))


@register("vcop")
class VCOP(PretextTask):
    """Samples N successive clips, shuffles them, predicts which of the N! orders was used; cross-entropy.

    The order is drawn uniformly for every video of a batch. Its label is its index among the permutations of 0..N-1 in
    lexicographic order. Each clip is augmented independently, as the original crops each independently.

    Args:
        clips: N, the paper's complexity axis: C1, C2, C3 = 3, 4, 5 clips, that is 6, 24, 120 orders.
        gap, stride: frames between successive clips, and frame step of a clip. With a gap of 8, three clips of 16
            frames cover 64 frames, four 88, five 112.
        hidden: units that compare a pair, at most the backbone's feature dimension (original: 512 and 512).
    """

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        clips: Annotated[int, Field(ge=2, le=6)] = 3,  # 7 clips have 5040 orders
        gap: FewOrNone = 8,
        stride: Few = 1,
        hidden: Channels = 512,
        dropout: ShareBelowOne = 0.5,
    ) -> None:
        super().__init__(backbone)
        self.sampler = SuccessiveClips(length=frames, stride=stride, gap=gap, clips_per_video=clips)
        self.min_frames = self.sampler.min_frames
        orders = torch.tensor(list(permutations(range(clips))))  # in lexicographic order
        self.register_buffer("orders", orders, persistent=False)
        hidden = min(hidden, backbone.feature_dim)
        self.head = OrderHead(backbone.feature_dim, clips, len(orders), hidden, dropout)

    def predict(self, clips: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clips (B, N, 3, T, S, S) in temporal order -> logits (B, N!) of the shuffled clips, labels (B,)."""
        labels = torch.randint(len(self.orders), (global_batch_size(len(clips)),), generator=generator)
        labels = sent(local_rows(labels), clips.device)
        # All clips pass the backbone in one batch, so normalisation sees all of them (original: N batches).
        features = self.backbone(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        # A feature depends only on its own clip: shuffling features equals shuffling clips, and moves less data.
        return self.head(shuffled(features, self.orders[labels])), labels

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, N, 3, T, S, S) in temporal order. Draws an order for each video."""
        logits, labels = self.predict(clips, generator)
        correct = (logits.detach().argmax(dim=1) == labels).float()
        return F.cross_entropy(logits.float(), labels), {"top1": correct.mean()}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """correct (B,): whether the order drawn for the video was recognised."""
        logits, labels = self.predict(clips, generator)
        return {"correct": logits.argmax(dim=1) == labels}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of held-out videos whose order was recognised."""
        correct = outputs["correct"].double()
        return [
            {
                "metric": "pretext_top1",
                "value": correct.mean().item(),
                "n": len(correct),
                "chance": 1 / len(self.orders),
            }
        ]
