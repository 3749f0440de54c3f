"""Statistics of batch normalisation of an untrained network, estimated on the training videos of a target.

As initialised, batch normalisation in evaluation mode changes nothing: mean 0, variance 1. Activations of an untrained
network then shrink from layer to layer, and its features hardly differ between videos (standard deviations near 0). A
pretraining estimates the statistics as a side effect, so that part of its lead would be that of the statistics.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from videossl.common.errors import UserError
from videossl.common.progress import track
from videossl.data.frames import Frames
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.sampling import UniformClips
from videossl.evaluation.specs import ClipTestSpec
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.session import Compute


@torch.no_grad()
def estimate_statistics(
    spec: ClipTestSpec,
    backbone: nn.Module,
    store: Frames,
    videos: pd.DataFrame,
    compute: Compute,
    device: torch.device,
    signals: Signals,
) -> int:
    """Replace the running statistics of all batch normalisations in `backbone` by estimates.

    They are means over batches of `spec.batch_size` training videos in a random order (by the seed), with one centre
    clip each; as in training, an incomplete last batch is left out. Weights are unchanged, and everything but batch
    normalisation is in evaluation mode.

    Returns:
        The number of videos used; 0 for a network without batch normalisation.

    Raises:
        UserError: there is only one training video, which has no variance.
    """
    layers = [layer for layer in backbone.modules() if isinstance(layer, _BatchNorm)]
    if not layers:
        return 0
    if len(videos) < 2:
        raise UserError(
            "the statistics of batch normalisation of the untrained network need 2 training videos or more, and the"
            f" target has {len(videos)}: give it more."
        )
    size = min(spec.batch_size, len(videos))
    order = np.random.default_rng(spec.seed).permutation(len(videos))[: len(videos) // size * size]
    sampler = UniformClips(spec.clip.frames, spec.stride, 1)
    chosen = videos.iloc[order].reset_index(drop=True)
    dataset = ClipDataset(store, chosen, sampler, spec.test_augmentation, spec.seed)
    loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
    backbone.eval()
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # torch then takes the mean over all batches
    for batch in until_stopped(track(loader, "statistics of batch normalisation"), signals):
        backbone(prepare(batch, device)[:, 0])
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    backbone.eval()
    return len(chosen)
