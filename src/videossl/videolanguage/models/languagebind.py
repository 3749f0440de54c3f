"""LanguageBind's video branch (Zhu et al. 2023): CLIP with attention over time in every block, ViT-L/14.

Facts from the paper and PKU-YuanGroup/LanguageBind (languagebind/video/modeling_video.py): before each block of the
vision tower, the tokens at one position in all frames, with a learned embedding of the frame, attend to each other;
then the block works as in CLIP, frame by frame. The frames' class tokens are averaged after the last norm. Names and
activation are those of the `transformers` version of its OpenCLIP weights: separate projections of queries, keys and
values, exact GELU. Files with low-rank updates (LanguageBind_Video) are merged; LanguageBind_Video_FT has none.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.common.ranges import Channels, Count, Depth, Few, Frames, NotNegative, Side
from videossl.videolanguage.models.base import Video, VideoLanguageModel, end_features
from videossl.videolanguage.models.parts.clip import LOGIT_SCALE, split_frames
from videossl.videolanguage.models.parts.names import hub_names
from videossl.videolanguage.models.registry import register

LORA_FACTOR = 1.0
"""alpha / r of the published low-rank updates (16 / 16)."""


class Attention(nn.Module):
    """Multi-head self-attention with four separate projections: (N, L, D) -> (N, L, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        q, k, v = (
            project(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """The two-layer network of a block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Layer(nn.Module):
    """CLIP's block under the names of `transformers`: (N, L, D) -> (N, L, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.layer_norm1 = nn.LayerNorm(width)
        self.mlp = MLP(width)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x), causal)
        return x + self.mlp(self.layer_norm2(x))


class TemporalLayer(Layer):
    """A CLIP block after attention over time: (B * T, L, D) -> (B * T, L, D)."""

    def __init__(self, width: int, heads: int, frames: int) -> None:
        super().__init__(width, heads)
        self.temporal_embedding = nn.Parameter(width**-0.5 * torch.randn(1, frames, width))
        self.temporal_attn = Attention(width, heads)
        self.temporal_layer_norm1 = nn.LayerNorm(width)

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        frames, length = self.temporal_embedding.shape[1], x.shape[1]
        over_time = x.unflatten(0, (-1, frames)).transpose(1, 2).flatten(0, 1)  # (B * L, T, D)
        if frames > 1:
            over_time = over_time + self.temporal_embedding
        over_time = over_time + self.temporal_attn(self.temporal_layer_norm1(over_time))
        return super().forward(over_time.unflatten(0, (-1, length)).transpose(1, 2).flatten(0, 1), causal)


class Encoder(nn.Module):
    """A stack of layers."""

    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        for layer in self.layers:
            x = layer(x, causal)
        return x


class VisionEmbeddings(nn.Module):
    """Class token and patches with positions: (N, 3, H, W) -> (N, 1 + L, D)."""

    def __init__(self, size: int, patch: int, width: int) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(width**-0.5 * torch.randn(width))
        self.patch_embedding = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.position_embedding = nn.Embedding((size // patch) ** 2 + 1, width)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, frames: Tensor) -> Tensor:
        patches = self.patch_embedding(frames).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(frames), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding.weight


class VisionModel(nn.Module):
    """Clips (B, 3, T, H, W) -> (B, T, D)."""

    def __init__(self, size: int, patch: int, width: int, layers: int, heads: int, frames: int) -> None:
        super().__init__()
        self.embeddings = VisionEmbeddings(size, patch, width)
        self.pre_layrnorm = nn.LayerNorm(width)  # spelt as in the published files
        self.encoder = Encoder([TemporalLayer(width, heads, frames) for _ in range(layers)])
        self.post_layernorm = nn.LayerNorm(width)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.encoder(self.pre_layrnorm(self.embeddings(split_frames(clips))))
        return self.post_layernorm(x[:, 0]).unflatten(0, (len(clips), -1))


class TextEmbeddings(nn.Module):
    """Tokens and their positions: (P, L) -> (P, L, D)."""

    def __init__(self, context: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(context, width)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.token_embedding(tokens) + self.position_embedding.weight


class TextModel(nn.Module):
    """(P, context) -> (P, D)."""

    def __init__(self, context: int, vocabulary: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(context, vocabulary, width)
        self.encoder = Encoder([Layer(width, heads) for _ in range(layers)])
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.encoder(self.embeddings(tokens), causal=True)
        return end_features(self.final_layer_norm(hidden), tokens)


@register("languagebind")
class LanguageBind(VideoLanguageModel):
    """ViT-L/14 with an embedding per frame in every layer. `test_scale`: factor on the cosines at test; 0: the learned
    one."""

    def __init__(
        self,
        *,
        size: Side = 224,
        patch: Side = 14,
        width: Channels = 1024,
        layers: Depth = 24,
        heads: Few = 16,
        embed: Channels = 768,
        context: Few = 77,
        vocabulary: Count = 49408,
        text_width: Channels = 768,
        text_layers: Depth = 12,
        text_heads: Few = 12,
        frames: Frames = 8,
        test_scale: NotNegative = 100.0,
    ) -> None:
        super().__init__()
        self.context, self.frames, self.test_scale = context, frames, test_scale
        self.text_model = TextModel(context, vocabulary, text_width, text_layers, text_heads)
        self.vision_model = VisionModel(size, patch, width, layers, heads, frames)
        self.visual_projection = nn.Linear(width, embed, bias=False)
        self.text_projection = nn.Linear(text_width, embed, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(LOGIT_SCALE))

    def encode_text(self, tokens: Tensor) -> Tensor:
        return self.text_projection(self.text_model(tokens))

    def encode_video(self, clips: Tensor) -> Video:
        self.check_clips(clips)
        frames = self.vision_model(clips)
        return Video(self.visual_projection(frames.mean(dim=1)))

    def start_from(self, clip: Mapping[str, Tensor]) -> None:
        """Start from CLIP. Attention over time starts with the weights of spatial attention, but initially adds
        nothing."""
        self._take_over(hub_names(clip))
        for layer in self.vision_model.encoder.layers:
            layer.temporal_attn.load_state_dict(layer.self_attn.state_dict())
            layer.temporal_layer_norm1.load_state_dict(layer.layer_norm1.state_dict())
            nn.init.zeros_(layer.temporal_attn.out_proj.weight)
            nn.init.zeros_(layer.temporal_attn.out_proj.bias)
            nn.init.zeros_(layer.temporal_embedding)

    @classmethod
    def convert(cls, state: Mapping[str, Tensor], base: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        found = {}
        for name, value in state.items():
            plain = name.replace("encoder.base_model.model.", "encoder.").replace(".base_layer.", ".")
            if ".lora_" in plain or plain.endswith(".position_ids"):
                continue
            stem = name.removesuffix(".base_layer.weight").removesuffix(".weight")
            down, up = (state.get(f"{stem}.lora_{part}.default.weight") for part in "AB")
            found[plain] = value if down is None or name.endswith(".bias") else value + LORA_FACTOR * up @ down
        return found
