"""RSPNet: do two clips of a video have the same playback speed, and do they come from the same video?

Chen et al. 2021, "RSPNet: relative speed perception for unsupervised video representation learning". Facts from their
code, PeihaoChen/RSPNet (moco/builder_diffspeed_diffloss.py: MoCoDiffLossTwoFc and Loss; config/pretrain).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.distributed import global_batch_size, local_rows
from videossl.common.ranges import Channels, Count, Moderate, NotNegative, ShareBelowOne
from videossl.common.transfer import sent
from videossl.data.sampling import RandomClips
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.losses import info_nce
from videossl.pretext.parts.momentum import MomentumEncoder
from videossl.pretext.parts.queue import Queue, own_video
from videossl.pretext.parts.retrieval import retrieval_row
from videossl.pretext.registry import register


def at_speed(clips: Tensor, fast: Tensor) -> Tensor:
    """(B, 3, 2T, S, S) -> (B, 3, T, S, S): every 2nd frame where `fast` (B,) is true, else the first T frames."""
    half = clips.shape[2] // 2
    return torch.where(fast.view(-1, 1, 1, 1, 1), clips[:, :, ::2], clips[:, :, :half])


def random_half(size: int, generator: torch.Generator) -> Tensor:
    """(size,) bool: true for a random half (the larger half if the number is odd, as in the reference)."""
    half = torch.zeros(size, dtype=torch.bool)
    half[torch.randperm(size, generator=generator)[size // 2 :]] = True
    return half


def relative_speed_loss(same: Tensor, other: Tensor, temperature: float, margin: float) -> Tensor:
    """max(0, margin - (same - other) / temperature), mean over B.

    same, other: (B,), cosine similarity of the query to a key of the same and of the other speed. As in the reference,
    the similarities are divided by the temperature *before* the margin of 2 is applied, so a difference of 0.14 in the
    cosine satisfies it.
    """
    return F.relu(margin - (same - other) / temperature).mean()


class SpeedHeads(nn.Module):
    """Linear heads A (appearance) and M (motion) with outputs of unit length: (B, feature_dim) -> (B, 2, dim)."""

    def __init__(self, feature_dim: int, dim: int) -> None:
        super().__init__()
        self.appearance = nn.Linear(feature_dim, dim)
        self.motion = nn.Linear(feature_dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        both = torch.stack([self.appearance(features), self.motion(features)], dim=1)
        return F.normalize(both.float(), dim=2)


@register("rspnet")
class RSPNet(PretextTask):
    """Samples two random clips of 2T consecutive frames: the first gives a query q, the second gives two keys.

    Each is reduced to T frames at speed 1 (the first T) or 2 (every 2nd). q has speed s, k the same speed s, k_neg the
    other speed; s is 1 for a random half of every batch and 2 for the rest. Keys come from a momentum encoder.

    A-VID, same video whatever the speed:   CE[qA.kA | qA.queue] + CE[qA.k_negA | qA.queue], all / temperature
    RSP, same speed whatever the content:   max(0, margin - (qM.kM - qM.k_negM) / temperature)

    The loss is `appearance_weight` times A-VID plus RSP. Then k_negA, not kA, is added to the queue; M has no queue.

    In a looped video of less than 2T - 1 frames only the fast clip has the jump from the last frame to the first, which
    gives the speed away. The reference accepts that; here other videos take the place of such videos.

    Args:
        dim: dimension of an embedding.
        queue_size: number of keys in the queue. If it is not well below the number of training videos, a video's own
            old keys are among its negatives: the log has the share of queries of which that is true.
        exclude_same_video: leave such keys out of a query's negatives. The reference does not.
        momentum: of the key encoder.
        appearance_weight: of A-VID. The reference's is 1, with which speed is not learned in a thousand steps
            (docs/study/why.md).
    """

    needs_videos = True

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        dim: Channels = 128,
        queue_size: Count = 16384,
        exclude_same_video: bool = False,
        momentum: ShareBelowOne = 0.999,
        temperature: Moderate = 0.07,
        margin: NotNegative = 2.0,
        appearance_weight: NotNegative = 1.0,
    ) -> None:
        super().__init__(backbone)
        self.temperature, self.margin, self.appearance_weight = temperature, margin, appearance_weight
        self.sampler = RandomClips(length=2 * frames, stride=1, clips_per_video=2)
        self.min_frames = 2 * frames - 1  # every 2nd of 2T: the last of them is not seen
        self.heads = SpeedHeads(backbone.feature_dim, dim)
        self.key_encoder = MomentumEncoder(self.encoder(), momentum)
        self.queue = Queue(dim, queue_size)
        self.exclude_same_video = exclude_same_video

    def encoder(self) -> nn.Module:
        """The query encoder: clips (B, 3, T, S, S) -> embeddings (B, 2, dim), those of A first."""
        return nn.Sequential(self.backbone, self.heads)

    def forward(
        self, clips: Tensor, choices: Tensor, generator: torch.Generator, videos: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 2, 3, 2T, S, S). Draws which half of the batch is fast."""
        fast = sent(local_rows(random_half(global_batch_size(len(clips)), generator)), clips.device)
        first, second = clips.unbind(dim=1)

        key_neg = self.key_encoder(at_speed(second, ~fast))
        key = self.key_encoder(at_speed(second, fast))
        query = self.encoder()(at_speed(first, fast))

        with torch.autocast(clips.device.type, enabled=False):  # similarities / 0.07 need float32
            negatives, same_video = self.queue.negatives(), self.queue.of_same_video(videos)
            left_out = same_video if self.exclude_same_video else None
            a_vid = info_nce(query[:, 0], key[:, 0], negatives, self.temperature, left_out=left_out)
            a_vid = a_vid + info_nce(query[:, 0], key_neg[:, 0], negatives, self.temperature, left_out=left_out)
            same, other = (query[:, 1] * key[:, 1]).sum(dim=1), (query[:, 1] * key_neg[:, 1]).sum(dim=1)
            rsp = relative_speed_loss(same, other, self.temperature, self.margin)
        self.queue.collect(key_neg[:, 0], videos)
        scalars = {
            "a_vid": a_vid.detach(),
            "rsp": rsp.detach(),
            "speed_accuracy": (same > other).float().mean(),
            **own_video(same_video),
        }
        return self.appearance_weight * a_vid + rsp, scalars

    def on_step_start(self, done: float = 0.0) -> None:
        """Update the key encoder before the keys are computed, as in the reference (other momentum methods do it after
        the step)."""
        self.key_encoder.update(self.encoder())

    def on_step_end(self) -> None:
        """Add the keys of the whole batch to the queue."""
        self.queue.enqueue_collected()

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Encode both clips at both speeds with the query encoder. Not random.

        query, key (B, dim): appearance of the first and second clip at speed 1.
        speed_correct (B, 2): by motion, is the first clip at speed 1 (at speed 2) closer to the second clip at its own
        speed than at the other one? Since both speeds are tested, a network that always prefers one speed is at chance.
        """
        slow = torch.zeros(len(clips), dtype=torch.bool, device=clips.device)
        encode = self.encoder()
        first, second = (
            torch.stack([encode(at_speed(clip, slow)), encode(at_speed(clip, ~slow))], dim=1)
            for clip in clips.unbind(dim=1)
        )  # each (B, speed, head, dim)
        similar = first[:, :, 1] @ second[:, :, 1].mT  # (B, speed of the first, speed of the second)
        right, wrong = similar.diagonal(dim1=1, dim2=2), similar.flip(2).diagonal(dim1=1, dim2=2)
        return {"query": first[:, 0, 0], "key": second[:, 0, 0], "speed_correct": right > wrong}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of videos whose first clip is closer to their own second clip than to that of any other video;
        fraction of clips whose speed was recognised."""
        speed = outputs["speed_correct"].double()
        return [
            retrieval_row("video_retrieval_top1", outputs["query"], outputs["key"]),
            {"metric": "speed_accuracy", "value": speed.mean().item(), "n": speed.numel(), "chance": 0.5},
        ]
