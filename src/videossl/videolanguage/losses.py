"""Losses of video-language models."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.videolanguage.models.base import Video, VideoLanguageModel


def class_loss(model: VideoLanguageModel, video: Video, texts: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy over the prompts of all classes: texts (C, D), labels (B,) -> loss and accuracy, ()."""
    logits = model.scale() * model.cosines(video, texts)
    return F.cross_entropy(logits, labels), (logits.detach().argmax(dim=1) == labels).float().mean()


def pair_loss(model: VideoLanguageModel, video: Video, texts: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Contrastive loss: each video is matched with its own text in the batch, and each text with its video, (B, D)
    each.

    Pairs of the same class in a batch all match each other: the target is uniform over them (as in ActionCLIP and
    EZ-CLIP; if all captions differ, this is CLIP's loss). Returns loss and accuracy.
    """
    logits = model.scale() * model.cosines(video, texts)
    together = (labels[:, None] == labels[None, :]).float()
    target = together / together.sum(dim=1, keepdim=True)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    return loss, (labels[logits.detach().argmax(dim=1)] == labels).float().mean()


def motion_loss(frames: Tensor) -> Tensor:
    """EZ-CLIP's motion loss: low if the features of the frames (B, T, D) differ; in (0, 1].

    1 / (1 + half the mean absolute difference between a frame's neighbours + variance over frames), as in
    Shahzadnit/EZ-CLIP, utils/KLLoss.py.
    """
    left = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    right = torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)
    return 1 / (1 + ((right - left).abs() / 2).mean() + frames.var(dim=1).mean())
