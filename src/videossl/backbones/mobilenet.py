"""3D MobileNetV2 1.0x: 3.06 M parameters, 1.12 GFLOPs per clip of 16x112x112.

Sandler et al. 2018, extended to 3D as in Efficient-3DCNNs (okankop/Efficient-3DCNNs, models/mobilenetv2.py). The
paper's 3.06 M (its Table 10) include a linear layer 1280 -> 512 after the pooled map, and a classifier of 101 classes
after that. Here the linear layer belongs to the network, and its 512 outputs are the features; `embedding=0` leaves it
out.
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor, nn

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.registry import register
from videossl.common.ranges import ChannelsOrNone, Share, ShareBelowOne, Width

STEM, LAST = 32, 1280
# expansion, channels, blocks and stride (in T, H and W) of the first block
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def conv_block(
    channels_in: int, channels_out: int, kernel: int, stride: int | tuple[int, int, int] = 1, groups: int = 1
) -> list[nn.Module]:
    """Convolution (padded, no bias), BN, ReLU6."""
    return [
        nn.Conv3d(channels_in, channels_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm3d(channels_out),
        nn.ReLU6(),
    ]


class InvertedResidual(nn.Module):
    """Expansion by 1x1x1, depth-wise 3x3x3, projection by 1x1x1 without activation.

    The input is added if it has the output's shape. With expansion 1 the first convolution is left out.
    """

    def __init__(self, channels_in: int, channels_out: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.bypass = stride == 1 and channels_in == channels_out
        middle = expansion * channels_in
        self.layers = nn.Sequential(
            *(conv_block(channels_in, middle, 1) if expansion > 1 else []),
            *conv_block(middle, middle, 3, stride, groups=middle),
            nn.Conv3d(middle, channels_out, 1, bias=False),
            nn.BatchNorm3d(channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.bypass else self.layers(x)


@register("mobilenet")
class MobileNet(Backbone):
    """Stem, 17 inverted residual blocks, a 1x1x1 convolution. Features are a linear layer on the pooled last map.

    Maps of a clip of 16x112x112: 32x16x56x56 (stem), 16x16x56x56, 24x8x28x28, 32x4x14x14, 64x2x7x7, 96x2x7x7,
    160x1x4x4, 320x1x4x4, 1280x1x4x4.

    Args:
        embedding: dimension of the features at width 1.0; 0: the pooled map itself.
        dropout: before the linear layer.
        residual_start: initial scale of the last batch normalisation in a residual branch. The reference uses 1. With
            52 batch normalisations on small batches, narrow networks learn more steadily from 0.2 (as in "zero-init
            residual", Goyal et al. 2017, but not 0, so that every weight learns from the first step).
    """

    title = "MobileNet"
    place = 20

    counted_classes: ClassVar[int] = 101

    def __init__(
        self,
        *,
        width: Width = 1.0,
        embedding: ChannelsOrNone = 512,
        dropout: ShareBelowOne = 0.2,
        residual_start: Share = 1.0,
    ) -> None:
        super().__init__()
        channels = scale_channels(STEM, width, multiple=8)
        layers = [nn.Sequential(*conv_block(3, channels, 3, stride=(1, 2, 2)))]
        for expansion, planes, blocks, stride in STAGES:
            planes = scale_channels(planes, width, multiple=8)
            for block in range(blocks):
                layers.append(InvertedResidual(channels, planes, expansion, stride if block == 0 else 1))
                channels = planes
        # Scaled like all other layers; the reference keeps 1280 at widths below 1.
        self.map_channels = scale_channels(LAST, width, multiple=8)
        layers.append(nn.Sequential(*conv_block(channels, self.map_channels, 1)))
        self.layers = nn.Sequential(*layers)
        self.feature_dim = scale_channels(embedding, width, multiple=4) if embedding else self.map_channels
        self.embedding = (
            nn.Sequential(nn.Dropout(dropout), nn.Linear(self.map_channels, self.feature_dim))
            if embedding
            else nn.Identity()
        )
        self.initialise(residual_start)

    def initialise(self, residual_start: float) -> None:
        """Initialise convolutions with N(0, 2 / (k^3 * channels out)), as in the reference.

        The linear layer keeps torch's default. In the reference it is a classifier, drawn from N(0, 0.01^2); as
        features, values that small would give a task's head almost nothing to learn from.
        """
        for module in self.layers.modules():
            if isinstance(module, nn.Conv3d):
                fan = math.prod(module.kernel_size) * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan))
            elif isinstance(module, InvertedResidual) and module.bypass:
                nn.init.constant_(module.layers[-1].weight, residual_start)

    def trunk(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def embed(self, feature_map: Tensor) -> Tensor:
        return self.embedding(super().embed(feature_map))
