"""X-CLIP (Ni et al. 2022) through `transformers`: frames exchange messages, and texts are conditioned on the video.

The modules are those of `transformers.XCLIPModel`, so its published state dicts fit unchanged. This file only splits
its forward pass into text features (once per class), video features (once per clip) and their comparison, in which a
small decoder adds to each text what it reads from the clip's patches.
"""

from __future__ import annotations

import videossl.common.torchvision_operators  # noqa: F401  transformers imports torchvision

# isort: split
from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F
from transformers import XCLIPConfig, XCLIPModel

from videossl.common.ranges import Channels, Count, Depth, Few, Frames, Side
from videossl.videolanguage.models.base import Video, VideoLanguageModel
from videossl.videolanguage.models.parts.clip import split_frames
from videossl.videolanguage.models.parts.names import hub_names
from videossl.videolanguage.models.registry import register


@register("xclip")
class XCLIP(VideoLanguageModel):
    """ViT-B/16 for 32 frames (xclip-base-patch16-zero-shot), with positions per frame."""

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
        mit_layers: Depth = 1,
        mit_heads: Few = 8,
        prompt_layers: Depth = 2,
        prompt_heads: Few = 8,
    ) -> None:
        super().__init__()
        self.context, self.frames = context, frames
        text = {
            "vocab_size": vocabulary, "hidden_size": text_width, "intermediate_size": 4 * text_width,
            "num_hidden_layers": text_layers, "num_attention_heads": text_heads, "max_position_embeddings": context,
            # Anything but 2: with 2, `transformers` takes the largest number of a text as its end, as CLIP does.
            "eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1,
        }  # fmt: skip
        vision = {
            "hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
            "num_attention_heads": heads, "image_size": size, "patch_size": patch, "num_frames": frames,
            "mit_hidden_size": embed, "mit_intermediate_size": 4 * embed, "mit_num_hidden_layers": mit_layers,
            "mit_num_attention_heads": mit_heads,
        }  # fmt: skip
        config = XCLIPConfig(
            text_config=text,
            vision_config=vision,
            projection_dim=embed,
            prompt_layers=prompt_layers,
            prompt_num_attention_heads=prompt_heads,
        )
        model = XCLIPModel(config)
        for name, module in model.named_children():
            self.add_module(name, module)
        self.logit_scale, self.prompts_visual_projection = model.logit_scale, model.prompts_visual_projection

    def encode_text(self, tokens: Tensor) -> Tensor:
        return self.text_projection(self.text_model(input_ids=tokens).pooler_output)

    def encode_video(self, clips: Tensor) -> Video:
        self.check_clips(clips)
        seen = self.vision_model(pixel_values=split_frames(clips))
        frames = self.visual_projection(seen.pooler_output).unflatten(0, (len(clips), -1))
        patches = self.prompts_visual_layernorm(seen.last_hidden_state[:, 1:]) @ self.prompts_visual_projection
        return Video(self.mit(frames).pooler_output, patches=patches.unflatten(0, (len(clips), -1)).mean(dim=1))

    def cosines(self, video: Video, texts: Tensor) -> Tensor:
        texts = texts.expand(len(video.features), -1, -1)
        texts = texts + self.prompts_generator(texts, video.patches)
        return (F.normalize(texts, dim=-1) @ F.normalize(video.features, dim=-1)[:, :, None])[:, :, 0]

    def start_from(self, clip: Mapping[str, Tensor]) -> None:
        spelt = {name.replace("pre_layrnorm", "pre_layernorm"): value for name, value in hub_names(clip).items()}
        self._take_over(spelt)

    @classmethod
    def convert(cls, state: Mapping[str, Tensor], base: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        # Older releases of transformers saved the position numbers, which are 0, 1, 2, ...
        return {name: value for name, value in state.items() if not name.endswith(".position_ids")}
