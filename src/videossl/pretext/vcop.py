"""VCOP: in which order do these clips of a video belong?

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
from videossl.data.sampling import Drawn, loop, span, window_indices
from videossl.pretext.base import PretextTask
from videossl.pretext.registry import register


@dataclass(frozen=True)
class SuccessiveClips:
    """`clips_per_video` clips in the order of time, `gap` frames from the last of one to the first of the next.

    They stand at a random place of the video. In a video too short for it the gap shrinks, below 0 if it must: the
    clips then overlap, but their order stays true. Where not even that is possible, the video is looped. The original
    leaves short videos out (a list of those that are long enough comes with it); here all tasks must see the same
    subsets, and of Something-Something-V2 little would be left.
    """

    length: int
    stride: int
    gap: int
    clips_per_video: int

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        reach, steps = span(self.length, self.stride), self.clips_per_video - 1
        step = min(reach + self.gap, max((num_frames - reach) // steps, 0))
        start = int(rng.integers(max(num_frames - reach - steps * step, 0) + 1))
        starts = (start + number * step for number in range(self.clips_per_video))
        return Drawn([loop(window_indices(first, self.length, self.stride), num_frames) for first in starts])


def shuffled(clips: Tensor, orders: Tensor) -> Tensor:
    """(B, N, ...) and (B, N) -> (B, N, ...): place p of video b shows its clip orders[b, p]."""
    return clips[torch.arange(len(clips), device=clips.device)[:, None], orders]


class OrderHead(nn.Module):
    """Features of N clips -> logits of N! orders: (B, N, feature_dim) -> (B, N!).

    Every pair of clips is compared by one shared layer; the comparisons together tell the order.
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
    """Samples N successive clips, shuffles them, predicts which of the N! orders that was; cross-entropy.

    The order is drawn evenly for every video of a batch; its label is its place among the permutations of 0..N-1 in
    lexicographic order. Each clip is augmented on its own, as the original crops each on its own.

    clips: N, the paper's complexity axis: C1, C2, C3 = 3, 4, 5 clips, that is 6, 24, 120 orders.
    gap, stride: frames between successive clips, and from one frame of a clip to the next; at a gap of 8 three clips
    of 16 frames reach over 64 frames, four over 88, five over 112.
    hidden: units that compare a pair; never more than the backbone has features (original: 512 and 512).
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
        orders = torch.tensor(list(permutations(range(clips))))  # itertools goes through them in lexicographic order
        self.register_buffer("orders", orders, persistent=False)
        hidden = min(hidden, backbone.feature_dim)
        self.head = OrderHead(backbone.feature_dim, clips, len(orders), hidden, dropout)

    def predict(self, clips: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(B, N, 3, T, S, S), in the order of time -> logits (B, N!) of the shuffled clips, labels (B,)."""
        labels = torch.randint(len(self.orders), (global_batch_size(len(clips)),), generator=generator)
        labels = local_rows(labels).to(clips.device)
        # All clips go through the backbone in one batch, so normalisation sees all of them (original: N batches).
        features = self.backbone(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        # A feature depends on its clip alone: shuffling the features is shuffling the clips, and moves less.
        return self.head(shuffled(features, self.orders[labels])), labels

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips (B, N, 3, T, S, S), in the order of time. Draws an order for each video."""
        logits, labels = self.predict(clips, generator)
        correct = (logits.detach().argmax(dim=1) == labels).float()
        return F.cross_entropy(logits.float(), labels), {"top1": correct.mean()}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """correct (B,): was the order that was drawn for the video recognised?"""
        logits, labels = self.predict(clips, generator)
        return {"correct": logits.argmax(dim=1) == labels}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Share of the held-out videos whose order was recognised."""
        correct = outputs["correct"].double()
        return [
            {
                "metric": "pretext_top1",
                "value": correct.mean().item(),
                "n": len(correct),
                "chance": 1 / len(self.orders),
            }
        ]
