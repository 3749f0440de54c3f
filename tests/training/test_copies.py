"""Nothing in a step makes the host wait for the GPU: by a trace on the `meta` device, and by CUDA if there is one."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from copies import Copies

from videossl.backbones import registry as backbones
from videossl.data.loader import Batch
from videossl.data.whole_batches import Active, augmented
from videossl.pretext import registry as tasks
from videossl.pretext.base import PretextTask
from videossl.training.optim import build_optimizer
from videossl.training.settings import OptimizerSettings

FRAMES, SIZE, VIDEOS = 8, 32, 4
SMALL = {
    "mvit": {"width": 0.1, "depths": [1, 1], "size": SIZE},
    "timesformer": {"width": 0.05, "depth": 1, "size": SIZE},
    "videoswin": {"width": 0.1, "depths": [1, 1]},
    "vit": {"width": 0.05, "depth": 1},
    "vivit": {"width": 0.05, "depth": 1, "size": SIZE},
}
OPTIONS = {
    "byol": {"hidden": 16, "dim": 8},
    "cvrl": {"hidden": 16, "dim": 8},
    "prp": {"rates": [1, 2]},
    "rspnet": {"queue_size": 5, "dim": 8},
    "tdl": {"queue_size": 5, "dim": 8, "exclude_same_video": True},
    "tclr": {"hidden": 16, "dim": 8},
    "videomae": {"decoder_depth": 1},
    "vjepa": {"predictor_depth": 1},
}


def task_of(name: str, backbone: str, device: str) -> PretextTask:
    torch.manual_seed(0)
    network = backbones.build(backbone, **SMALL.get(backbone, {"width": 0.05}))
    return tasks.build(name, network, OPTIONS.get(name, {}), frames=FRAMES).to(device).train()


def step(task: PretextTask, name: str, optimizer: torch.optim.Optimizer, device: str) -> None:
    """A training step on clips that are on the device already."""
    frames = len(task.sampler(100, np.random.default_rng(0)).clips[0])
    clips = torch.zeros(VIDEOS, task.sampler.clips_per_video, 3, frames, SIZE, SIZE, device=device)
    numbers = torch.zeros(VIDEOS, dtype=torch.int64, device=device)
    task.on_step_start()
    optimizer.zero_grad(set_to_none=True)
    known = {"videos": numbers} if task.needs_videos else {}
    loss, scalars = task(clips, numbers, torch.Generator(), **known)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
    optimizer.step()
    task.on_step_end()
    torch.stack([value.detach().to(loss).double() for value in (loss, *scalars.values())])


@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("name", tasks.names())
def test_a_step_has_no_copy_that_waits(name, backbone, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none on `meta`
    torch.set_num_threads(1)
    task = task_of(name, backbone, "meta")
    optimizer = torch.optim.SGD(task.parameters(), lr=0.1, momentum=0.9)
    with Copies() as copies:
        step(task, name, optimizer, "meta")
    assert copies.waiting == []
    assert copies.queued <= 1  # what was drawn on the host, if anything, in one copy


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("name", tasks.names())
def test_cuda_says_the_same(name, backbone):
    task = task_of(name, backbone, "cuda")
    optimizer = build_optimizer(task, OptimizerSettings(name="sgd", lr=0.1))
    step(task, name, optimizer, "cuda")  # what is made at the first step, such as the optimiser's state
    torch.cuda.set_sync_debug_mode("error")
    try:
        step(task, name, optimizer, "cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_batch_arrives_in_two_copies():
    """One of the clips, one of all that belongs to them; the augmentation then asks the host for nothing."""
    active = Active(flip=True, jitter=True, gray=True, gamma=True, blur=True)
    batch = Batch.empty(torch.zeros(2, 3, 4, SIZE, SIZE, 3, dtype=torch.uint8), SIZE, active)
    with Copies() as copies:
        moved = batch.to("meta")
        flat = (values.flatten(0, 1) for values in (moved.clips, moved.places, moved.params))
        clips = augmented(*flat, SIZE, active)
        others = [moved.labels, moved.videos, moved.choices]
    assert copies.waiting == [] and copies.queued == 2
    assert clips.shape == (6, 3, 4, SIZE, SIZE) and all(values.shape == (2,) for values in others)


def test_the_trace_sees_what_waits():
    there = torch.zeros(4, device="meta")
    with Copies() as copies:
        torch.arange(4).to("meta")
        there[torch.tensor([1, 2])]
        torch.arange(4).to("meta", non_blocking=True)
    assert len(copies.waiting) == 2 and copies.queued == 1
