"""PRP: at which playback rate is the clip sampled, and what lies between its frames?

Yao et al. 2020, "Video playback rate perception for self-supervised spatio-temporal representation learning". Facts
from their code, yuanyao366/PRP (train_predict.py, datasets/predict_dataset.py, datasets/patch_region.py,
models/sscn.py), in its later version: the first one weighs by a Gaussian around the patch with most motion, and counts
interpolated frames as real. (The benchmark's website links another paper under this name, arXiv 2003.02692.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.common.errors import UserError
from videossl.common.ranges import Channels, NotNegative, Rates
from videossl.data.sampling import Drawn, loop, random_start
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.decoder import Decoder, MapProjection, conv_block
from videossl.pretext.registry import register

GLIMPSES = 4  # frames of a chunk on which its motion is measured: 0, 5, 10, 15 of 16
WEIGHTS = (0.8, 2.0)  # at the position of a chunk with least and with most motion
EPSILON = 1e-6


@dataclass(frozen=True)
class DilatedClip:
    """One array of frames for a rate s, drawn uniformly from `rates`: T * s consecutive frames at a random position.

    First the 2T frames to reconstruct, s/2 apart; every second of them, s apart, is the network's input. At s = 1 each
    frame occurs twice, and only the first of the two is reconstructed. Then 4 frames of each of the s chunks of T
    consecutive frames, for the motion. All arrays have room for the largest rate; the rest is filled with the first
    frame. A clip thus costs about 60 frames to read, not T * s = 128.

    A video shorter than T * s frames is looped: its jump from the last frame to the first would give larger rates away.
    The task therefore uses videos only that have T * s frames at the largest rate (`min_frames`). The original replaces
    a video by another if it is too short for the rate that was drawn, so that its larger rates see other videos than
    its smaller ones. (It also requests one frame more than it uses.)
    """

    frames: int
    rates: tuple[int, ...]
    clips_per_video: int = 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        choice = int(rng.integers(len(self.rates)))
        rate = self.rates[choice]
        start = random_start(num_frames, self.frames * rate, 1, rng)
        target = np.arange(2 * self.frames) * rate // 2
        glimpses = np.zeros(GLIMPSES * max(self.rates), dtype=np.int64)
        within = np.linspace(0, self.frames - 1, GLIMPSES).round().astype(np.int64)
        glimpses[: GLIMPSES * rate] = (self.frames * np.arange(rate)[:, None] + within).ravel()
        return Drawn([loop(start + np.concatenate([target, glimpses]), num_frames)], choice)


def motion_weights(chunks: Tensor) -> Tensor:
    """Weights by motion: 4 frames each of K chunks (B, 3, K, 4, S, S) -> weights (B, 3, K, S, S).

    Squared differences of successive frames, averaged over the three pairs and over patches of S/4 x S/4 pixels, S/16
    apart (28 and 7 of 112, so 13 x 13 patches), then scaled to 0.8 .. 2.0 per colour, and enlarged. A chunk without any
    change has weight 1. (As in the reference, enlarging puts the centres of the outermost patches near the border; in
    the image they are S/8 inside.)
    """
    side = chunks.shape[-1]
    change = chunks.diff(dim=3).square().mean(dim=3).flatten(0, 2)[:, None]  # (B*3*K, 1, S, S)
    change = F.avg_pool2d(change, max(round(side / 4), 1), max(round(side / 16), 1))
    low, high = change.amin(dim=(2, 3), keepdim=True), change.amax(dim=(2, 3), keepdim=True)
    share = (change - low + EPSILON) / (high - low + EPSILON)
    weights = WEIGHTS[0] + (WEIGHTS[1] - WEIGHTS[0]) * share
    weights = F.interpolate(weights, (side, side), mode="bilinear", align_corners=False)
    weights, still = (x[:, 0].unflatten(0, chunks.shape[:3]) for x in (weights, high == 0))
    return torch.where(still.all(dim=1, keepdim=True), 1.0, weights)


def reconstruction_loss(output: Tensor, target: Tensor, weights: Tensor, real: Tensor) -> Tensor:
    """Weighted squared error: mean over each video's real frames, colours and pixels, then over videos; a scalar.

    output, target, weights: (B, 3, 2T, S, S); real: (B, 2T) bool.
    """
    error = ((output - target).square() * weights).mean(dim=(1, 3, 4))
    return ((error * real).sum(dim=1) / real.sum(dim=1)).mean()


@register("prp")
class PRP(PretextTask):
    """Samples T frames at rate s: every s-th of T * s. Classifies s, and reconstructs the 2T frames that are s/2 apart.

    Both branches start from the backbone's last map. The loss is

        reconstruction_weight * mean squared error, weighted by motion + classification_weight * cross-entropy

    with pixels in [0, 1]. At s = 1 there are no frames in between, so only the T frames of the clip count. (The
    reference interpolates them, flags them as not real and leaves them out of the loss; we do the same by the flag.)

    Args:
        rates: the paper's complexity axis: C1, C2, C3 = {1, 2}, {1, 2, 4}, {1, 2, 4, 8}.
        channels: of the branches' first layers (original: 512, as the map has), at most the backbone's feature
            dimension.
    """

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        rates: Rates = [1, 2, 4, 8],  # noqa: B006  (never changed; its type is what a recipe must give)
        channels: Channels = 512,
        reconstruction_weight: NotNegative = 1.0,
        classification_weight: NotNegative = 0.1,
    ) -> None:
        super().__init__(backbone)
        if frames < GLIMPSES:
            raise UserError(
                f"pretext task 'prp' needs clips of at least {GLIMPSES} frames (clip.frames), not {frames}."
            )
        self.frames = frames
        self.reconstruction_weight, self.classification_weight = reconstruction_weight, classification_weight
        self.sampler = DilatedClip(frames, tuple(rates))
        self.min_frames = frames * max(rates)
        self.register_buffer("rates", torch.tensor(rates), persistent=False)
        channels = min(channels, backbone.feature_dim)
        self.project = MapProjection(backbone, channels)
        self.class_branch = conv_block(channels, channels)
        # The reference trains this layer with ten times the learning rate; here all parameters have the same rate.
        self.classify = nn.Linear(channels, len(rates))
        self.decoder = Decoder(channels, 3, channels=channels)

    def branches(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, 3, L, S, S) -> input of the decoder (B, channels, t, h, w), logits of the rates (B, R)."""
        feature_map = self.backbone.feature_map(clips[:, 0, :, : 2 * self.frames : 2])
        projected = self.project(feature_map, self.backbone.embed(feature_map))
        return projected, self.classify(self.class_branch(projected).mean(dim=(2, 3, 4)))

    def targets(self, clips: Tensor, choices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 1, 3, L, S, S) and (B,) -> frames to reconstruct and their weights (B, 3, 2T, S, S), real (B, 2T)."""
        pixels, rates = self.pixels(clips[:, 0]), self.rates[choices][:, None]
        target, glimpses = pixels.tensor_split([2 * self.frames], dim=2)
        weights = motion_weights(glimpses.unflatten(2, (-1, GLIMPSES))).transpose(1, 2)  # (B, K, 3, S, S)
        place = torch.arange(2 * self.frames, device=clips.device)
        chunk = place * rates // (2 * self.frames)  # (B, 2T): frame j is at j * s/2, in a chunk of T frames
        weights = weights[torch.arange(len(chunk), device=clips.device)[:, None], chunk].transpose(1, 2)
        return target, weights, (rates > 1) | (place % 2 == 0)

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips (B, 1, 3, L, S, S) and choices (B,) as laid out by :class:`DilatedClip`. Not random."""
        projected, logits = self.branches(clips)
        target, weights, real = self.targets(clips, choices)
        output = self.decoder(projected, tuple(target.shape[2:]))
        reconstruction = reconstruction_loss(output.float(), target, weights, real)
        classification = F.cross_entropy(logits.float(), choices)
        loss = self.reconstruction_weight * reconstruction + self.classification_weight * classification
        scalars = {
            "reconstruction": reconstruction.detach(),
            "classification": classification.detach(),
            "top1": (logits.detach().argmax(dim=1) == choices).float().mean(),
        }
        return loss, scalars

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """correct (B,): whether the rate was recognised. Not random."""
        return {"correct": self.branches(clips)[1].argmax(dim=1) == choices}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Fraction of held-out videos whose rate was recognised."""
        correct = outputs["correct"].double()
        return [
            {
                "metric": "pretext_top1",
                "value": correct.mean().item(),
                "n": len(correct),
                "chance": 1 / len(self.rates),
            }
        ]
