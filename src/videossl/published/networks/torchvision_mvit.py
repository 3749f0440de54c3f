"""torchvision's MViT: `mvit_v2_s` by default, `mvit_v1_b` with `version: v1`.

Fan et al. 2021; Li et al. 2022. Published weights: supervised, on Kinetics-400, at 7.5 frames per second
(torchvision.models.video.MViT_V2_S_Weights, whose transforms are the input stated here).

Features are the class token, which the library's classifier reads. This project's own `mvit` takes the mean of the
patch tokens instead, and clips of any size.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torch import Tensor
from torchvision.models.video import mvit as torchvision_mvit

from videossl.backbones.mvit import PATCH_STRIDE, VERSIONS, block_settings
from videossl.backbones.parts.tokens import check_depths
from videossl.common.ranges import Channels, Depths, Frames, ShareBelowOne, Side
from videossl.published.networks.base import LibraryNetwork, without_in_place
from videossl.published.networks.registry import register


@register("torchvision_mvit")
class TorchvisionMViT(LibraryNetwork):
    """Overlapping patches and up to four stages. The map has the patch tokens, the features are the class token.

    Args:
        version: v2 or v1.
        channels: of the first stage.
        depths: number of blocks per stage.
        drop_path: probability of dropping a branch in the last block.
        num_frames, image_size: the only shape of a clip that it takes, as in the library.
    """

    title = "MViT"
    gflops: ClassVar[float] = 64.22
    frames: ClassVar[int] = 16
    size: ClassVar[int] = 224
    stride: ClassVar[int] = 4
    resize_short: ClassVar[int] = 256
    mean: ClassVar[list[float]] = [0.45, 0.45, 0.45]
    std: ClassVar[list[float]] = [0.225, 0.225, 0.225]
    heads: ClassVar[tuple[str, ...]] = ("head.",)
    heavy: ClassVar[tuple[str, ...]] = ("tokens",)

    def __init__(
        self,
        *,
        version: Literal["v1", "v2"] = "v2",
        channels: Channels = 96,
        depths: Depths = [1, 2, 11, 2],  # noqa: B006
        drop_path: ShareBelowOne = 0.2,
        num_frames: Frames = 16,
        image_size: Side = 224,
    ) -> None:
        super().__init__()
        check_depths("torchvision_mvit", depths, stages=4)
        network = torchvision_mvit.MViT(
            spatial_size=(image_size, image_size),
            temporal_size=num_frames,
            block_setting=block_settings(version, channels, depths),
            residual_with_cls_embed=False,
            stochastic_depth_prob=drop_path,
            num_classes=1,
            patch_embed_stride=PATCH_STRIDE,
            **VERSIONS[version],
        )
        without_in_place(network)
        self.clip = (num_frames, image_size)
        self.conv_proj, self.pos_encoding = network.conv_proj, network.pos_encoding
        self.blocks, self.norm = network.blocks, network.norm
        self.feature_dim = self.map_channels = self.norm.normalized_shape[0]

    def tokens(self, x: Tensor) -> Tensor:
        """Class token and patch tokens: (N, 3, T, H, W) -> (N, 1 + t*h*w, C)."""
        x = self.pos_encoding(self.conv_proj(x).flatten(2).transpose(1, 2))
        grid = (self.pos_encoding.temporal_size, *self.pos_encoding.spatial_size)
        for block in self.blocks:
            x, grid = block(x, grid)
        return self.norm(x)

    def trunk(self, x: Tensor) -> Tensor:
        tokens = self.tokens(x)
        frames = self.pos_encoding.temporal_size
        side = math.isqrt((tokens.shape[1] - 1) // frames)
        return tokens[:, 1:].transpose(1, 2).unflatten(2, (frames, side, side))

    def forward(self, x: Tensor) -> Tensor:
        self._check_clip(x)
        return self.tokens(x)[:, 0]
