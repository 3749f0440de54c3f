"""Counts what the device's part of the augmentation asks of a GPU: clip by clip, for whole batches, compiled."""

from __future__ import annotations

from functools import cache
from unittest.mock import patch

import numpy as np
import torch
from torch._inductor import compile_fx, metrics
from torch._inductor import config as inductor

from benchmarks.trace import Trace
from videossl.data import geometry
from videossl.data.augment import draw
from videossl.data.loader import Batch
from videossl.data.photometric import PhotometricParams, photometric, unit_interval
from videossl.data.settings import Augmentation
from videossl.data.whole_batches import Active, augmented

STORED = (128, 170)
"""Height and width of a stored frame."""
COMPILED = "for whole batches, compiled"
Counts = tuple[int, int, float]
"""Launches, copies from the host, passes over the float32 batch."""


def counts(shape: tuple[int, ...], config: Augmentation) -> dict[str, Counts]:
    """Counts by way, for a batch of clips (B, V, 3, T, S, S)."""
    batch = drawn_batch(shape, config)
    size = 4 * int(np.prod(shape))
    selected, whole = Trace(), Trace()
    with selected:
        moved = unit_interval(batch.clips.to("meta", non_blocking=True).flatten(0, 1))
        placed = geometry.finish(moved, batch.places.flatten(0, 1), batch.size)
        photometric(placed, PhotometricParams(batch.params).flatten())
    with whole:
        arrived = batch.to("meta")
        augmented(*_flat(arrived), batch.size, batch.active)
    launches, passes = compiled(batch)
    return {
        "clip by clip": (selected.launches, selected.copies, selected.bytes / size),
        "for whole batches": (whole.launches, whole.copies, whole.bytes / size),
        COMPILED: (launches, whole.copies, passes),
    }


def drawn_batch(shape: tuple[int, ...], config: Augmentation) -> Batch:
    """A black batch for clips (B, V, 3, T, S, S) with drawn augmentation. The same numbers each time."""
    videos, clips, colours, frames, size, _ = shape
    side = geometry.window_side(size, config.rotation)
    batch = Batch.empty(
        torch.zeros(videos, clips, frames, side, side, colours, dtype=torch.uint8), size, Active.of([config])
    )
    places, params = batch.places, batch.params
    rng = np.random.default_rng(0)
    picture = np.zeros((1, *STORED, colours), dtype=np.uint8)
    window = torch.empty(1, side, side, colours, dtype=torch.uint8)
    for video in range(videos):
        for clip in range(clips):
            drawn = draw(config, *STORED, rng)
            places[video, clip] = torch.from_numpy(geometry.cut(picture, drawn, config.rotation, window))
            params[video, clip] = torch.from_numpy(drawn.photometric)
    return batch


def compiled(batch: Batch) -> tuple[int, float]:
    """(kernels, passes) of the compiled function, as torch's compiler counts them while it compiles for this processor;
    for a GPU it may join other operators. One video with two clips of two frames stands for the batch."""
    return _compiled(batch.clips.shape[3], batch.size, batch.active)


@cache
def _compiled(side: int, size: int, active: Active) -> tuple[int, float]:
    batch = Batch.empty(torch.zeros(1, 2, 2, side, side, 3, dtype=torch.uint8), size, active)
    batch.rows.zero_()
    torch.compiler.reset()
    metrics.reset()
    counting = patch.object(compile_fx.inductor_metrics_log, "isEnabledFor", lambda level: True)  # else no bytes
    with inductor.patch(force_disable_caches=True), counting:
        out = torch.compile(augmented, dynamic=False)(*_flat(batch), size, active)
    return metrics.generated_kernel_count, metrics.num_bytes_accessed / (4 * out.numel())


def _flat(batch: Batch) -> tuple[torch.Tensor, ...]:
    return tuple(values.flatten(0, 1) for values in (batch.clips, batch.places, batch.params))
