"""Collapse of a pretrained network: the effective rank and the dead channels of its features."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch

from videossl.analysis.spectrum import dead_channels, effective_rank
from videossl.backbones.base import Backbone
from videossl.common.distributed import all_gather_rows
from videossl.common.progress import track
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.sampling import UniformClips
from videossl.data.store import FrameStore
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.session import Compute
from videossl.training.specs import COLLAPSE_METRICS, COLLAPSE_VIDEOS, PretrainSpec

STRIDE = 2
"""Distance of the clip's frames; the same for all tasks, some of which have several."""


@torch.no_grad()
def collapse_metrics(
    spec: PretrainSpec,
    backbone: Backbone,
    store: FrameStore,
    heldout: pd.DataFrame,
    compute: Compute,
    device: torch.device,
    signals: Signals,
) -> list[dict[str, Any]]:
    """Metrics rows of the features (videos, channels) of one centre clip of each of the first held-out videos.

    The network is in evaluation mode, and nothing of it changes. No rows for fewer than 2 videos.
    """
    videos = heldout.iloc[:COLLAPSE_VIDEOS].reset_index(drop=True)
    if len(videos) < 2:
        return []
    backbone.eval()
    sampler = UniformClips(spec.clip.frames, STRIDE, 1)
    dataset = ClipDataset(store, videos, sampler, spec.test_augmentation, spec.seed)
    loader = eval_loader(dataset, batch_size=spec.batch_size, workers=compute.workers, device=device)
    own = []
    for batch in until_stopped(track(loader, "features of held-out videos"), signals):
        found = backbone(prepare(batch, device)[:, 0]).float().cpu().numpy()
        own.append((batch.videos.tolist(), found))
    features = all_gather_rows(own, len(videos), "the measurement of features")
    values = (effective_rank(features), float(dead_channels(features)), float(features.shape[1]))
    print(
        f"features of {len(features)} held-out videos: effective rank {values[0]:.1f} of {features.shape[1]} channels,"
        f" {values[1]:.0f} of which are dead",
        flush=True,
    )
    return [
        {"split": "val", "metric": name, "value": value, "n": len(features)}
        for name, value in zip(COLLAPSE_METRICS, values, strict=True)
    ]
