"""MViTv2-S (34.23 M parameters at its native 16 frames of 224x224, 34.54 M with a classifier) or MViT-B (v1).

Li et al. 2022, "MViTv2: Improved multiscale vision transformers for classification and detection"; Fan et al. 2021,
"Multiscale vision transformers". This is torchvision's network (`mvit_v2_s`, `mvit_v1_b`) without weights and
classifier.

Features are the mean of the patch tokens, not the class token that the original classifier reads: see vivit.py.

torchvision rounds the map size of a stage down where its strided convolutions round up: for clips of 112x112, the last
block has positions for a 3x3 map and interpolates them for its 4x4 map. At 224x224 both agree.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
import torch
from torch import Tensor
from torchvision.models.video import mvit as torchvision_mvit

from videossl.backbones.base import Backbone, scale_channels
from videossl.backbones.parts.tokens import check_at_least, check_depths, resize_positions
from videossl.backbones.registry import register
from videossl.common.ranges import Depths, Frames, ShareBelowOne, Side, Width

PATCH_STRIDE = (2, 4, 4)  # frames, rows, columns from one token to the next; patches of 3x7x7 overlap
CHANNELS = 96  # of the first stage; each later stage doubles channels and heads
KERNEL = [3, 3, 3]  # of the convolutions that pool queries, keys and values
KEY_STRIDE = 8  # in height and width, of keys and values in the first stage; halved in each later stage
VERSIONS = {
    "v1": {"residual_pool": False, "rel_pos_embed": False, "proj_after_attn": False},
    "v2": {"residual_pool": True, "rel_pos_embed": True, "proj_after_attn": True},
}


def block_settings(version: str, channels: int, depths: list[int]) -> list[torchvision_mvit.MSBlockConfig]:
    """Settings of the blocks of all stages. The first block of each stage except the first halves height and width.

    v1 widens in the last block of the previous stage, v2 in the first block of the stage; v2 also pools queries in
    every block.
    """
    settings = []
    for stage, depth in enumerate(depths):
        wide = channels * 2**stage
        for block in range(depth):
            begins = block == 0 and stage > 0
            ends = block == depth - 1 and stage < len(depths) - 1
            pools = begins or version == "v2"
            settings.append(
                torchvision_mvit.MSBlockConfig(
                    num_heads=2**stage,
                    input_channels=wide // 2 if version == "v2" and begins else wide,
                    output_channels=wide * 2 if version == "v1" and ends else wide,
                    kernel_q=KERNEL if pools else [],
                    kernel_kv=KERNEL,
                    stride_q=([1, 2, 2] if begins else [1, 1, 1]) if pools else [],
                    stride_kv=[1, KEY_STRIDE >> stage, KEY_STRIDE >> stage],
                )
            )
    return settings


class ClipTokens(torchvision_mvit.PositionalEncoding):
    """The class token and the tokens of a map of any size; the library's class supports only its native size.

    v1's learned positions, per frame and per place, are interpolated. v2 has relative positions within its blocks,
    which the library interpolates.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, t, h, w) -> (N, 1 + t*h*w, C)."""
        class_token = self.class_token
        if self.spatial_pos is not None:
            class_token = class_token + self.class_pos
            space = resize_positions(self.spatial_pos.T.unflatten(1, self.spatial_size)[None], x.shape[3:])
            time = resize_positions(self.temporal_pos.T[None], x.shape[2:3])
            x = x + space[:, :, None] + time[..., None, None]
        return torch.cat([class_token.expand(len(x), 1, -1), x.flatten(2).transpose(1, 2)], dim=1)


@register("mvit")
class MViT(Backbone):
    """Overlapping patches and up to four stages, each with half the height and width and twice the channels of the
    previous.

    The map of a clip of 16x112x112 is 768x8x4x4.

    Args:
        version: v2 or v1.
        depths: number of blocks per stage.
        drop_path: probability of dropping a branch in the last block; it increases linearly from 0 in the first block.
        frames, size: of the clips that the learned positions are made for; they are interpolated for others.
    """

    title = "MViT"
    place = 110

    def __init__(
        self,
        *,
        width: Width = 1.0,
        version: Literal["v1", "v2"] = "v2",
        depths: Depths = [1, 2, 11, 2],  # noqa: B006
        drop_path: ShareBelowOne = 0.2,
        frames: Frames = 16,
        size: Side = 112,
    ) -> None:
        super().__init__()
        check_depths("mvit", depths, stages=4)
        check_at_least(PATCH_STRIDE[0], "mvit", frames=frames)
        check_at_least(PATCH_STRIDE[1] * 2 ** (len(depths) - 1), "mvit", size=size)
        channels = scale_channels(CHANNELS, width, multiple=8)
        network = torchvision_mvit.MViT(
            spatial_size=(size, size),
            temporal_size=frames,
            block_setting=block_settings(version, channels, depths),
            residual_with_cls_embed=False,
            stochastic_depth_prob=drop_path,
            num_classes=1,
            patch_embed_stride=PATCH_STRIDE,
            **VERSIONS[version],
        )
        # Everything except its classifier.
        self.conv_proj, self.blocks, self.norm = network.conv_proj, network.blocks, network.norm
        learned = network.pos_encoding
        self.tokens = ClipTokens(
            channels, learned.spatial_size, learned.temporal_size, VERSIONS[version]["rel_pos_embed"]
        )
        self.tokens.load_state_dict(learned.state_dict())  # the library's initial weights
        self.feature_dim = self.map_channels = self.norm.normalized_shape[0]

    def trunk(self, x: Tensor) -> Tensor:
        x = self.conv_proj(x)
        grid = tuple(x.shape[2:])
        tokens = self.tokens(x)
        # The library makes the places of relative positions on the CPU in every block, and a GPU would wait for each.
        with nullcontext() if x.device.type == "cpu" or torch.compiler.is_compiling() else x.device:
            for block in self.blocks:
                tokens, grid = block(tokens, grid)
        return self.norm(tokens)[:, 1:].transpose(1, 2).unflatten(2, grid)
