"""CLIP's towers (Radford et al. 2021) with the parameter names of openai/CLIP, which four of the models keep.

Pre-norm blocks, a class token, learned positions, quick GELU. The text tower is causal and represented by its end
token.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from videossl.videolanguage.models.base import end_features


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """Attention and a two-layer network, each after a norm and with a shortcut: (N, L, D) -> (N, L, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        layers = [("c_fc", nn.Linear(width, 4 * width)), ("gelu", QuickGELU()), ("c_proj", nn.Linear(4 * width, width))]
        self.mlp = nn.Sequential(OrderedDict(layers))
        self.ln_2 = nn.LayerNorm(width)

    def attend(self, x: Tensor, causal: bool = False) -> Tensor:
        """Self-attention after the first norm, without the shortcut."""
        x = self.ln_1(x)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], x.device, x.dtype) if causal else None
        return self.attn(x, x, x, need_weights=False, attn_mask=mask, is_causal=causal)[0]

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        x = x + self.attend(x, causal)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """A stack of blocks, `resblocks` as in openai/CLIP."""

    def __init__(self, width: int, layers: int, heads: int, block: Callable[[int, int], Block] = Block) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList([block(width, heads) for _ in range(layers)])
        initialise(self, width, layers)

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        for block in self.resblocks:
            x = block(x, causal=causal)
        return x


def initialise(transformer: Transformer, width: int, layers: int) -> None:
    """CLIP's initial weights: the deeper the stack, the less each block adds to its shortcut."""
    for block in transformer.resblocks:
        nn.init.normal_(block.attn.in_proj_weight, std=width**-0.5)
        nn.init.normal_(block.attn.out_proj.weight, std=width**-0.5 * (2 * layers) ** -0.5)
        nn.init.normal_(block.mlp.c_fc.weight, std=(2 * width) ** -0.5)
        nn.init.normal_(block.mlp.c_proj.weight, std=width**-0.5 * (2 * layers) ** -0.5)


class VisualTower(nn.Module):
    """CLIP's vision transformer for single frames: (N, 3, H, W) -> (N, embed)."""

    def __init__(
        self,
        size: int,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        embed: int,
        block: Callable[[int, int], Block] = Block,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(width**-0.5 * torch.randn(width))
        self.positional_embedding = nn.Parameter(width**-0.5 * torch.randn((size // patch) ** 2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads, block)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(width**-0.5 * torch.randn(width, embed))

    def tokens(self, frames: Tensor) -> Tensor:
        """Class token and patches with their positions: (N, 3, H, W) -> (N, 1 + L, width)."""
        patches = self.conv1(frames).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(frames), 1, -1)
        return torch.cat([first, patches], dim=1) + self.positional_embedding

    def forward(self, frames: Tensor) -> Tensor:
        x = self.transformer(self.ln_pre(self.tokens(frames)))
        return self.ln_post(x[:, 0]) @ self.proj


class TextTower(nn.Module):
    """CLIP's text transformer: (P, context) -> (P, embed)."""

    def __init__(
        self,
        context: int,
        vocabulary: int,
        width: int,
        layers: int,
        heads: int,
        embed: int,
        block: Callable[[int, int], Block] = Block,
    ) -> None:
        super().__init__()
        self.transformer = Transformer(width, layers, heads, block)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(P, context) int64 -> (P, embed)."""
        x = self.token_embedding(tokens) + self.positional_embedding
        x = self.ln_final(self.transformer(x, causal=True))
        return end_features(x, tokens) @ self.text_projection


def split_frames(clips: Tensor) -> Tensor:
    """Clips (B, 3, T, H, W) -> frames (B * T, 3, H, W); the frames of a clip are adjacent."""
    return clips.transpose(1, 2).flatten(0, 1)


LOGIT_SCALE = 2.6592600369327779
"""ln(1 / 0.07), the initial value in CLIP's training."""
