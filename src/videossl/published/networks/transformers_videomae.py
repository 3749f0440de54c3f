"""transformers' VideoMAE, `VideoMAEModel`: ViT-B by default, 86.2 M parameters.

Tong et al. 2022. Published weights of this format: MCG-NJU/videomae-base and others on the Hugging Face hub. Files of
`VideoMAEForPreTraining` and `VideoMAEForVideoClassification` are read as well; their decoder or classifier is left out.
The input stated here is that of transformers' own processor; VideoMAE's clips of Kinetics-400 have every 4th frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torch import Tensor, nn
from transformers import VideoMAEConfig, VideoMAEModel

from videossl.common.ranges import Channels, Depth, Few, Frames, Positive, Side
from videossl.published.networks.base import LibraryNetwork, differences
from videossl.published.networks.registry import register

PREFIX, OWN = "videomae.", "model."
BIASES = {"q_bias": "query.bias", "v_bias": "value.bias"}
"""Names of older files, by which transformers 4 knows them, and of newer ones."""
OWN_OPTIONS = ("fc_norm",)
"""Options that the library's configuration does not have."""
FIXED = {"hidden_act": "gelu", "num_channels": 3}


@register("transformers_videomae")
class VideoMAE(LibraryNetwork):
    """Tubes of pixels as tokens, blocks over all of them. Features are the mean of the tokens.

    Options have the names and meanings of the library's `VideoMAEConfig`, except:

    Args:
        use_mean_pooling: true for networks that were finetuned: they have no final layer norm.
        fc_norm: normalise the mean of the tokens with the layer norm before the classifier of
            `VideoMAEForVideoClassification`.
    """

    title = "VideoMAE's ViT"
    gflops: ClassVar[float] = 180.0
    frames: ClassVar[int] = 16
    size: ClassVar[int] = 224
    stride: ClassVar[int] = 4
    resize_short: ClassVar[int] = 224
    mean: ClassVar[list[float]] = [0.485, 0.456, 0.406]
    std: ClassVar[list[float]] = [0.229, 0.224, 0.225]
    heads: ClassVar[tuple[str, ...]] = ("decoder.", "encoder_to_decoder.", "mask_token", "classifier.", "fc_norm.")

    def __init__(
        self,
        *,
        image_size: Side = 224,
        patch_size: Side = 16,
        num_frames: Frames = 16,
        tubelet_size: Few = 2,
        hidden_size: Channels = 768,
        num_hidden_layers: Depth = 12,
        num_attention_heads: Few = 12,
        intermediate_size: Channels = 3072,
        layer_norm_eps: Positive = 1e-12,
        qv_bias: bool = True,
        use_mean_pooling: bool = False,
        fc_norm: bool = False,
    ) -> None:
        super().__init__()
        config = VideoMAEConfig(
            image_size=image_size,
            patch_size=patch_size,
            num_frames=num_frames,
            tubelet_size=tubelet_size,
            hidden_size=hidden_size,
            num_hidden_layers=num_hidden_layers,
            num_attention_heads=num_attention_heads,
            intermediate_size=intermediate_size,
            layer_norm_eps=layer_norm_eps,
            qkv_bias=qv_bias,  # transformers 4 and 5 both know this name
            use_mean_pooling=use_mean_pooling,
        )
        self.model = VideoMAEModel(config)
        self.fc_norm = nn.LayerNorm(hidden_size) if fc_norm else nn.Identity()
        self.clip = (num_frames, image_size)
        side = image_size // patch_size
        self.grid = (num_frames // tubelet_size, side, side)
        self.feature_dim = self.map_channels = hidden_size

    @classmethod
    def converted(cls, state: Mapping[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
        found = {}
        for name, value in state.items():
            short = name.removeprefix(PREFIX)
            if short.startswith(cls.heads) and short not in own:
                continue
            old = next((old for old in BIASES if short.endswith(f".{old}")), None)
            if old and f"{OWN}{short}" not in own:
                short = f"{short.removesuffix(old)}{BIASES[old]}"
            found[short if short in own else f"{OWN}{short}"] = value
        return found

    @classmethod
    def contradictions(cls, options: Mapping[str, object], said: Mapping[str, Any]) -> list[str]:
        wanted = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
        if "qkv_bias" in said:
            said = {**said, "qv_bias": said["qkv_bias"]}
        return differences({**wanted, **FIXED}, said)

    def trunk(self, x: Tensor) -> Tensor:
        tokens = self.model(x.transpose(1, 2)).last_hidden_state  # (N, L, D)
        return tokens.transpose(1, 2).unflatten(2, self.grid)

    def embed(self, feature_map: Tensor) -> Tensor:
        return self.fc_norm(feature_map.flatten(2).transpose(1, 2).mean(1))
