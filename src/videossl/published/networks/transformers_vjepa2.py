"""transformers' V-JEPA 2, the encoder of `VJEPA2Model`: ViT-L by default, 304 M parameters.

Assran et al. 2025. Published weights of this format: facebook/vjepa2-vitl-fpc64-256 and others on the Hugging Face hub.
Files of `VJEPA2ForVideoClassification` are read as well. The predictor, or the pooler and the classifier, are left out.
The input stated here is that of transformers' own processor and configuration; every 4th frame is taken, as in the
released evaluation on Something-Something-V2 (facebookresearch/vjepa2, configs/inference/vitl/ssv2.yaml, with clips of
16 frames).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torch import Tensor
from transformers import VJEPA2Config, VJEPA2Model

from videossl.common.errors import UserError
from videossl.common.ranges import Channels, Depth, Few, Positive, ShareBelowOne, Side
from videossl.published.networks.base import LibraryNetwork, differences
from videossl.published.networks.registry import register

PREFIX = "vjepa2."
TRAINING_ONLY = ("drop_path_rate",)
"""Options that published configurations may give another value, as they do not affect features."""
FIXED = {"hidden_act": "gelu", "in_chans": 3}


@register("transformers_vjepa2")
class VJEPA2(LibraryNetwork):
    """Tubes of pixels as tokens with rotary positions. Features are the mean of the normalised tokens.

    Options have the names and meanings of the library's `VJEPA2Config`. Clips have any number of whole tubes, of
    `crop_size` pixels.
    """

    title = "V-JEPA 2's ViT"
    gflops: ClassVar[float] = 5790.0
    frames: ClassVar[int] = 64
    size: ClassVar[int] = 256
    stride: ClassVar[int] = 4
    resize_short: ClassVar[int] = 292
    mean: ClassVar[list[float]] = [0.485, 0.456, 0.406]
    std: ClassVar[list[float]] = [0.229, 0.224, 0.225]
    heads: ClassVar[tuple[str, ...]] = ("predictor.", "pooler.", "classifier.")

    def __init__(
        self,
        *,
        crop_size: Side = 256,
        patch_size: Side = 16,
        tubelet_size: Few = 2,
        hidden_size: Channels = 1024,
        num_hidden_layers: Depth = 24,
        num_attention_heads: Few = 16,
        mlp_ratio: Positive = 4.0,
        layer_norm_eps: Positive = 1e-6,
        qkv_bias: bool = True,
        drop_path_rate: ShareBelowOne = 0.0,
    ) -> None:
        super().__init__()
        config = VJEPA2Config(
            crop_size=crop_size,
            patch_size=patch_size,
            tubelet_size=tubelet_size,
            hidden_size=hidden_size,
            num_hidden_layers=num_hidden_layers,
            num_attention_heads=num_attention_heads,
            mlp_ratio=mlp_ratio,
            layer_norm_eps=layer_norm_eps,
            qkv_bias=qkv_bias,
            drop_path_rate=drop_path_rate,
            pred_num_hidden_layers=1,  # the predictor is not kept
        )
        self.encoder = VJEPA2Model(config).encoder
        self.tubelet, self.side, self.patches = tubelet_size, crop_size, crop_size // patch_size
        self.feature_dim = self.map_channels = hidden_size

    @classmethod
    def converted(cls, state: Mapping[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
        short = {name.removeprefix(PREFIX): value for name, value in state.items()}
        return super().converted(short, own)

    @classmethod
    def contradictions(cls, options: Mapping[str, object], said: Mapping[str, Any]) -> list[str]:
        wanted = {name: value for name, value in options.items() if name not in TRAINING_ONLY}
        return differences({**wanted, **FIXED}, said)

    def _check_clip(self, x: Tensor) -> None:
        super()._check_clip(x)
        if x.shape[2] % self.tubelet:
            raise UserError(
                f"{type(self).__name__} takes clips of whole tubes of {self.tubelet} frames, not of {x.shape[2]}: set"
                " `input.frames` of the published network."
            )
        self._require_clip(x, x.shape[2], self.side)

    def trunk(self, x: Tensor) -> Tensor:
        tokens = self.encoder(x.transpose(1, 2)).last_hidden_state  # (N, L, D)
        return tokens.transpose(1, 2).unflatten(2, (-1, self.patches, self.patches))

    def embed(self, feature_map: Tensor) -> Tensor:
        return feature_map.flatten(2).transpose(1, 2).mean(1)
