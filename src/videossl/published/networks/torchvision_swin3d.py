"""torchvision's Video Swin Transformer: `swin3d_t` by default, `swin3d_s` and `swin3d_b` by options.

Liu et al. 2022. Published weights: supervised, on Kinetics-400, at 15 frames per second
(torchvision.models.video.Swin3D_T_Weights, whose transforms are the input stated here). `depths: [2, 2, 18, 2]` is
swin3d_s; with `channels: 128` it is swin3d_b.
"""

from __future__ import annotations

from typing import ClassVar

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torch import Tensor
from torchvision.models.video.swin_transformer import SwinTransformer3d

from videossl.backbones.parts.tokens import check_depths
from videossl.common.ranges import Channels, Depths, ShareBelowOne
from videossl.published.networks.base import LibraryNetwork, without_in_place
from videossl.published.networks.registry import register

HEAD_CHANNELS = 32


@register("torchvision_swin3d")
class Swin3D(LibraryNetwork):
    """Patches and up to four stages. Features are the mean of the last, normalised map.

    Args:
        channels: of the first stage; each later stage doubles them. One attention head per 32.
        depths: number of blocks per stage.
        drop_path: probability of dropping a branch in the last block.
    """

    title = "Swin3D"
    gflops: ClassVar[float] = 43.88
    frames: ClassVar[int] = 32
    size: ClassVar[int] = 224
    stride: ClassVar[int] = 2
    resize_short: ClassVar[int] = 256
    mean: ClassVar[list[float]] = [0.485, 0.456, 0.406]
    std: ClassVar[list[float]] = [0.229, 0.224, 0.225]
    heads: ClassVar[tuple[str, ...]] = ("head.",)

    def __init__(
        self,
        *,
        channels: Channels = 96,
        depths: Depths = [2, 2, 6, 2],  # noqa: B006
        drop_path: ShareBelowOne = 0.1,
    ) -> None:
        super().__init__()
        check_depths("torchvision_swin3d", depths, stages=4)
        network = SwinTransformer3d(
            patch_size=[2, 4, 4],
            embed_dim=channels,
            depths=list(depths),
            num_heads=[max(1, channels // HEAD_CHANNELS) * 2**stage for stage in range(len(depths))],
            window_size=[8, 7, 7],
            stochastic_depth_prob=drop_path,
            num_classes=1,
        )
        without_in_place(network)
        self.patch_embed, self.pos_drop = network.patch_embed, network.pos_drop
        self.features, self.norm = network.features, network.norm
        self.feature_dim = self.map_channels = network.num_features

    def trunk(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.features(self.pos_drop(self.patch_embed(x))))  # (N, t, h, w, C)
        return tokens.permute(0, 4, 1, 2, 3)
