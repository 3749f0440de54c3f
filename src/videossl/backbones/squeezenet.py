"""3D SqueezeNet 1.1 with identity shortcuts: 1.89 M parameters, 1.84 GFLOPs per clip of 16x112x112.

Iandola et al. 2016, extended to 3D as in Efficient-3DCNNs (okankop/Efficient-3DCNNs, models/squeezenet.py), with batch
normalisation. The paper's 1.89 M (its Table 10) include a classifier of 101 classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.registry import register
from videossl.common.ranges import Width

STEM = 64
STAGES = (
    (16, 64),
    (32, 128),
    (48, 192),
    (64, 256),
)  # per stage, for both fire modules: squeeze channels, expand channels


class Fire(nn.Module):
    """Fire module: squeeze by 1x1x1, expand by 1x1x1 and 3x3x3 and concatenate; `bypass` adds the input.

    (N, channels_in, T, H, W) -> (N, 2 * expanded, T, H, W). BN follows all three convolutions, ReLU the first one and
    the sum. As in the reference, the convolutions have biases, which BN makes redundant.
    """

    def __init__(self, channels_in: int, squeezed: int, expanded: int, bypass: bool) -> None:
        super().__init__()
        self.bypass = bypass
        self.squeeze = nn.Sequential(nn.Conv3d(channels_in, squeezed, 1), nn.BatchNorm3d(squeezed), nn.ReLU())
        self.expand1 = nn.Sequential(nn.Conv3d(squeezed, expanded, 1), nn.BatchNorm3d(expanded))
        self.expand3 = nn.Sequential(nn.Conv3d(squeezed, expanded, 3, padding=1), nn.BatchNorm3d(expanded))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.squeeze(x)
        expanded = torch.cat([self.expand1(squeezed), self.expand3(squeezed)], dim=1)
        return self.relu(x + expanded if self.bypass else expanded)


@register("squeezenet")
class SqueezeNet(Backbone):
    """Stem and four stages of a max-pool and two fire modules. Features are the mean of the last map.

    Maps of a clip of 16x112x112: 64x16x56x56 (stem), 128x8x28x28, 256x4x14x14, 384x2x7x7, 512x1x4x4.

    The reference classifies every position of the last map by a 1x1x1 convolution and ReLU, and averages the scores.
    Here, as for every backbone, a linear classifier reads the averaged map: it has as many parameters and costs 0.003
    GFLOPs less.
    """

    title = "SqueezeNet"
    place = 30

    counted_classes: ClassVar[int] = 101

    def __init__(self, *, width: Width = 1.0) -> None:
        super().__init__()
        channels = scale_channels(STEM, width, multiple=4)
        self.stem = nn.Sequential(
            nn.Conv3d(3, channels, 3, stride=(1, 2, 2), padding=1), nn.BatchNorm3d(channels), nn.ReLU()
        )
        stages = []
        for planes in STAGES:
            squeezed, expanded = (scale_channels(each, width, multiple=4) for each in planes)
            first = Fire(channels, squeezed, expanded, bypass=False)
            second = Fire(2 * expanded, squeezed, expanded, bypass=True)
            stages.append(nn.Sequential(nn.MaxPool3d(3, stride=2, padding=1), first, second))
            channels = 2 * expanded
        self.stage1, self.stage2, self.stage3, self.stage4 = stages
        self.feature_dim = self.map_channels = channels
        for module in self.modules():
            if isinstance(module, nn.Conv3d):  # biases keep torch's default, as in the reference
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def trunk(self, x: Tensor) -> Tensor:
        for stage in (self.stem, self.stage1, self.stage2, self.stage3, self.stage4):
            x = stage(x)
        return x
