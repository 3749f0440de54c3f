"""torchvision's R(2+1)D with 18 layers, `r2plus1d_18`: 31.3 M parameters without its classifier.

Tran et al. 2018. Published weights: supervised, on Kinetics-400, at 15 frames per second
(torchvision.models.video.R2Plus1D_18_Weights, whose transforms are the input stated here).
"""

from __future__ import annotations

from typing import ClassVar

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torch import Tensor
from torchvision.models.video import resnet

from videossl.common.errors import UserError
from videossl.common.ranges import Depths
from videossl.published.networks.base import LibraryNetwork, without_in_place
from videossl.published.networks.registry import register

STAGES = 4


@register("torchvision_r2plus1d_18")
class R2Plus1D18(LibraryNetwork):
    """Stem and four stages of `layers` residual blocks. Features are the mean of the last map, 512 channels."""

    title = "R(2+1)D-18"
    gflops: ClassVar[float] = 40.52
    frames: ClassVar[int] = 16
    size: ClassVar[int] = 112
    stride: ClassVar[int] = 2
    resize_short: ClassVar[int] = 128
    mean: ClassVar[list[float]] = [0.43216, 0.394666, 0.37645]
    std: ClassVar[list[float]] = [0.22803, 0.22145, 0.216989]
    heads: ClassVar[tuple[str, ...]] = ("fc.",)

    def __init__(self, *, layers: Depths = [2, 2, 2, 2]) -> None:  # noqa: B006
        super().__init__()
        if len(layers) != STAGES:
            raise UserError(
                f"option 'layers' of torchvision_r2plus1d_18 must list the blocks of its {STAGES} stages, not {layers}."
            )
        network = resnet.VideoResNet(
            resnet.BasicBlock, [resnet.Conv2Plus1D] * STAGES, list(layers), resnet.R2Plus1dStem, num_classes=1
        )
        without_in_place(network)
        self.stem = network.stem
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4
        self.feature_dim = self.map_channels = 512

    def trunk(self, x: Tensor) -> Tensor:
        for part in (self.stem, self.layer1, self.layer2, self.layer3, self.layer4):
            x = part(x)
        return x
