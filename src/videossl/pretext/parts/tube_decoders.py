"""Prediction of what is in the hidden tubes of a clip from its visible ones, with any backbone.

A transformer that can leave tokens out (:class:`~videossl.backbones.vit.ViT`) sees the visible tubes alone. Every other
backbone, convolutional or hierarchical, gets the whole clip with the hidden tubes blanked, as in SimMIM (Xie et al.
2022), and a light decoder predicts from its feature map.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from videossl.backbones.base import Backbone
from videossl.backbones.vit import NORM_EPS, Block, Positions, initialise
from videossl.pretext.parts.decoder import MapProjection, conv_block, resample
from videossl.pretext.parts.tubes import Tube, keep_visible, of_tubes


def leaves_tokens_out(backbone: Backbone) -> bool:
    """Whether the backbone can encode some tubes of a clip alone; its own `tube` is then the unit to hide."""
    return hasattr(backbone, "encode_visible")


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

    def forward(self, tokens: Tensor, visible: Tensor, hidden: Tensor, grid: Tube) -> Tensor:
        """tokens (B, K, channels) of the tubes `visible` (B, K) -> (B, M, outputs) for the tubes `hidden` (B, M)."""
        seen = visible.shape[1]
        table = self.positions(math.prod(grid), tokens)
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


def tube_decoder(backbone: Backbone, dim: int, depth: int, outputs: int) -> TokenDecoder | MapDecoder:
    """A decoder of `dim` channels and `depth` blocks for the backbone, with `outputs` numbers for each hidden tube."""
    if leaves_tokens_out(backbone):
        return TokenDecoder(backbone.feature_dim, dim, depth, outputs)
    return MapDecoder(backbone, dim, depth, outputs)


def predict_hidden(
    backbone: Backbone, decoder: TokenDecoder | MapDecoder, clips: Tensor, visible: Tensor, hidden: Tensor, grid: Tube
) -> Tensor:
    """Clips (B, 3, T, S, S), of whose tubes only `visible` (B, K) are seen -> (B, M, outputs) for `hidden` (B, M)."""
    if isinstance(decoder, TokenDecoder):
        return decoder(backbone.encode_visible(clips, visible), visible, hidden, grid)
    feature_map = backbone.feature_map(keep_visible(clips, visible, grid))
    return of_tubes(decoder(feature_map, backbone.embed(feature_map), grid), hidden)
