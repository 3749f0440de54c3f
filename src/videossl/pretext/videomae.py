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
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.analysis.statistics import ratio_interval
from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.vit import NORM_EPS, Block, Positions, checked_tube, initialise
from videossl.common.distributed import global_batch_size, local_rows
from videossl.common.errors import UserError
from videossl.common.ranges import ChannelsOrNone, Depth, Few, InnerShare, TubeSides
from videossl.common.transfer import sent
from videossl.data.sampling import RandomClips
from videossl.pretext.base import PretextTask
from videossl.pretext.parts.decoder import MapProjection, conv_block, resample
from videossl.pretext.registry import register

OWNER = "pretext task 'videomae'"
TARGET_EPS = 1e-6  # added to a tube's standard deviation (engine_for_pretraining.py): a uniform tube has target 0
Tube = tuple[int, int, int]


def tube_grid(clips: Tensor, tube: Tube) -> Tube:
    """Number of tubes along T, H and W of clips (..., T, H, W). Raises UserError unless tubes divide the clip, with at
    least two per frame."""
    shape = clips.shape[-3:]
    grid = tuple(side // part for side, part in zip(shape, tube, strict=True))
    if any(side % part for side, part in zip(shape, tube, strict=True)) or grid[1] * grid[2] < 2:
        raise UserError(
            f"clips of {'x'.join(map(str, shape))} (frames, height, width) cannot be cut into whole tubes of"
            f" {'x'.join(map(str, tube))}, two or more a frame: change option 'tube' of {OWNER}, or clip.frames and"
            " clip.size of the recipe."
        )
    return grid


def to_tubes(clips: Tensor, tube: Tube) -> Tensor:
    """(B, 3, T, H, W) -> (B, L, P, 3): L tubes, row by row and frame by frame, of P pixels in the same order."""
    t, h, w = tube
    parts = clips.unflatten(4, (-1, w)).unflatten(3, (-1, h)).unflatten(2, (-1, t))
    return parts.permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4, 6).flatten(1, 3)


def tube_targets(pixels: Tensor, tube: Tube) -> Tensor:
    """Pixels of each tube, standardised per colour to mean 0 and variance 1: (B, 3, T, H, W) -> (B, L, 3P)."""
    tubes = to_tubes(pixels, tube)
    centred = tubes - tubes.mean(dim=2, keepdim=True)
    return (centred / (tubes.std(dim=2, keepdim=True) + TARGET_EPS)).flatten(2)


def draw_mask(videos: int, grid: Tube, ratio: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw the visible and hidden tubes of each video; their numbers in ascending order: (B, K), (B, L - K) int64.

    One mask of h*w positions is drawn per video and shared by all t layers, so that nothing static can be copied from a
    neighbouring frame. The number of hidden positions is rounded down, as in the reference.
    """
    t, h, w = grid
    count = min(max(int(ratio * h * w), 1), h * w - 1)
    places = torch.rand(videos, h * w, generator=generator).argsort(dim=1)
    layers = h * w * torch.arange(t).view(1, t, 1)
    visible, hidden = (part.sort(dim=1).values.unsqueeze(1) for part in (places[:, count:], places[:, :count]))
    return (layers + visible).flatten(1), (layers + hidden).flatten(1)


def of_tubes(values: Tensor, numbers: Tensor) -> Tensor:
    """Select the tubes with `numbers` (B, K): (B, L, D) -> (B, K, D)."""
    return torch.take_along_dim(values, numbers.unsqueeze(2), dim=1)


def blank(clips: Tensor, hidden: Tensor, tube: Tube) -> Tensor:
    """Normalised clips (B, 3, T, H, W) with their hidden tubes set to 0, the mean colour.

    Not to a learned value, as in SimMIM's embedding: convolutions pad with 0 as well, so 0 already means "nothing
    here", and pretraining has no input that finetuning does not know.
    """
    grid = tube_grid(clips, tube)
    gone = torch.zeros(len(clips), math.prod(grid), dtype=torch.bool, device=clips.device).scatter(1, hidden, True)
    gone = gone.unflatten(1, grid)
    for axis, part in enumerate(tube, start=1):
        shape = list(gone.unsqueeze(axis + 1).shape)
        shape[axis + 1] = part
        gone = gone.unsqueeze(axis + 1).expand(shape).flatten(axis, axis + 1)
    return clips.masked_fill(gone.unsqueeze(1), 0)


class TokenDecoder(nn.Module):
    """Transformer blocks over the visible tokens and one mask token per hidden tube, all with positions."""

    def __init__(self, channels: int, dim: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Linear(channels, dim, bias=False)  # keeps torch's initial weights, as in the reference
        self.mask_token = nn.Parameter(torch.zeros(dim))
        self.positions = Positions(dim)
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.head = nn.Linear(dim, outputs)
        self.blocks.apply(initialise)
        initialise(self.head)
        nn.init.trunc_normal_(self.mask_token, std=0.02, a=-0.02, b=0.02)

    def forward(self, tokens: Tensor, visible: Tensor, hidden: Tensor) -> Tensor:
        """tokens (B, K, channels) of the tubes `visible` (B, K) -> (B, M, outputs) for the tubes `hidden` (B, M)."""
        seen = visible.shape[1]
        table = self.positions(seen + hidden.shape[1], tokens)
        x = torch.cat([self.embed(tokens) + table[visible], self.mask_token + table[hidden]], dim=1)
        return self.head(self.norm(self.blocks(x)[:, seen:]))


class MapDecoder(nn.Module):
    """3x3x3 convolutions over a backbone's map and features, resized to the grid of tubes, with positions.

    Positions are needed because the map may be a single frame of a few pixels, which is uniform after resizing. One
    output per tube is enough, so this is not PRP's decoder, which returns to pixels by doublings.
    """

    def __init__(self, backbone: Backbone, dim: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.positions = Positions(dim)
        self.project = MapProjection(backbone, dim)
        self.blocks = nn.Sequential(*[conv_block(dim, dim) for _ in range(depth)])
        self.head = nn.Conv3d(dim, outputs, 1)

    def forward(self, feature_map: Tensor, features: Tensor, grid: Tube) -> Tensor:
        """Map (B, channels, t, h, w) and features (B, feature_dim) -> (B, L, outputs) for the L tubes of `grid`."""
        x = resample(self.project(feature_map, features), grid)
        table = self.positions(math.prod(grid), x)
        x = x + table.T.unflatten(1, grid)
        return self.head(self.blocks(x)).flatten(2).transpose(1, 2)


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
        self.leaves_tokens_out = hasattr(backbone, "encode_visible")
        if self.leaves_tokens_out and backbone.tube != self.tube:
            raise UserError(
                f"a transformer's tokens are the tubes to be hidden: option 'tube' of {OWNER} ({tube}) must equal"
                f" option 'tube' of the backbone ({list(backbone.tube)}), in `backbones` of the configuration."
            )
        self.sampler = RandomClips(length=frames, stride=stride, clips_per_video=1)
        # Even, because positions consist of pairs of sine and cosine.
        dim = decoder_width or scale_channels(backbone.feature_dim, 0.5, multiple=2)
        outputs = 3 * math.prod(self.tube)
        if self.leaves_tokens_out:
            self.decoder = TokenDecoder(backbone.feature_dim, dim, decoder_depth, outputs)
        else:
            self.decoder = MapDecoder(backbone, dim, decoder_depth, outputs)

    def predict(self, clips: Tensor, visible: Tensor, hidden: Tensor) -> Tensor:
        """Clips (B, 3, T, S, S) of which the tubes `visible` (B, K) are seen -> pixels of the tubes `hidden` (B, M,
        3P)."""
        if self.leaves_tokens_out:
            return self.decoder(self.backbone.encode_visible(clips, visible), visible, hidden)
        feature_map = self.backbone.feature_map(blank(clips, hidden, self.tube))
        features = self.backbone.embed(feature_map)
        return of_tubes(self.decoder(feature_map, features, tube_grid(clips, self.tube)), hidden)

    def draw(self, clips: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw masks for clips (B, 3, T, S, S): visible tubes (B, K), hidden tubes (B, M), and their pixels (B, M,
        3P)."""
        masks = draw_mask(global_batch_size(len(clips)), tube_grid(clips, self.tube), self.mask_ratio, generator)
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
        """Explained fraction of the hidden pixels' variance within their tubes: in all, and by the clip itself.

        In all: 1 is perfect, 0 is to predict each tube's mean colour; there is no lower limit. A network that ignores
        the clip can exceed 0 by predicting what all videos have in common, such as a sky that is brighter below. By the
        clip: the part that is lost if the visible tubes come from another video; 0 for such a network.
        """
        names = ("error", "error_elsewhere", "variance")
        error, elsewhere, variance = (outputs[name].double().cpu().numpy() for name in names)
        explained = {
            "masked_explained_variance": variance - error,
            "masked_explained_by_clip": elsewhere - error,
        }
        rows = []
        for metric, part in explained.items():
            value, low, high = ratio_interval(part, variance)
            rows.append(
                {"metric": metric, "value": value, "n": len(part), "chance": 0.0, "ci_low": low, "ci_high": high}
            )
        return rows
