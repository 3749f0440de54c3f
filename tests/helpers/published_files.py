"""Small random checkpoints in the formats of torchvision and transformers, as their users save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

import videossl.common.torchvision_operators  # noqa: F401  torchvision may not be importable without it

# isort: split
from torchvision.models.video import mvit, resnet
from torchvision.models.video.swin_transformer import SwinTransformer3d
from transformers import (
    VideoMAEConfig,
    VideoMAEModel,
    VJEPA2Config,
    VJEPA2Model,
)

from videossl.backbones.mvit import VERSIONS, block_settings

VIDEOMAE = {
    "image_size": 16, "patch_size": 8, "num_frames": 4, "hidden_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 40,
}  # fmt: skip
VJEPA2 = {
    "crop_size": 16, "patch_size": 8, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "mlp_ratio": 2.0,
}  # fmt: skip
PREDICTOR = {"pred_hidden_size": 12, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1}
SWIN3D = {"channels": 32, "depths": [1, 1]}
MVIT = {"channels": 16, "depths": [1, 1], "num_frames": 4, "image_size": 16}
R2PLUS1D = {"layers": [1, 1, 1, 1]}


def rattled(network: nn.Module, seed: int = 0) -> nn.Module:
    """No weight or statistic as it was initialised: zeros and ones would hide a term that is left out."""
    torch.manual_seed(seed)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    return network.eval()


def swin3d(seed: int = 0, classes: int = 5) -> nn.Module:
    return rattled(
        SwinTransformer3d([2, 4, 4], 32, [1, 1], [1, 2], [8, 7, 7], stochastic_depth_prob=0.1, num_classes=classes),
        seed,
    )


def r2plus1d(seed: int = 0) -> nn.Module:
    parts = ([resnet.Conv2Plus1D] * 4, [1, 1, 1, 1], resnet.R2Plus1dStem)
    return rattled(resnet.VideoResNet(resnet.BasicBlock, *parts, num_classes=5), seed)


def torchvision_mvit(version: str, seed: int = 0) -> nn.Module:
    settings = {"residual_with_cls_embed": False, "num_classes": 5, **VERSIONS[version]}
    return rattled(mvit.MViT((16, 16), 4, block_settings(version, 16, [1, 1]), **settings), seed)


def videomae(kind: type[Any] = VideoMAEModel, seed: int = 0, **options: Any) -> Any:
    return rattled(kind(VideoMAEConfig(**VIDEOMAE, **{"use_mean_pooling": False} | options)), seed)


def vjepa2(seed: int = 0) -> Any:
    return rattled(VJEPA2Model(VJEPA2Config(**VJEPA2, **PREDICTOR)), seed)


def save_torch(network: nn.Module, path: Path) -> Path:
    """As torchvision's published files are."""
    torch.save(network.state_dict(), path)
    return path


def save_transformers(network: Any, folder: Path) -> Path:
    """As a hub repository is: `config.json` and `model.safetensors`. Returns the file of the weights."""
    network.save_pretrained(folder)
    return folder / "model.safetensors"
