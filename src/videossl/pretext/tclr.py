"""TCLR: which clip shows the same video, and which the same moment of it?

Dave et al. 2022, "TCLR: Temporal contrastive learning for video representation". Facts from their code, DAVEISHAN/TCLR
(tclr_pretraining: train_gen_all_step.py, dl_tclr.py, mlp.py, model.py, contrastive_loss).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.ranges import Channels, Moderate, Several
from videossl.data.sampling import Drawn, random_window
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.decoder import resample
from videossl.pretext.parts.heads import projection_head
from videossl.pretext.parts.losses import nt_xent
from videossl.pretext.parts.retrieval import retrieval_row
from videossl.pretext.registry import register


@dataclass(frozen=True)
class SameWindow:
    """A window of `length` consecutive frames at a random place, twice: each will be augmented on its own."""

    length: int
    clips_per_video: int = 2

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        window = random_window(num_frames, self.length, 1, rng)
        return Drawn([window] * self.clips_per_video)


def local_local_loss(local: Tensor, temperature: float) -> Tensor:
    """NT-Xent within each video: which of its 2n - 1 other clips is the same clip of the other view?

    local: (B, 2, n, D) of unit length, n clips of two views. Mean over clips and videos; the reference takes the mean
    over clips and the sum over videos, which would make the weight of this loss depend on the batch size.
    """
    every = local.flatten(1, 2)
    clips = every.shape[1]
    itself = torch.eye(clips, dtype=torch.bool, device=local.device)
    logits = (every @ every.mT / temperature).masked_fill(itself, -torch.inf)
    target = torch.arange(clips, device=local.device).roll(clips // 2).expand(len(local), clips)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def global_local_loss(steps: Tensor, local: Tensor, temperature: float) -> Tensor:
    """Which of the n local clips of the other view shows what a time step of the global clip shows, and vice versa?

    steps, local: (B, 2, n, D) of unit length: time steps of each view's global clip, its local clips. Mean over
    both directions, steps, views and videos; the reference has the sum over the n steps, and all four pairs of
    views, of which two here would share their augmentation.
    """
    similar = steps @ local.flip(1).mT / temperature
    target = torch.arange(steps.shape[2], device=steps.device).expand(similar.shape[:3]).flatten()
    found = F.cross_entropy(similar.flatten(0, 2), target), F.cross_entropy(similar.mT.flatten(0, 2), target)
    return (found[0] + found[1]) / 2


def instance_loss(whole: Tensor, local: Tensor, temperature: float) -> Tensor:
    """NT-Xent between videos: of the two global clips, plus the mean over all pairs of a video's local clips.

    whole: (B, 2, D); local: (B, 2, n, D); of unit length. Half of `nt_xent`, which adds two directions: each of the two
    terms is a mean cross-entropy.
    """
    pairs = combinations(local.flatten(1, 2).unbind(dim=1), 2)
    of_local = torch.stack([nt_xent(first, second, temperature)[0] for first, second in pairs]).mean()
    return (nt_xent(whole[:, 0], whole[:, 1], temperature)[0] + of_local) / 2


def time_steps(backbone: Backbone, frames: int) -> int:
    """Length in time of the backbone's map of a clip of `frames` frames."""
    trains, size = backbone.training, backbone.min_size
    with torch.no_grad():
        found = backbone.eval().feature_map(torch.zeros(1, 3, frames, size, size))
    backbone.train(trains)
    return found.shape[2]


@register("tclr")
class TCLR(PretextTask):
    """Samples a window of consecutive frames; cuts it into local clips, and thins it to a global clip; three contrasts.

    Both are taken of two views, which are augmented independently. Instance contrast: clips of the same video against
    those of other videos. Local-local: a local clip and the same one of the other view, against the video's other local
    clips. Global-local: a time step of the global clip's map and the local clip of the other view that shows the same
    frames, against the others. The loss is the sum; each term is a mean cross-entropy.

    Departures from the reference: it augments each of ten clips on its own, here one augmentation holds for a view, and
    no positive pair shares it. It removes the stride in time of the last stage of its network, so that the map of a
    global clip has a step for each local clip; here networks stay as they are, and the global clip gets more frames of
    the window instead (with R(2+1)D and 16 frames: 32).

    Args:
        segments: number of local clips, each of `frames` consecutive frames; videos that are too short for all are
            replaced, as in the reference.
        hidden: width of the head's hidden layer.
        dim: dimension of an embedding.
    """

    heldout_augmented = True  # otherwise both views are the same pixels

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        segments: Several = 4,
        hidden: Channels = 512,
        dim: Channels = 128,
        temperature: Moderate = 0.1,
    ) -> None:
        super().__init__(backbone)
        self.frames, self.segments, self.temperature = frames, segments, temperature
        self.sampler = SameWindow(segments * frames)
        self.min_frames = segments * frames
        strides = [stride for stride in range(segments, 0, -1) if segments % stride == 0]
        enough = (stride for stride in strides if time_steps(backbone, self.min_frames // stride) >= segments)
        self.global_stride = next(enough, 1)
        # As in the reference, the embedding is normalised over the batch, too.
        self.head = nn.Sequential(projection_head(backbone.feature_dim, hidden, dim), nn.BatchNorm1d(dim))

    def embed(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 2, 3, n * T, S, S) -> embeddings of unit length: of the global clips (B, 2, D), their time steps and the
        local clips, (B, 2, n, D) each."""
        views, n = clips.flatten(0, 1), self.segments
        local = views.unflatten(2, (n, self.frames)).transpose(1, 2).flatten(0, 1)
        feature_map = self.backbone.feature_map(views[:, :, :: self.global_stride])
        steps = resample(feature_map, (n, *feature_map.shape[3:])).transpose(1, 2).flatten(0, 1).unsqueeze(2)
        features = [self.backbone.embed(feature_map), self.backbone.embed(steps), self.backbone(local)]
        embedded = F.normalize(self.head(torch.cat(features)).float(), dim=1)
        whole, *parts = embedded.split([len(part) for part in features])
        first, second = (part.unflatten(0, (len(clips), 2, n)) for part in parts)
        return whole.unflatten(0, (len(clips), 2)), first, second

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 2, 3, n * T, S, S). Not random."""
        whole, steps, local = self.embed(clips)
        with torch.autocast(clips.device.type, enabled=False):  # similarities / 0.1 need float32
            losses = {
                "instance": instance_loss(whole, local, self.temperature),
                "local_local": local_local_loss(local, self.temperature),
                "global_local": global_local_loss(steps, local, self.temperature),
            }
        return torch.stack([*losses.values()]).sum(), {name: loss.detach() for name, loss in losses.items()}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """query, key (B, D): the global clips of the two views.

        matched (B, n): is a local clip closest to the same one, of the n local clips of the other view?
        """
        whole, _, local = self.embed(clips)
        nearest = (local[:, 0] @ local[:, 1].mT).argmax(dim=2)
        matched = nearest == torch.arange(self.segments, device=clips.device)
        return {"query": whole[:, 0], "key": whole[:, 1], "matched": matched}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of videos whose global clip is closer to that of their own other view than to that of any other
        video; fraction of local clips that were matched among those of their video."""
        matched = outputs["matched"].double()
        return [
            retrieval_row("video_retrieval_top1", outputs["query"], outputs["key"]),
            {
                "metric": "local_matching_accuracy",
                "value": matched.mean().item(),
                "n": matched.numel(),
                "chance": 1 / self.segments,
            },
        ]
