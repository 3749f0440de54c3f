"""ViFi-CLIP (Rasheed et al. 2023): CLIP, frame by frame, with averaged features of frames; finetuned as a whole.

Facts from the paper and muzairkhattak/ViFi-CLIP (trainers/vificlip.py, utils/tools.py). The published file names the
towers `image_encoder` and `text_encoder`. Instead of the table of token embeddings it has the embedded prompts of its
training classes; the table is CLIP's own, which was frozen, and must be loaded from there.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from videossl.common.errors import UserError
from videossl.common.ranges import Channels, Count, Depth, Few, Frames, Side
from videossl.videolanguage.models.base import Video, VideoLanguageModel
from videossl.videolanguage.models.parts.clip import LOGIT_SCALE, TextTower, VisualTower, split_frames
from videossl.videolanguage.models.registry import register

PROMPTS = "prompt_learner."
NOT_TRAINED = "token_embedding.weight"


@register("vificlip")
class ViFiCLIP(TextTower, VideoLanguageModel):
    """ViT-B/16; any number of frames."""

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
        frames: Frames = 32,
    ) -> None:
        super().__init__(context, vocabulary, text_width, text_layers, text_heads, embed)
        self.context, self.frames = context, frames
        self.visual = VisualTower(size, patch, width, layers, heads, embed)
        self.logit_scale = nn.Parameter(torch.tensor(LOGIT_SCALE))

    def encode_video(self, clips: Tensor) -> Video:
        frames = self.visual(split_frames(clips)).unflatten(0, (len(clips), -1))
        return Video(frames.mean(dim=1), frames)

    @classmethod
    def convert(cls, state: Mapping[str, Tensor], base: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        found = {}
        for name, value in state.items():
            if name.startswith("image_encoder."):
                name = "visual." + name.removeprefix("image_encoder.")
            if not name.startswith(PROMPTS):
                found[name.removeprefix("text_encoder.")] = value
        if NOT_TRAINED not in found:
            if base is None or NOT_TRAINED not in base:
                raise UserError(
                    f"ViFi-CLIP's file has no `{NOT_TRAINED}`: it was not trained and is CLIP's own. Name the "
                    "CLIP ViT-B/16 state dict of openai/CLIP as `vifm.weights.vificlip.base`."
                )
            found[NOT_TRAINED] = base[NOT_TRAINED]
        return found
