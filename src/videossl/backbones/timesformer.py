"""TimeSformer-B with divided space-time attention: 121.26 M parameters at its native 8 frames of 224x224.

Bertasius et al. 2021, "Is space-time attention all you need for video understanding?". This is the network of the
library transformers (`TimesformerModel`) without weights. Further facts from facebookresearch/TimeSformer
(timesformer/models/vit.py).

Two departures from the original. Features are the mean of the patch tokens, not the class token that the original
classifier reads: see vivit.py. And, as in the library, all dense layers after temporal attention start with random
weights. The original starts all but the first at zero, so that weights pretrained on images work from the first step;
here nothing is loaded, and zeros would only keep the gradients of those attentions at zero at first.
"""

from __future__ import annotations

import math

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
import torch
from torch import Tensor
from torchvision.ops import StochasticDepth
from transformers import TimesformerConfig, TimesformerModel
from transformers.models.timesformer.modeling_timesformer import TimesformerEmbeddings

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.parts.tokens import (
    head_count,
    pad_to_patches,
    resize_positions,
)
from videossl.backbones.registry import register
from videossl.common.ranges import Depth, Frames, ShareBelowOne, Side, Width

CHANNELS = 768
HEAD_CHANNELS = 64


class ClipEmbeddings(TimesformerEmbeddings):
    """Tokens of a clip of any size: learned positions are interpolated in time and space.

    The library, like the original, takes the nearest positions, and treats grids with equally many patches as the same.
    """

    def forward(self, pixel_values: Tensor) -> Tensor:
        """(N, T, 3, H, W) -> the class token and all patches, ordered by place, then by time: (N, 1 + h*w*T, C)."""
        frames = pixel_values.shape[1]
        patches = self.patch_embeddings.projection(pixel_values.flatten(0, 1)).unflatten(0, (-1, frames))
        side = math.isqrt(self.num_patches)
        space = self.position_embeddings[:, 1:].transpose(1, 2).unflatten(2, (side, side))
        space = resize_positions(space, patches.shape[3:])
        time = resize_positions(self.time_embeddings.transpose(1, 2), (frames,)).transpose(1, 2)
        patches = patches + space[:, None] + time[..., None, None]  # (N, T, C, h, w)
        class_token = self.cls_token + self.position_embeddings[:, :1]
        tokens = patches.permute(0, 3, 4, 1, 2).flatten(1, 3)
        return torch.cat([class_token.expand(len(tokens), -1, -1), tokens], dim=1)


@register("timesformer")
class TimeSformer(Backbone):
    """Patches of single frames, `depth` blocks of attention over time, then space. Features are the mean of the
    patches.

    The map of a clip of 16x112x112 is 768x16x7x7: all frames are kept. Frames whose size is not a multiple of a patch
    are padded with zeros.

    Args:
        patch: side of a patch in pixels.
        frames, size: of the clips that the learned positions are made for; they are interpolated for others.
        drop_path: probability of dropping a branch in the last block; it increases linearly from 0 in the first block.
    """

    title = "TimeSformer"
    place = 100

    def __init__(
        self,
        *,
        width: Width = 1.0,
        depth: Depth = 12,
        patch: Side = 16,
        frames: Frames = 16,
        size: Side = 112,
        drop_path: ShareBelowOne = 0.1,
    ) -> None:
        super().__init__()
        channels = scale_channels(CHANNELS, width, multiple=8)
        config = TimesformerConfig(
            num_frames=frames,
            image_size=-(-size // patch) * patch,
            patch_size=patch,
            hidden_size=channels,
            num_hidden_layers=depth,
            num_attention_heads=head_count(channels, HEAD_CHANNELS),
            intermediate_size=4 * channels,
            attention_type="divided_space_time",
        )
        self.network = TimesformerModel(config)
        embeddings = ClipEmbeddings(config)
        embeddings.load_state_dict(self.network.embeddings.state_dict())  # the library's initial weights
        self.network.embeddings = embeddings
        # Set here, since the library's configuration does not allow fractions.
        for number, layer in enumerate(self.network.encoder.layer):
            layer.drop_path = StochasticDepth(drop_path * number / max(1, depth - 1), "row")
        self.patch = patch
        self.feature_dim = self.map_channels = channels

    def trunk(self, x: Tensor) -> Tensor:
        x = pad_to_patches(x, (1, self.patch, self.patch))
        frames, rows, columns = x.shape[2], x.shape[3] // self.patch, x.shape[4] // self.patch
        # The layers read the clip's shape from their shared configuration.
        self.network.config.num_frames, self.network.config.image_size = frames, columns * self.patch
        tokens = self.network(x.transpose(1, 2)).last_hidden_state[:, 1:]
        return tokens.unflatten(1, (rows, columns, frames)).permute(0, 4, 3, 1, 2)
