"""C3D with batch normalisation, up to its last convolution: 27.66 M parameters, 77.22 GFLOPs per clip of 16x112x112.

Tran et al. 2015, in the version that the paper's Table 10 identifies: that of the video-clip-order-prediction code
(xudejing/video-clip-order-prediction, models/c3d.py). It differs from the network of 2015 by batch normalisation after
every convolution, and by global pooling instead of the fifth max-pool and the two layers of 4096 units.

Weights are initialised with torch's defaults, as in that code.
"""

from __future__ import annotations

from torch import Tensor, nn

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.registry import register
from videossl.common.ranges import Width

STAGES = ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))  # channels and convolutions of each stage


def conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """3x3x3 convolution, BN, ReLU. As in the reference, the convolution has a bias, which BN makes redundant."""
    return nn.Sequential(nn.Conv3d(channels_in, channels_out, 3, padding=1), nn.BatchNorm3d(channels_out), nn.ReLU())


def max_pool(in_time: int) -> nn.MaxPool3d:
    """Max-pool that halves H and W, and divides T by `in_time`.

    Odd T, H or W are rounded up, so that a short or small clip never becomes empty. The reference rounds down and drops
    the last row or frame. At 16x112x112 no size is odd.
    """
    return nn.MaxPool3d((in_time, 2, 2), stride=(in_time, 2, 2), ceil_mode=True)


@register("c3d")
class C3D(Backbone):
    """Eight 3x3x3 convolutions in five stages with max-pooling in between. Features are the mean of the last map.

    Maps of a clip of 16x112x112: 64x16x112x112, 128x16x56x56, 256x8x28x28, 512x4x14x14, 512x2x7x7.
    """

    title = "C3D"
    place = 40

    def __init__(self, *, width: Width = 1.0) -> None:
        super().__init__()
        channels, layers = 3, nn.Sequential()
        for number, (planes, convolutions) in enumerate(STAGES, start=1):
            if number > 1:
                # The first pool keeps all frames, "not to merge the temporal signal too early" (2015, section 3).
                layers.add_module(f"pool{number - 1}", max_pool(in_time=1 if number == 2 else 2))
            for letter in "ab"[:convolutions]:
                planes_scaled = scale_channels(planes, width, multiple=4)
                layers.add_module(f"conv{number}{letter}", conv_block(channels, planes_scaled))
                channels = planes_scaled
        self.layers = layers
        self.feature_dim = self.map_channels = channels

    def trunk(self, x: Tensor) -> Tensor:
        return self.layers(x)
