"""Video Swin Transformer, tiny: 27.85 M parameters, 28.16 M with a classifier of 400 classes.

Liu et al. 2022, "Video Swin Transformer", Swin-T, the variant of the paper's figure. This is torchvision's network
(`swin3d_t`) without weights and classifier. Its features are what the classifier reads there: the mean of the last,
normalised map. It has no class token.

Attention is computed within windows of 8x7x7 tokens. Positions are relative (a learned bias for each offset within a
window), so clips may have any size. If a map is smaller than a window in height or width, as the last stage's 4x4 map
of a clip of 112x112, both torchvision and the original code (SwinTransformer/Video-Swin-Transformer) look up offsets as
in a full window, so that a bias belongs to another pair of places than in a full window. We keep this: the bias of each
pair is learned in any case.
"""

from __future__ import annotations

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torch import Tensor
from torchvision.models.video.swin_transformer import SwinTransformer3d

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.parts.tokens import check_depths, head_count
from videossl.backbones.registry import register
from videossl.common.ranges import Depths, ShareBelowOne, Width

PATCH = (2, 4, 4)  # frames, rows, columns of a token
WINDOW = (8, 7, 7)
CHANNELS = 96  # of the first stage; each later stage doubles them
HEAD_CHANNELS = 32


@register("videoswin")
class VideoSwin(Backbone):
    """Patches and up to four stages; each but the first merges 2x2 tokens. Features are the mean of the map.

    Maps of a clip of 16x112x112: 96x8x28x28, 192x8x14x14, 384x8x7x7, 768x8x4x4: all frames are kept.

    Args:
        depths: number of blocks per stage.
        drop_path: probability of dropping a branch in the last block; it increases linearly from 0 in the first block.
    """

    title = "VideoSwin-T"
    place = 70

    def __init__(self, *, width: Width = 1.0, depths: Depths = [2, 2, 6, 2], drop_path: ShareBelowOne = 0.1) -> None:  # noqa: B006
        super().__init__()
        check_depths("videoswin", depths, stages=4)
        channels = scale_channels(CHANNELS, width, multiple=8)
        heads = head_count(channels, HEAD_CHANNELS)
        network = SwinTransformer3d(
            patch_size=list(PATCH),
            embed_dim=channels,
            depths=list(depths),
            num_heads=[heads * 2**stage for stage in range(len(depths))],
            window_size=list(WINDOW),
            stochastic_depth_prob=drop_path,
            num_classes=1,
        )
        # Everything except its pooling and its classifier.
        self.patch_embed, self.features, self.norm = network.patch_embed, network.features, network.norm
        self.feature_dim = self.map_channels = network.num_features

    def trunk(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.features(self.patch_embed(x)))  # (N, t, h, w, C)
        return tokens.permute(0, 4, 1, 2, 3)
