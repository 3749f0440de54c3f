"""3D ResNet with one residual block per stage: 14.36 M parameters, 39.84 GFLOPs per clip of 16x112x112.

Tran et al. 2018 (their "R3D"), in the size that the paper's Table 10 identifies: that of the
video-clip-order-prediction code (xudejing/video-clip-order-prediction, models/r3d.py, layer sizes 1/1/1/1), without a
classifier. torchvision's r3d_18 is another network: two blocks per stage and 33.4 M parameters.

Weights are initialised with torch's defaults, as in that code.
"""

from __future__ import annotations

from torch import Tensor, nn

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.registry import register
from videossl.common.ranges import Width


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions and a shortcut. If `downsample`, it halves T, H and W, and the shortcut has a 1x1x1
    convolution."""

    def __init__(self, channels_in: int, channels_out: int, downsample: bool) -> None:
        super().__init__()
        stride = 2 if downsample else 1
        self.conv1 = nn.Conv3d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(channels_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv3d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(channels_out)
        self.shortcut = (
            nn.Sequential(nn.Conv3d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm3d(channels_out))
            if downsample
            else nn.Identity()
        )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return self.relu2(self.shortcut(x) + residual)


@register("r3d")
class R3D(Backbone):
    """Stem and four residual blocks of 64, 128, 256 and 512 channels. Features are the mean of the last map.

    Maps of a clip of 16x112x112: 64x16x56x56 (stem, conv2), 128x8x28x28, 256x4x14x14, 512x2x7x7.
    """

    title = "R3D"
    place = 50

    def __init__(self, *, width: Width = 1.0) -> None:
        super().__init__()
        c2, c3, c4, c5 = (scale_channels(channels, width, multiple=4) for channels in (64, 128, 256, 512))
        self.feature_dim = self.map_channels = c5
        # 3x7x7, halves H and W only; this network has no max-pooling.
        self.conv1 = nn.Sequential(
            nn.Conv3d(3, c2, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), nn.BatchNorm3d(c2), nn.ReLU()
        )
        self.conv2 = ResidualBlock(c2, c2, downsample=False)
        self.conv3 = ResidualBlock(c2, c3, downsample=True)
        self.conv4 = ResidualBlock(c3, c4, downsample=True)
        self.conv5 = ResidualBlock(c4, c5, downsample=True)

    def trunk(self, x: Tensor) -> Tensor:
        for stage in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            x = stage(x)
        return x
