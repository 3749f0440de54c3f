"""3D ShuffleNet V1 2.0x with 3 groups: 4.59 M parameters, 1.08 GFLOPs per clip of 16x112x112.

Zhang et al. 2018, extended to 3D as in Efficient-3DCNNs (okankop/Efficient-3DCNNs, models/shufflenet.py). The paper's
4.59 M (its Table 10) include a linear layer 1920 -> 512 after the pooled map. That layer therefore belongs to the
network here, and its 512 outputs are the features. `embedding=0` leaves it out (3.61 M, features of 1920).

Weights are initialised with torch's defaults, as in that code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.registry import register
from videossl.common.ranges import ChannelsOrNone, ShareBelowOne, Width

GROUPS = 3
STEM = 48  # channels of the 2.0x network
STAGES = (
    (480, 4),
    (960, 8),
    (1920, 4),
)  # channels and blocks of each stage; its first block halves T, H and W


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave the channels of groups: (N, g*C, ...), seen as g rows of C channels, is read column by column.

    In one copy, which has the memory format of `x`.
    """
    if x.is_contiguous():
        return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)
    last = x.movedim(1, -1)  # channels last: (N, ..., g*C) in memory
    return last.unflatten(-1, (groups, -1)).transpose(-2, -1).flatten(-2).movedim(-1, 1)


class ShuffleBlock(nn.Module):
    """Grouped 1x1x1, shuffle, depth-wise 3x3x3, grouped 1x1x1, with a shortcut.

    If input and output have the same number of channels, the shortcut is added. With `downsample` it is average-pooled
    and *concatenated*, so the branch computes only the missing channels.

    The first 1x1x1 is grouped in the first block of the network too. The reference makes an exception for 24 input
    channels, which never occurs at 2.0x (48 channels); the parameter count agrees.
    """

    def __init__(self, channels_in: int, channels_out: int, downsample: bool) -> None:
        super().__init__()
        middle = channels_out // 4
        stride = 2 if downsample else 1
        made = channels_out - channels_in if downsample else channels_out
        self.downsample = downsample
        self.conv1 = nn.Conv3d(channels_in, middle, 1, groups=GROUPS, bias=False)
        self.bn1 = nn.BatchNorm3d(middle)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv3d(middle, middle, 3, stride, padding=1, groups=middle, bias=False)
        self.bn2 = nn.BatchNorm3d(middle)
        self.conv3 = nn.Conv3d(middle, made, 1, groups=GROUPS, bias=False)
        self.bn3 = nn.BatchNorm3d(made)
        self.relu2 = nn.ReLU()
        if downsample:
            self.shortcut = nn.AvgPool3d((2, 3, 3), stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branch = channel_shuffle(self.relu1(self.bn1(self.conv1(x))), GROUPS)
        branch = self.bn3(self.conv3(self.bn2(self.conv2(branch))))
        if not self.downsample:
            return self.relu2(branch + x)
        return self.relu2(torch.cat([branch, self.shortcut(_pad(x))], dim=1))


def _pad(x: Tensor) -> Tensor:
    """Pad (N, C, T, H, W) so that the pool's output has the size of the strided convolution's.

    In space: the pool's zero padding of one pixel, applied here because the pool refuses maps smaller than its kernel.
    In time: the convolution makes ceil(T/2) frames and the pool floor(T/2), so for odd T the last frame is repeated.
    This never happens with the paper's 16 frames (8, 4 and 2 frames enter the three stages).
    """
    if x.shape[2] % 2:
        x = torch.cat([x, x[:, :, -1:]], dim=2)
    return F.pad(x, (1, 1, 1, 1))


@register("shufflenet")
class ShuffleNet(Backbone):
    """Stem, max-pool, three stages of 480, 960 and 1920 channels. Features are a linear layer on the pooled last map.

    Maps of a clip of 16x112x112: 48x16x56x56 (stem), 48x8x28x28 (pool), 480x4x14x14, 960x2x7x7, 1920x1x4x4.

    Args:
        embedding: dimension of the features at width 1.0; 0: the pooled map itself.
        dropout: before the linear layer.
    """

    title = "ShuffleNet"
    place = 10

    def __init__(self, *, width: Width = 1.0, embedding: ChannelsOrNone = 512, dropout: ShareBelowOne = 0.2) -> None:
        super().__init__()
        # The groups must divide a quarter of a stage's channels, and the channels that a down-sampling block adds.
        # Hence multiples of 12, and each stage at least twice as wide as the previous one.
        multiple = 4 * GROUPS
        channels = scale_channels(STEM, width, multiple)
        self.stem = nn.Sequential(
            nn.Conv3d(3, channels, 3, stride=(1, 2, 2), padding=1, bias=False),
            nn.BatchNorm3d(channels),
            nn.ReLU(),
        )
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        stages = []
        for planes, blocks in STAGES:
            planes = max(2 * channels, scale_channels(planes, width, multiple))
            first = ShuffleBlock(channels, planes, downsample=True)
            rest = [ShuffleBlock(planes, planes, downsample=False) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            channels = planes
        self.stage1, self.stage2, self.stage3 = stages
        self.map_channels = channels
        self.feature_dim = scale_channels(embedding, width, multiple=4) if embedding else channels
        self.embedding = (
            nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, self.feature_dim)) if embedding else nn.Identity()
        )

    def trunk(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.stem(x))
        return self.stage3(self.stage2(self.stage1(x)))

    def embed(self, feature_map: Tensor) -> Tensor:
        return self.embedding(super().embed(feature_map))
