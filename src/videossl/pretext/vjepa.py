"""V-JEPA: what would the network say of the hidden parts of the clip?

Bardes et al. 2024, "Revisiting feature prediction for learning visual representations from video". Facts from their
code, facebookresearch/jepa (app/vjepa/train.py, src/masks/multiblock3d.py, src/models/predictor.py,
configs/pretrain/vitl16.yaml).

As VideoMAE here: a ViT encodes the visible tubes alone, as in the original; every other backbone gets the clip with the
hidden tubes blanked, and predicts from its feature map (:mod:`videossl.pretext.parts.tube_decoders`). Its targets are
its map of the whole clip, resized to the grid of tubes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.vit import checked_tube
from videossl.common.distributed import global_batch_size, local_rows
from videossl.common.errors import UserError
from videossl.common.ranges import Bounds, ChannelsOrNone, Depth, Few, InnerShare, ShareBelowOne, TubeSides
from videossl.common.transfer import sent
from videossl.data.sampling import RandomClips
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.decoder import resample
from videossl.pretext.parts.explained import explained_rows
from videossl.pretext.parts.momentum import MomentumEncoder
from videossl.pretext.parts.tube_decoders import leaves_tokens_out, predict_hidden, tube_decoder
from videossl.pretext.parts.tubes import Tube, in_every_layer, of_tubes, tube_grid
from videossl.pretext.registry import register

OWNER = "pretext task 'vjepa'"
REDRAWS = 10
"""How often blocks that would leave nothing visible are drawn anew."""


def block_size(grid: Tube, scale: float, aspect: Sequence[float], generator: torch.Generator) -> tuple[int, int]:
    """Height and width of a block of about `scale` of a frame's places, its aspect drawn evenly from a range.

    At least one place, and not the whole frame, so that something can be visible (our choice: in the reference's grids
    of 14 x 14 this is no limit).
    """
    _, height, width = grid
    ratio = aspect[0] + torch.rand((), generator=generator).item() * (aspect[1] - aspect[0])
    places = int(height * width * scale)
    h = min(max(round(math.sqrt(places * ratio)), 1), height)
    w = min(max(round(math.sqrt(places / ratio)), 1), width)
    if (h, w) == (height, width):
        h, w = (h, w - 1) if w > 1 else (h - 1, w)
    return h, w


def draw_blocks(videos: int, grid: Tube, block: tuple[int, int], count: int, generator: torch.Generator) -> Tensor:
    """Which places of a frame `count` blocks cover, each anywhere: (videos, count, h * w) bool."""
    _, height, width = grid
    top, left = (
        torch.randint(side - part + 1, (videos, count, 1), generator=generator)
        for side, part in zip((height, width), block, strict=True)
    )
    rows, columns = torch.arange(height), torch.arange(width)
    in_rows = (rows >= top) & (rows < top + block[0])
    in_columns = (columns >= left) & (columns < left + block[1])
    return (in_rows.unsqueeze(3) & in_columns.unsqueeze(2)).flatten(2)


def draw_mask(
    videos: int, grid: Tube, blocks: int, scale: float, aspect: Sequence[float], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw the visible and hidden tubes of each video; their numbers in ascending order: (B, K), (B, M) int64.

    As in the reference, the blocks of a batch have one size, and reach over all frames. Tubes that no block covers are
    visible. Videos get equally many of either kind, the fewest of the batch; what is left out is neither seen nor
    predicted. The reference leaves out the last ones, we random ones, so that no place is predicted more rarely.
    """
    block = block_size(grid, scale, aspect, generator)
    drawn = draw_blocks(videos, grid, block, blocks, generator)
    for _ in range(REDRAWS):
        covered = drawn.any(dim=1).all(dim=1)
        if not covered.any():
            break
        drawn[covered] = draw_blocks(int(covered.sum()), grid, block, blocks, generator)
    covered = drawn.any(dim=1).all(dim=1)
    drawn[covered, 1:] = False  # a single block never covers all
    hidden = drawn.any(dim=1)
    fewest = int(hidden.sum(dim=1).min()), int((~hidden).sum(dim=1).min())
    order = torch.rand(hidden.shape, generator=generator)
    gone = (order + ~hidden).argsort(dim=1)[:, : fewest[0]]
    seen = (order + hidden).argsort(dim=1)[:, : fewest[1]]
    return in_every_layer(seen, grid), in_every_layer(gone, grid)


@register("vjepa")
class VJEPA(PretextTask):
    """Samples one clip; hides blocks of it; predicts the target network's features of the hidden tubes.

    Two masks are drawn per clip, of many small blocks (short range) and of few large ones (long range). The targets are
    the features that a moving average of the backbone gives the whole clip, standardised over channels; the loss is the
    mean absolute error. The target network is what is kept after training, as the authors evaluate it.

    Args:
        tube: frames, height and width of a tube, pixels; a ViT takes its own instead.
        short_blocks, short_scale: number of blocks of the short-range mask, and the part of a frame that each covers.
        long_blocks, long_scale: the same of the long-range mask.
        aspect: lowest and highest ratio of height to width of a block.
        predictor_depth: number of transformer blocks on a ViT, of 3x3x3 convolutions on other backbones.
        predictor_width: channels of the predictor; 0: half of the backbone's feature dimension (ViT-B: 384, which the
            reference has for its larger networks).
        stride: frame step of a clip.
        momentum: of the target network at the start of the training; it rises evenly to 1.
    """

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        tube: TubeSides = [2, 16, 16],  # noqa: B006 - never changed
        short_blocks: Few = 8,
        short_scale: InnerShare = 0.15,
        long_blocks: Few = 2,
        long_scale: InnerShare = 0.7,
        aspect: Bounds = [0.75, 1.5],  # noqa: B006 - never changed
        predictor_depth: Depth = 12,
        predictor_width: ChannelsOrNone = 0,
        stride: Few = 4,
        momentum: ShareBelowOne = 0.998,
    ) -> None:
        super().__init__(backbone)
        self.tube = backbone.tube if leaves_tokens_out(backbone) else checked_tube(tube, OWNER)
        if frames % self.tube[0]:
            raise UserError(
                f"the frames of a tube ({self.tube[0]}: option 'tube' of {OWNER}, or of the backbone, if that is a"
                f" transformer whose tokens are the tubes) must divide clip.frames ({frames})."
            )
        if predictor_width % 2:
            raise UserError(
                f"option 'predictor_width' of {OWNER} must be even (0: half of the backbone's features), not"
                f" {predictor_width}."
            )
        self.masks = ((short_blocks, short_scale), (long_blocks, long_scale))
        self.aspect, self.momentum = aspect, momentum
        self.sampler = RandomClips(length=frames, stride=stride, clips_per_video=1)
        # Even, because positions consist of pairs of sine and cosine.
        dim = predictor_width or scale_channels(backbone.feature_dim, 0.5, multiple=2)
        # One mask token, as in the paper; the code has one for each of the two masks.
        self.predictor = tube_decoder(backbone, dim, predictor_depth, outputs=backbone.map_channels)
        self.target = MomentumEncoder(backbone, momentum)

    @property
    def pretrained(self) -> Backbone:
        """The target network: configs/evals of the reference has `checkpoint_key: target_encoder`."""
        return self.target.encoder

    def on_step_start(self, done: float = 0.0) -> None:
        """Move the target network; the reference does after each step, hence once more at the end."""
        self.target.update(self.backbone, self.momentum + (1 - self.momentum) * done)

    @torch.no_grad()
    def targets(self, clips: Tensor) -> Tensor:
        """Features of all tubes, of mean 0 and variance 1 over channels: (B, 3, T, S, S) -> (B, L, C)."""
        feature_map = resample(self.target.encoder.feature_map(clips), tube_grid(clips, self.tube, OWNER))
        tokens = feature_map.flatten(2).transpose(1, 2).float()
        return F.layer_norm(tokens, tokens.shape[2:])

    def draw(self, clips: Tensor, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
        """Draw both masks for clips (B, 3, T, S, S): visible tubes (B, K) and hidden tubes (B, M) of each."""
        grid, videos = tube_grid(clips, self.tube, OWNER), global_batch_size(len(clips))
        masks = [draw_mask(videos, grid, *mask, self.aspect, generator) for mask in self.masks]
        parts = [part for mask in masks for part in mask]
        there = sent(local_rows(torch.cat(parts, dim=1)), clips.device).split([part.shape[1] for part in parts], dim=1)
        return [(there[0], there[1]), (there[2], there[3])]

    def predict(self, clips: Tensor, visible: Tensor, hidden: Tensor) -> Tensor:
        """Clips (B, 3, T, S, S) of which the tubes `visible` (B, K) are seen -> features of `hidden` (B, M, C)."""
        grid = tube_grid(clips, self.tube, OWNER)
        return predict_hidden(self.backbone, self.predictor, clips, visible, hidden, grid).float()

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 1, 3, T, S, S). Draws two masks for each video."""
        clips = clips[:, 0]
        target, losses = self.targets(clips), []
        for visible, hidden in self.draw(clips, generator):
            losses.append(F.l1_loss(self.predict(clips, visible, hidden), of_tubes(target, hidden)))
        # Standard deviation of a channel over videos and tubes: 1 at most, 0 if all features have become the same.
        spread = target.flatten(0, 1).std(dim=0, correction=0).mean()
        return (losses[0] + losses[1]) / 2, {"spread": spread}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Means over both masks and the hidden tubes of a video. Draws two masks for each video.

        error (B,): squared error of the prediction; error_elsewhere (B,): the same, if the visible tubes come from the
        previous video of the batch; square (B,), mean (B, C): of the target's features.
        """
        clips = clips[:, 0]
        target = self.targets(clips)
        found: dict[str, list[Tensor]] = {"error": [], "error_elsewhere": [], "square": [], "mean": []}
        for visible, hidden in self.draw(clips, generator):
            wanted = of_tubes(target, hidden)
            for name, seen in (("error", clips), ("error_elsewhere", clips.roll(1, dims=0))):
                found[name].append((self.predict(seen, visible, hidden) - wanted).square().mean(dim=(1, 2)))
            found["square"].append(wanted.square().mean(dim=(1, 2)))
            found["mean"].append(wanted.mean(dim=1))
        return {name: (first + second) / 2 for name, (first, second) in found.items()}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Explained fraction of the variance of the hidden tubes' features, in all and by the clip itself: 0 is to
        predict the mean of all tubes and videos."""
        means = outputs["mean"].double()
        centre = means.mean(dim=0)
        variance = outputs["square"].double() - (2 * means * centre - centre.square()).mean(dim=1)
        return explained_rows("latent", outputs["error"], outputs["error_elsewhere"], variance)
