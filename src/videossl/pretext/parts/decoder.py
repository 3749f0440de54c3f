"""From a backbone's last feature map back to pixels, whatever the backbone."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from videossl.backbones.base import Backbone

DOUBLINGS = 4  # of height and width: maps of 7 x 7 become pictures of 112 x 112


def conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """3x3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, padding=1, bias=False),  # a bias would be lost in the normalisation
        nn.BatchNorm3d(channels_out),
        nn.ReLU(),
    )


class MapProjection(nn.Module):
    """All that a backbone makes of a clip, as a map of `channels` channels for a decoder or another branch.

    A map that has them already is handed on as it is. Another is projected by a 1x1x1 convolution. Where the features
    are more than the mean of the map (a linear layer behind it, say), they are projected too and added at every place:
    otherwise that layer, which downstream tasks use, would never be trained.
    """

    def __init__(self, backbone: Backbone, channels: int) -> None:
        super().__init__()
        pooled = type(backbone).embed is Backbone.embed
        same = pooled and backbone.map_channels == channels
        self.of_map = nn.Identity() if same else nn.Conv3d(backbone.map_channels, channels, 1)
        self.of_features = None if pooled else nn.Linear(backbone.feature_dim, channels)

    def forward(self, feature_map: Tensor, features: Tensor) -> Tensor:
        """(N, map_channels, t, h, w) and (N, feature_dim) -> (N, channels, t, h, w)."""
        projected = self.of_map(feature_map)
        if self.of_features is None:
            return projected
        return projected + self.of_features(features)[:, :, None, None, None]


class Decoder(nn.Module):
    """Feature map -> (N, channels_out, T, H, W), by four doublings; the reconstruction branch of PRP's network.

    yuanyao366/PRP (models/sscn.py, net_part.py): a convolution; three times a transposed convolution that doubles the
    map and a convolution that halves its channels; a fourth transposed convolution; a last convolution. The map to
    start from is 1/16 of the output in height and width, and in time with four `time_doublings` (2x7x7 for 32x112x112,
    PRP's output); with three, as much as makes an output of a clip's own length from R(2+1)D's map (2x7x7 for
    16x112x112). A map of another shape is averaged or interpolated to that first, one of other channels than `channels`
    gets a 1x1x1 convolution (a choice of ours: the original knows one shape only).

    channels: of the first layers, halved by each of the first three doublings (original: 512, 256, 128, 64).
    relu: end as in the original with batch normalisation and ReLU, for pixels, which are not negative; else with the
    plain convolution.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        channels: int = 512,
        time_doublings: int = DOUBLINGS,
        relu: bool = True,
    ) -> None:
        super().__init__()
        widths = [max(channels // 2**stage, 4) for stage in range(DOUBLINGS)]
        self.factors = (2**time_doublings, 2**DOUBLINGS, 2**DOUBLINGS)
        self.project = nn.Identity() if channels_in == widths[0] else nn.Conv3d(channels_in, widths[0], 1)
        layers = [conv_block(widths[0], widths[0])]
        for stage, width in enumerate(widths):
            stride = (2 if stage < time_doublings else 1, 2, 2)
            layers.append(nn.ConvTranspose3d(width, width, stride, stride))
            if stage + 1 < DOUBLINGS:
                layers.append(conv_block(width, widths[stage + 1]))
        last = conv_block(widths[-1], channels_out) if relu else nn.Conv3d(widths[-1], channels_out, 3, padding=1)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, feature_map: Tensor, size: tuple[int, int, int]) -> Tensor:
        """(N, channels_in, t, h, w) -> (N, channels_out, *size)."""
        start = tuple(math.ceil(length / factor) for length, factor in zip(size, self.factors, strict=True))
        decoded = self.layers(resample(self.project(feature_map), start))
        # a size that is no multiple of 16: the network's strided, padded layers saw a margin beyond the end too
        return decoded[:, :, : size[0], : size[1], : size[2]]


def resample(feature_map: Tensor, size: tuple[int, int, int]) -> Tensor:
    """(N, C, t, h, w) -> (N, C, *size): averages where it shrinks, so that nothing is skipped; else trilinear."""
    fewer = tuple(min(have, want) for have, want in zip(feature_map.shape[2:], size, strict=True))
    if fewer != tuple(feature_map.shape[2:]):
        feature_map = F.adaptive_avg_pool3d(feature_map, fewer)
    if fewer != tuple(size):
        feature_map = F.interpolate(feature_map, size, mode="trilinear", align_corners=False)
    return feature_map
