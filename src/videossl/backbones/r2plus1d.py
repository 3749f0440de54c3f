"""R(2+1)D with one residual block per stage: 14.37 M parameters, 42.96 GFLOPs per clip of 16x112x112.

Tran et al. 2018, in the size that the paper's Table 10 identifies: that of the video-clip-order-prediction code
(xudejing/video-clip-order-prediction, models/r21d.py, layer sizes 1/1/1/1), without a classifier. torchvision's
r2plus1d_18 is another network: two blocks per stage and 31.5 M parameters.

Weights are initialised with torch's defaults, as in that code.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.registry import register
from videossl.common.ranges import Width

MULTIPLE = 8
"""Channels that the matrix units of GPUs take at a time, in half precision."""


class FactorisedConv(nn.Module):
    """A t x k x k convolution factorised into 1 x k x k, BN, ReLU and t x 1 x 1; no biases, no BN at the end.

    The M channels in between are chosen so that both convolutions together have as many weights as the full t x k x k
    convolution: M * (k*k*C_in + t*C_out) = t*k*k*C_in*C_out, rounded down (Tran et al. 2018, section 3.5). That gives
    83, 230, 460 and 921 channels, with which a GPU's matrix units cannot be used (a quarter of the network's work).
    With `padded`, the layer computes with the next multiple of 8: the further channels are 0 throughout, and
    parameters, statistics and gradients are those of the layer as it is.
    """

    padded = False

    def __init__(self, channels_in: int, channels_out: int, t: int, k: int, stride: tuple[int, int] = (1, 1)) -> None:
        """`stride`: (in time, in space)."""
        super().__init__()
        full = t * k * k * channels_in * channels_out
        middle = max(1, full // (k * k * channels_in + t * channels_out))
        in_time, in_space = stride
        self.spatial = nn.Conv3d(
            channels_in, middle, (1, k, k), (1, in_space, in_space), (0, k // 2, k // 2), bias=False
        )
        self.bn = nn.BatchNorm3d(middle)
        self.relu = nn.ReLU()
        self.temporal = nn.Conv3d(middle, channels_out, (t, 1, 1), (in_time, 1, 1), (t // 2, 0, 0), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        extra = -self.spatial.out_channels % MULTIPLE if self.padded else 0
        return self._padded(x, extra) if extra else self.temporal(self.relu(self.bn(self.spatial(x))))

    def _padded(self, x: Tensor, extra: int) -> Tensor:
        spatial, temporal = self.spatial, self.temporal
        weight = F.pad(spatial.weight, (0, 0, 0, 0, 0, 0, 0, 0, 0, extra))
        middle = self._normalised(F.conv3d(x, weight, None, spatial.stride, spatial.padding), extra)
        weight = F.pad(temporal.weight, (0, 0, 0, 0, 0, 0, 0, extra))
        return F.conv3d(self.relu(middle), weight, None, temporal.stride, temporal.padding)

    def _normalised(self, x: Tensor, extra: int) -> Tensor:
        """Batch normalisation, of whatever kind, of channels of which the last `extra` are 0 and stay 0."""
        own = dict(self.bn.named_parameters()) | dict(self.bn.named_buffers())
        values = {name: F.pad(value, (0, extra)) for name, value in own.items() if value.dim()}
        normalised: Tensor = functional_call(self.bn, values, (x,))
        if self.bn.training:
            for name in ("running_mean", "running_var"):
                own[name].copy_(values[name][:-extra])
        return normalised


class ResidualBlock(nn.Module):
    """Two factorised 3x3x3 convolutions and a shortcut; halves T, H and W if `downsample`.

    The 1x1x1 convolution of the shortcut is factorised too. This is unusual, but the parameter count requires it.
    """

    def __init__(self, channels_in: int, channels_out: int, downsample: bool) -> None:
        super().__init__()
        stride = (2, 2) if downsample else (1, 1)
        self.conv1 = FactorisedConv(channels_in, channels_out, 3, 3, stride)
        self.bn1 = nn.BatchNorm3d(channels_out)
        self.relu1 = nn.ReLU()
        self.conv2 = FactorisedConv(channels_out, channels_out, 3, 3)
        self.bn2 = nn.BatchNorm3d(channels_out)
        self.shortcut = (
            nn.Sequential(FactorisedConv(channels_in, channels_out, 1, 1, stride), nn.BatchNorm3d(channels_out))
            if downsample
            else nn.Identity()
        )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return self.relu2(self.shortcut(x) + residual)


@register("r2plus1d")
class R2Plus1D(Backbone):
    """Stem and four residual blocks of 64, 128, 256 and 512 channels. Features are the mean of the last map.

    Maps of a clip of 16x112x112: 64x16x56x56 (stem, conv2), 128x8x28x28, 256x4x14x14, 512x2x7x7.
    """

    title = "R(2+1)D"
    place = 60

    def __init__(self, *, width: Width = 1.0) -> None:
        super().__init__()
        c2, c3, c4, c5 = (scale_channels(channels, width, multiple=4) for channels in (64, 128, 256, 512))
        self.feature_dim = self.map_channels = c5
        # 3x7x7, halves H and W only; this network has no max-pooling.
        self.conv1 = nn.Sequential(FactorisedConv(3, c2, 3, 7, stride=(1, 2)), nn.BatchNorm3d(c2), nn.ReLU())
        self.conv2 = ResidualBlock(c2, c2, downsample=False)
        self.conv3 = ResidualBlock(c2, c3, downsample=True)
        self.conv4 = ResidualBlock(c3, c4, downsample=True)
        self.conv5 = ResidualBlock(c4, c5, downsample=True)

    def trunk(self, x: Tensor) -> Tensor:
        for stage in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            x = stage(x)
        return x
