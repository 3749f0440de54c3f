"""VideoMAE: what do the hidden nine tenths of the clip look like?

Tong et al. 2022, "VideoMAE: masked autoencoders are data-efficient learners for self-supervised video pre-training".
Facts from their code, MCG-NJU/VideoMAE (modeling_pretrain.py, masking_generator.py, engine_for_pretraining.py).

The original needs a network that can leave tokens out; here this is the ViT. The benchmark, however, lists VideoMAE
with R(2+1)D-18 and does not say how. For every other backbone, convolutional or hierarchical, we follow SimMIM (Xie et
al. 2022): the hidden tubes are blanked in the input, the whole clip passes the backbone, and a light decoder predicts
the hidden tubes from its feature map. Mask, targets and loss are the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.vit import checked_tube
from videossl.common.distributed import global_batch_size, local_rows
from videossl.common.errors import UserError
from videossl.common.ranges import ChannelsOrNone, Depth, Few, InnerShare, TubeSides
from videossl.common.transfer import sent
from videossl.data.sampling import RandomClips
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.explained import explained_rows
from videossl.pretext.parts.tube_decoders import leaves_tokens_out, predict_hidden, tube_decoder
from videossl.pretext.parts.tubes import Tube, in_every_layer, of_tubes, to_tubes, tube_grid
from videossl.pretext.registry import register

OWNER = "pretext task 'videomae'"
TARGET_EPS = 1e-6  # added to a tube's standard deviation (engine_for_pretraining.py): a uniform tube has target 0


def tube_targets(pixels: Tensor, tube: Tube) -> Tensor:
    """Pixels of each tube, standardised per colour to mean 0 and variance 1: (B, 3, T, H, W) -> (B, L, 3P)."""
    tubes = to_tubes(pixels, tube)
    centred = tubes - tubes.mean(dim=2, keepdim=True)
    return (centred / (tubes.std(dim=2, keepdim=True) + TARGET_EPS)).flatten(2)


def draw_mask(videos: int, grid: Tube, ratio: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw the visible and hidden tubes of each video; their numbers in ascending order: (B, K), (B, L - K) int64.

    One mask of h*w positions is drawn per video and shared by all t layers. The number of hidden positions is rounded
    down, as in the reference.
    """
    _, h, w = grid
    count = min(max(int(ratio * h * w), 1), h * w - 1)
    places = torch.rand(videos, h * w, generator=generator).argsort(dim=1)
    return in_every_layer(places[:, count:], grid), in_every_layer(places[:, :count], grid)


@register("videomae")
class VideoMAE(PretextTask):
    """Samples one clip; hides most of its tubes; predicts their pixels.

    The hidden tubes are at the same positions in all frames, drawn for each video. The targets are their pixels, in [0,
    1] and then standardised per tube and colour; the loss is the mean squared error over the hidden tubes.

    Args:
        tube: frames, height and width of a tube, pixels; on a ViT its own.
        mask_ratio: fraction of positions that is hidden.
        decoder_depth: number of transformer blocks on a ViT, of 3x3x3 convolutions on other backbones.
        decoder_width: channels of the decoder; 0: half of the backbone's feature dimension (ViT-B: 384, as in the
            reference).
        stride: frame step of a clip.
    """

    def __init__(
        self,
        backbone: Backbone,
        frames: int,
        *,
        tube: TubeSides = [2, 16, 16],  # noqa: B006 - never changed
        mask_ratio: InnerShare = 0.9,
        decoder_depth: Depth = 4,
        decoder_width: ChannelsOrNone = 0,
        stride: Few = 4,
    ) -> None:
        super().__init__(backbone)
        self.tube, self.mask_ratio = checked_tube(tube, OWNER), mask_ratio
        if math.prod(tube) < 2 or frames % tube[0]:
            raise UserError(
                f"option 'tube' of {OWNER} must have at least 2 pixels, and its frames must divide clip.frames"
                f" ({frames}), not {tube}."
            )
        if decoder_width % 2:
            raise UserError(
                f"option 'decoder_width' of {OWNER} must be even (0: half of the backbone's features), not"
                f" {decoder_width}."
            )
        if leaves_tokens_out(backbone) and backbone.tube != self.tube:
            raise UserError(
                f"a transformer's tokens are the tubes to be hidden: option 'tube' of {OWNER} ({tube}) must equal"
                f" option 'tube' of the backbone ({list(backbone.tube)}), in `backbones` of the configuration."
            )
        self.sampler = RandomClips(length=frames, stride=stride, clips_per_video=1)
        # Even, because positions consist of pairs of sine and cosine.
        dim = decoder_width or scale_channels(backbone.feature_dim, 0.5, multiple=2)
        self.decoder = tube_decoder(backbone, dim, decoder_depth, outputs=3 * math.prod(self.tube))

    def predict(self, clips: Tensor, visible: Tensor, hidden: Tensor) -> Tensor:
        """Clips (B, 3, T, S, S) of which the tubes `visible` (B, K) are seen -> pixels of the tubes `hidden` (B, M,
        3P)."""
        grid = tube_grid(clips, self.tube, OWNER)
        return predict_hidden(self.backbone, self.decoder, clips, visible, hidden, grid)

    def draw(self, clips: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw masks for clips (B, 3, T, S, S): visible tubes (B, K), hidden tubes (B, M), and their pixels (B, M,
        3P)."""
        masks = draw_mask(global_batch_size(len(clips)), tube_grid(clips, self.tube, OWNER), self.mask_ratio, generator)
        seen = masks[0].shape[1]
        visible, hidden = sent(local_rows(torch.cat(masks, dim=1)), clips.device).tensor_split([seen], dim=1)
        return visible, hidden, of_tubes(tube_targets(self.pixels(clips), self.tube), hidden)

    def forward(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """clips: (B, 1, 3, T, S, S). Draws a mask for each video."""
        clips = clips[:, 0]
        visible, hidden, target = self.draw(clips, generator)
        loss = F.mse_loss(self.predict(clips, visible, hidden).float(), target)
        return loss, {"explained_variance": 1 - loss.detach() / target.square().mean()}

    def heldout(self, clips: Tensor, choices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Mean squares over the hidden tubes of a video, (B,) each. Draws a mask for each video.

        error: of the prediction's error; error_elsewhere: the same, if the visible tubes come from the previous video
        of the batch; variance: of the target.
        """
        clips = clips[:, 0]
        visible, hidden, target = self.draw(clips, generator)
        error, error_elsewhere = (
            self.predict(seen, visible, hidden).float() - target for seen in (clips, clips.roll(1, dims=0))
        )
        values = {"error": error, "error_elsewhere": error_elsewhere, "variance": target}
        return {name: value.square().mean(dim=(1, 2)) for name, value in values.items()}

    def summarise(self, outputs: dict[str, Tensor]) -> list[dict[str, object]]:
        """Explained fraction of the hidden pixels' variance within their tubes, in all and by the clip itself: 0 is to
        predict each tube's mean colour."""
        return explained_rows("masked", outputs["error"], outputs["error_elsewhere"], outputs["variance"])
