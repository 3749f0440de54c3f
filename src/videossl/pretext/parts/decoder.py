"""Decoder from the last feature map of any backbone to pixels."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from videossl.backbones.base import Backbone

DOUBLINGS = 4  # of height and width: maps of 7 x 7 become images of 112 x 112


def conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """3x3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, padding=1, bias=False),  # a bias would be lost in the normalisation
        nn.BatchNorm3d(channels_out),
        nn.ReLU(),
    )


class MapProjection(nn.Module):
    """Combines a backbone's map and features into a map with `channels` channels, for a decoder or another branch.

    A map that already has them is returned unchanged; another is projected by a 1x1x1 convolution. If the features are
    not just the mean of the map (for example a linear layer follows), they are projected too and added at every
    position. Otherwise that layer, which downstream tasks use, would never be trained.
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
    """Feature map -> (N, channels_out, T, H, W) by four doublings: the reconstruction branch of PRP's network.

    yuanyao366/PRP (models/sscn.py, net_part.py): a convolution; three times a transposed convolution that doubles the
    map and a convolution that halves its channels; a fourth transposed convolution; a last convolution. The input map
    has 1/16 of the output's height and width. In time it also has 1/16 with four `time_doublings` (2x7x7 for
    32x112x112, PRP's output); with three it gives an output of the clip's own length from R(2+1)D's map (2x7x7 for
    16x112x112). A map of another shape is first averaged or interpolated to that shape, and one with other channels
    than `channels` passes a 1x1x1 convolution (our choice: the original has one shape only).

    Args:
        channels: of the first layers, halved by each of the first three doublings (original: 512, 256, 128, 64).
        relu: end with batch normalisation and ReLU as in the original, for pixels, which are not negative; else end
            with the plain convolution.
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
        # Sizes that are not a multiple of 16: the network's strided, padded layers also saw a margin beyond the end.
        return decoded[:, :, : size[0], : size[1], : size[2]]


def resample(feature_map: Tensor, size: tuple[int, int, int]) -> Tensor:
    """(N, C, t, h, w) -> (N, C, *size): average where it shrinks, so that nothing is skipped; else trilinear."""
    fewer = tuple(min(have, want) for have, want in zip(feature_map.shape[2:], size, strict=True))
    if fewer != tuple(feature_map.shape[2:]):
        feature_map = F.adaptive_avg_pool3d(feature_map, fewer)
    if fewer != tuple(size):
        feature_map = F.interpolate(feature_map, size, mode="trilinear", align_corners=False)
    return feature_map
