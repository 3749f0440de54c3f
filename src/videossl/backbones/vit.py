"""Plain video transformer with joint space-time attention: ViT-B, 86.23 M parameters with tubes of 2x16x16.

Tong et al. 2022, "VideoMAE". Facts from their code, MCG-NJU/VideoMAE (modeling_pretrain.py and modeling_finetune.py):
pre-norm blocks, fixed sine-cosine positions, no class token, no bias on the keys (a softmax over keys ignores it). As
there, linear layers start with Xavier-uniform weights and zero biases.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.parts.tokens import head_count, pad_to_patches
from videossl.backbones.registry import register
from videossl.common.errors import UserError
from videossl.common.ranges import Channels, Depth, TubeSides, Width

HEAD_CHANNELS = 64  # channels per attention head: 12 heads in ViT-B, 6 in ViT-S
MLP_RATIO = 4  # hidden units of a block per channel
NORM_EPS = 1e-6


TOKENS = 1568
"""Tokens of the largest clip in use, 16x224x224 in tubes of 2x16x16."""


@lru_cache(maxsize=16)
def _position_table(count: int, dim: int) -> np.ndarray:
    channel = np.arange(dim)
    angle = np.arange(count)[:, None] / 10000 ** (2 * (channel // 2) / dim)
    return np.where(channel % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)


class Positions(nn.Module):
    """Fixed positions of tokens. The table is a buffer, so that it is on the device before the first step.

    Token p has sin(p / 10000^(2i/dim)) in channel 2i and the cosine of the same angle in channel 2i+1. As in the
    reference, p numbers all tokens of a clip, row by row and frame by frame; the three axes have no separate tables.
    """

    table: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("table", torch.tensor(_position_table(TOKENS, dim)), persistent=False)

    def forward(self, count: int, like: Tensor) -> Tensor:
        """(count, dim), of the type of `like`."""
        if count > len(self.table):  # a row does not depend on their number
            self.table = torch.tensor(_position_table(count, self.dim)).to(self.table)
        return self.table[:count].to(like.dtype)


def initialise(module: nn.Module) -> None:
    """Initialise a linear layer as in the reference; for `nn.Module.apply`. Layer norms keep torch's default."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Attention(nn.Module):
    """Multi-head self-attention over all tokens: (N, L, D) -> (N, L, D)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.heads = head_count(dim, HEAD_CHANNELS)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=2)
        q, k, v = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (q + self.q_bias, k, v + self.v_bias)
        )
        mixed = F.scaled_dot_product_attention(q, k, v)  # (N, heads, L, D / heads)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a two-layer network, each after a layer norm and with a shortcut: (N, L, D) -> (N, L, D)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attention = Attention(dim)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp = nn.Sequential(nn.Linear(dim, MLP_RATIO * dim), nn.GELU(), nn.Linear(MLP_RATIO * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


@register("vit")
class ViT(Backbone):
    """Tubes of pixels as tokens, blocks over all of them, a final layer norm. Features are the mean of the tokens.

    The map of a clip of 16x112x112 is 768x8x7x7: one token per tube. Positions are computed for the grid of the given
    clip. Clips that do not consist of whole tubes are padded with zeros at the end.

    Args:
        dim: channels at width 1.0; 768 is ViT-B, 384 ViT-S.
        depth: number of blocks.
        tube: frames, height and width of a tube, pixels.
    """

    title = "ViT"
    place = 80

    heavy: ClassVar[tuple[str, ...]] = ("trunk", "encode_visible")

    def __init__(
        self,
        *,
        width: Width = 1.0,
        dim: Channels = 768,
        depth: Depth = 12,
        tube: TubeSides = [2, 16, 16],  # noqa: B006 - never changed
    ) -> None:
        super().__init__()
        self.tube = checked_tube(tube, "backbone 'vit'")
        dim = scale_channels(dim, width, multiple=8)
        self.feature_dim = self.map_channels = dim
        self.patches = nn.Conv3d(3, dim, self.tube, stride=self.tube)
        self.positions = Positions(dim)
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])
        # The reference has this norm in pretraining; finetuning drops it and trains a new one after the mean. Here the
        # backbone is one network for all tasks, so its pretrained norm stays.
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.blocks.apply(initialise)

    def tokens(self, x: Tensor) -> Tensor:
        """Embedded tubes with positions, as a map: (N, 3, T, H, W) -> (N, D, t, h, w)."""
        x = self.patches(pad_to_patches(x, self.tube))
        table = self.positions(x[0, 0].numel(), x)
        return x + table.T.unflatten(1, x.shape[2:])

    def encode(self, tokens: Tensor) -> Tensor:
        """(N, L, D) -> (N, L, D), for any number of tokens."""
        return self.norm(self.blocks(tokens))

    def encode_visible(self, x: Tensor, visible: Tensor) -> Tensor:
        """Encode only some tubes of a clip; the others are left out, which saves their computation.

        Args:
            x: normalised pixels (N, 3, T, H, W).
            visible: (N, K) int64, numbers of the visible tubes, as :class:`Positions` counts them.

        Returns:
            their tokens (N, K, D).
        """
        self._check_clip(x)
        tokens = self.tokens(x).flatten(2).transpose(1, 2)
        return self.encode(torch.take_along_dim(tokens, visible.unsqueeze(2), dim=1))

    def trunk(self, x: Tensor) -> Tensor:
        tokens = self.tokens(x)
        encoded = self.encode(tokens.flatten(2).transpose(1, 2))
        return encoded.transpose(1, 2).unflatten(2, tokens.shape[2:])


def checked_tube(tube: list[int], owner: str) -> tuple[int, int, int]:
    """Option `tube` of `owner` as a tuple. Raises UserError unless it is three positive integers."""
    if len(tube) != 3 or not all(type(side) is int and side > 0 for side in tube):
        raise UserError(f"option 'tube' of {owner} must be three integers above 0 (frames, height, width), not {tube}.")
    return tuple(tube)
