"""Video-level evaluation: outputs averaged over uniformly spaced clips."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from videossl.common.distributed import all_gather_rows
from videossl.common.progress import track
from videossl.data.frames import Frames
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.sampling import UniformClips
from videossl.evaluation.specs import ClipTestSpec
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.session import Compute


@torch.inference_mode()
def video_means(
    spec: ClipTestSpec,
    model: nn.Module,
    store: Frames,
    videos: pd.DataFrame,
    compute: Compute,
    device: torch.device,
    signals: Signals,
    description: str = "testing",
) -> np.ndarray:
    """Output of `model` averaged over uniformly spaced clips of each video: (videos, D), in the order of `videos`.

    Outputs are the logits of a classifier or the features of a backbone. Raises RuntimeError unless every video was
    seen exactly once.
    """
    model.eval()
    sampler = UniformClips(spec.clip.frames, spec.stride, spec.test_clips)
    dataset = ClipDataset(store, videos, sampler, spec.test_augmentation, spec.seed)
    size = max(1, videos_a_batch(spec.batch_size, spec.test_clips))
    loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
    own: list[tuple[list[int], np.ndarray]] = []
    for batch in until_stopped(track(loader, description), signals):
        clips = prepare(batch, device)
        outputs = model(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        own.append((batch.videos.tolist(), outputs.mean(dim=1).float().cpu().numpy()))
    return all_gather_rows(own, len(videos), description)


def videos_a_batch(batch_size: int, clips: int) -> int:
    """Videos per test batch: about the clips of four training batches, since no gradients are stored."""
    return 4 * batch_size // clips
