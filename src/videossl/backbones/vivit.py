"""ViViT-B with joint attention over space and time: 88.65 M parameters at its native 32 frames of 224x224.

Arnab et al. 2021, "ViViT: A Video Vision Transformer", model 1 with tubelets of 2 frames of 16x16 pixels. This is the
network of the library transformers (`VivitModel`) without weights. Facts of training from google-research/scenic,
projects/vivit (model.py, configs/kinetics400/vivit_base_k400.py).

Features are the mean of the patch tokens, not the class token that the original classifier reads (its code offers both,
"token" and "gap"). As for every other backbone, they are then a function of the map, and a pretext task that works on
the map trains what a later classifier reads; the output of a class token would stay untrained. The class token remains
in the network as a token that the others attend to, so the network keeps the original size.
"""

from __future__ import annotations

import videossl.common.torchvision_operators  # noqa: F401  transformers imports torchvision

# isort: split
import torch
from torch import Tensor, nn
from transformers import VivitConfig, VivitModel
from transformers.models.vivit.modeling_vivit import VivitEmbeddings

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.parts.tokens import head_count, pad_to_patches, resize_positions
from videossl.backbones.registry import register
from videossl.common.ranges import Depth, Frames, Side, Width

CHANNELS = 768
HEAD_CHANNELS = 64
TUBELET_FRAMES = 2


class ClipEmbeddings(VivitEmbeddings):
    """Tokens of a clip of any size: learned positions are interpolated in time and space.

    The library's own interpolation works for images only: it arranges all tokens in one square.
    """

    def __init__(self, config: VivitConfig) -> None:
        super().__init__(config)
        side = config.image_size // config.tubelet_size[1]
        self.native_grid = (config.num_frames // config.tubelet_size[0], side, side)

    def interpolate_pos_encoding(self, embeddings: Tensor, height: int, width: int) -> Tensor:
        """Positions (1, 1 + t*h*w, C) for the tokens `embeddings` (N, 1 + t*h*w, C) of frames of height x width."""
        rows, columns = height // self.patch_size[0], width // self.patch_size[1]
        grid = ((embeddings.shape[1] - 1) // (rows * columns), rows, columns)
        positions = self.position_embeddings[:, 1:].transpose(1, 2).unflatten(2, self.native_grid)
        resized = resize_positions(positions, grid).flatten(2).transpose(1, 2)
        return torch.cat([self.position_embeddings[:, :1], resized], dim=1)


@register("vivit")
class ViViT(Backbone):
    """Tubelets, `depth` blocks of joint attention, a norm. Features are the mean of the patch tokens.

    The map of a clip of 16x112x112 is 768x8x7x7. Clips whose size is not a multiple of a tubelet are padded with zeros
    at the end.

    Args:
        patch: height and width of a tubelet in pixels; it has 2 frames.
        frames, size: of the clips that the learned positions are made for; they are interpolated for others.
    """

    title = "ViViT"
    place = 90

    def __init__(
        self, *, width: Width = 1.0, depth: Depth = 12, patch: Side = 16, frames: Frames = 16, size: Side = 112
    ) -> None:
        super().__init__()
        channels = scale_channels(CHANNELS, width, multiple=8)
        self.tubelet = (TUBELET_FRAMES, patch, patch)
        config = VivitConfig(
            num_frames=-(-frames // TUBELET_FRAMES) * TUBELET_FRAMES,
            image_size=-(-size // patch) * patch,
            tubelet_size=list(self.tubelet),
            hidden_size=channels,
            num_hidden_layers=depth,
            num_attention_heads=head_count(channels, HEAD_CHANNELS),
            intermediate_size=4 * channels,
        )
        self.network = VivitModel(config, add_pooling_layer=False)
        embeddings = ClipEmbeddings(config)
        embeddings.load_state_dict(self.network.embeddings.state_dict())  # the library's initial weights
        # Except for the positions, initialised as in the original; the library leaves zeros, as it is made to load
        # weights.
        nn.init.normal_(embeddings.position_embeddings, std=0.02)
        self.network.embeddings = embeddings
        self.feature_dim = self.map_channels = channels

    def trunk(self, x: Tensor) -> Tensor:
        x = pad_to_patches(x, self.tubelet)
        grid = [length // side for length, side in zip(x.shape[2:], self.tubelet, strict=True)]
        tokens = self.network(x.transpose(1, 2), interpolate_pos_encoding=True).last_hidden_state
        return tokens[:, 1:].transpose(1, 2).unflatten(2, grid)
