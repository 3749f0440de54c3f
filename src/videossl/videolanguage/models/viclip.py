"""ViCLIP (Wang et al. 2023, "InternVid"): CLIP with joint attention over all patches of all frames, ViT-L/14.

Facts from the paper and OpenGVLab/InternVideo (Data/InternVid/viclip): the patches of all frames, with learned
positions in space and in time, and one class token per clip; texts of 32 tokens. `temp` is a temperature, by which the
cosines are divided. Training leaves most patches out (masking, 90 %); testing leaves out none.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from videossl.common.ranges import Channels, Count, Depth, Few, Frames, NotNegative, ShareBelowOne, Side
from videossl.videolanguage.models.base import Video, VideoLanguageModel
from videossl.videolanguage.models.parts.clip import TextTower, Transformer
from videossl.videolanguage.models.registry import register


class JointTower(nn.Module):
    """Joint space-time attention: (B, 3, T, H, W) -> (B, embed)."""

    def __init__(
        self, size: int, patch: int, width: int, layers: int, heads: int, embed: int, frames: int, masking: float
    ) -> None:
        super().__init__()
        self.masking = masking
        self.conv1 = nn.Conv3d(3, width, (1, patch, patch), stride=(1, patch, patch), bias=False)
        self.class_embedding = nn.Parameter(width**-0.5 * torch.randn(width))
        self.positional_embedding = nn.Parameter(width**-0.5 * torch.randn((size // patch) ** 2 + 1, width))
        self.temporal_positional_embedding = nn.Parameter(torch.zeros(1, frames, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(width**-0.5 * torch.randn(width, embed))

    def forward(self, clips: Tensor) -> Tensor:
        patches = self.conv1(clips).flatten(3).permute(0, 2, 3, 1)  # (B, T, L, width)
        patches = patches + self.positional_embedding[1:] + self.temporal_positional_embedding[:, :, None]
        patches = self._seen(patches.flatten(1, 2))
        first = (self.class_embedding + self.positional_embedding[0]).expand(len(clips), 1, -1)
        x = self.transformer(self.ln_pre(torch.cat([first, patches], dim=1)))
        return self.ln_post(x[:, 0]) @ self.proj

    def _seen(self, patches: Tensor) -> Tensor:
        """In training, a random part of the patches (B, L, D), the same number for each clip."""
        if not self.training or not self.masking:
            return patches
        kept = max(1, patches.shape[1] - int(self.masking * patches.shape[1]))
        order = torch.rand(patches.shape[:2], device=patches.device).argsort(dim=1)[:, :kept]
        return torch.take_along_dim(patches, order[:, :, None], dim=1)


@register("viclip")
class ViCLIP(VideoLanguageModel):
    """ViT-L/14 with positions per frame. `masking`: fraction of patches left out in training. `test_scale`: factor on
    the cosines at test; 0: the learned one."""

    def __init__(
        self,
        *,
        size: Side = 224,
        patch: Side = 14,
        width: Channels = 1024,
        layers: Depth = 24,
        heads: Few = 16,
        embed: Channels = 768,
        context: Few = 32,
        vocabulary: Count = 49408,
        text_width: Channels = 768,
        text_layers: Depth = 12,
        text_heads: Few = 12,
        frames: Frames = 8,
        masking: ShareBelowOne = 0.9,
        test_scale: NotNegative = 100.0,
    ) -> None:
        super().__init__()
        self.context, self.frames, self.test_scale = context, frames, test_scale
        self.vision_encoder = JointTower(size, patch, width, layers, heads, embed, frames, masking)
        self.text_encoder = TextTower(context, vocabulary, text_width, text_layers, text_heads, embed)
        self.temp = nn.Parameter(torch.tensor(0.01))

    def encode_text(self, tokens: Tensor) -> Tensor:
        return self.text_encoder.encode_text(tokens)

    def encode_video(self, clips: Tensor) -> Video:
        self.check_clips(clips)
        return Video(self.vision_encoder(clips))

    def start_from(self, clip: Mapping[str, Tensor]) -> None:
        found = {}
        for name, value in clip.items():
            if name == "visual.conv1.weight":
                value = value[:, :, None]  # a kernel of one frame
            if name != "logit_scale":
                tower = "vision_encoder." if name.startswith("visual.") else "text_encoder."
                found[tower + name.removeprefix("visual.")] = value
        self._take_over({**found, "temp": (-clip["logit_scale"]).exp()})

    def learned_scale(self) -> Tensor:
        """1 / temperature; the temperature is at least 0.01."""
        return 1 / self.temp.clamp(min=0.01)
