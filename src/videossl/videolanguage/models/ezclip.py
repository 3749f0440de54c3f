"""EZ-CLIP (Ahmad et al. 2023): CLIP with temporal visual prompts and adapters; the rest of CLIP is frozen.

Facts from the paper and Shahzadnit/EZ-CLIP (clip/model.py, utils/KLLoss.py): before each block of the vision tower, a
learned prompt per frame plus the mean of the frame's tokens passes the block's own attention, over the frames. Each
frame then sees its prompt as an additional token, which is dropped after the attention. Both towers have a bottleneck
adapter between attention and MLP. Features of frames are averaged. Training adds a loss that makes them differ.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from videossl.common.ranges import Channels, Count, Depth, Few, Frames, NotNegative, Side
from videossl.videolanguage.models.base import Video, VideoLanguageModel
from videossl.videolanguage.models.parts.clip import LOGIT_SCALE, Block, TextTower, VisualTower, split_frames
from videossl.videolanguage.models.registry import register


class Adapter(nn.Module):
    """Two layers with a bottleneck of a quarter and a shortcut; initially the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.D_fc1 = nn.Linear(width, width // 4)
        self.act = nn.GELU()
        self.D_fc2 = nn.Linear(width // 4, width)
        nn.init.zeros_(self.D_fc2.weight)
        nn.init.zeros_(self.D_fc2.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.D_fc2(self.act(self.D_fc1(x)))


class AdaptedBlock(Block):
    """A block with an adapter after its attention, and room for one additional token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.Adapter = Adapter(width)

    def forward(self, x: Tensor, causal: bool = False, prompts: Tensor | None = None) -> Tensor:
        """(N, L, D); `prompts` (T, D) of the frames of a clip, N = B * T -> (N, L, D)."""
        length = x.shape[1]
        if prompts is not None:
            # One prompt per frame, shifted by the frame's content, then mixed over the frames: (B, T, D).
            mixed = self.attend(prompts + x.mean(dim=1).unflatten(0, (-1, len(prompts))))
            x = torch.cat([x, mixed.flatten(0, 1)[:, None]], dim=1)
        x = self.Adapter((x + self.attend(x, causal))[:, :length])
        return x + self.mlp(self.ln_2(x))


class PromptedTower(VisualTower):
    """The vision tower with temporal prompts: frames (B * T, 3, H, W) -> (B * T, embed)."""

    def __init__(self, size: int, patch: int, width: int, layers: int, heads: int, embed: int, frames: int) -> None:
        super().__init__(size, patch, width, layers, heads, embed, AdaptedBlock)
        self.temporal_embedding = nn.Parameter(torch.zeros(1, frames, width))
        self.transformer.T_prompt_embeddings = nn.Parameter(torch.empty(layers, frames, width))
        bound = (6 / (3 * 16 * 16 + width)) ** 0.5
        nn.init.uniform_(self.transformer.T_prompt_embeddings, -bound, bound)

    def forward(self, frames: Tensor) -> Tensor:
        x = self.tokens(frames).unflatten(0, (-1, self.temporal_embedding.shape[1]))
        x = self.ln_pre((x + self.temporal_embedding[:, :, None]).flatten(0, 1))
        for block, prompts in zip(self.transformer.resblocks, self.transformer.T_prompt_embeddings, strict=True):
            x = block(x, prompts=prompts)
        return self.ln_post(x[:, 0]) @ self.proj


@register("ezclip")
class EZCLIP(TextTower, VideoLanguageModel):
    """ViT-B/16 with about 5 M parameters of its own; one prompt per frame. `test_scale`: factor on the cosines at test;
    0: the learned one."""

    def __init__(
        self,
        *,
        size: Side = 224,
        patch: Side = 16,
        width: Channels = 768,
        layers: Depth = 12,
        heads: Few = 12,
        embed: Channels = 512,
        context: Few = 77,
        vocabulary: Count = 49408,
        text_width: Channels = 512,
        text_layers: Depth = 12,
        text_heads: Few = 8,
        frames: Frames = 16,
        test_scale: NotNegative = 100.0,
    ) -> None:
        super().__init__(context, vocabulary, text_width, text_layers, text_heads, embed, AdaptedBlock)
        self.context, self.frames, self.test_scale = context, frames, test_scale
        self.visual = PromptedTower(size, patch, width, layers, heads, embed, frames)
        self.logit_scale = nn.Parameter(torch.tensor(LOGIT_SCALE))

    def encode_video(self, clips: Tensor) -> Video:
        self.check_clips(clips)
        frames = self.visual(split_frames(clips)).unflatten(0, (len(clips), -1))
        return Video(frames.mean(dim=1), frames)

    def start_from(self, clip: Mapping[str, Tensor]) -> None:
        """Start from CLIP and freeze it: only prompts and adapters are trained."""
        super().start_from(clip)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_("Adapter" in name or "prompt" in name)
