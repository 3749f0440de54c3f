"""Is it right on a GPU? Steps and tests as on the CPU, resuming, two jobs on one card."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.gpu_setting import NETWORKS, Finding, Setting
from benchmarks.settings import REPOSITORY
from videossl.backbones import registry as backbones
from videossl.data.loader import ClipDataset
from videossl.data.store import FrameStore
from videossl.evaluation.evaluate import video_means
from videossl.evaluation.model import Classifier
from videossl.pretext import registry as tasks
from videossl.pretext.base import PretextTask
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.training.interrupt import Signals
from videossl.training.optim import build_optimizer
from videossl.training.pretrain import build_task
from videossl.training.session import Compute, batches, channels_last, make_trainer, ready
from videossl.training.specs import PretrainSpec

CPU = torch.device("cpu")
VIDEOS = 4
FLOAT32 = 1e-4
"""Largest relative difference of losses and outputs in float32, and of gradients: those may be ten times as far off as
the CPU's own gradient is from itself in another memory format, where that is more."""
BF16_LOSS, BF16_COSINE = 0.05, 0.3
"""bfloat16 has 8 bits: a loss within 5 %, and a gradient that points in a similar direction. No more: the cosine of the
reduced ShuffleNet's, untrained and with four videos, was 0.53 on a CPU (VCOP)."""
JOB_SECONDS = 10.0


def steps(setting: Setting) -> Iterator[Finding]:
    """One step of every task, on the CPU and on the device."""
    for name in tasks.names():
        for backbone in NETWORKS:
            yield from _step(setting, name, backbone)


def _step(setting: Setting, name: str, backbone: str) -> Iterator[Finding]:
    spec = setting.spec(name, backbone, clip=setting.small_clip, batch_size=VIDEOS)
    loss, gradient = _gradient(spec, CPU, "fp32")
    _, rounded = _gradient(spec, CPU, "fp32", last=True)
    rounding = _distance(rounded, gradient)
    found, there = _gradient(spec, setting.device, "fp32", last=True)
    values = {
        "loss, relative difference": abs(found - loss) / abs(loss),
        "gradient, relative difference": _distance(there, gradient),
        "of the CPU in another memory format": rounding,
    }
    allowed = max(FLOAT32, 10 * rounding)
    passed = values["loss, relative difference"] <= FLOAT32 and values["gradient, relative difference"] <= allowed
    wanted = f"loss within {FLOAT32:g}, gradient within {allowed:.1g}"
    yield Finding("a step in float32 as on the CPU", f"{name}, {backbone}", passed, values, wanted)
    found, there = _gradient(spec, setting.device, "bf16", last=True)
    cosine = float(there @ gradient / (there.norm() * gradient.norm()))
    values = {"loss, relative difference": abs(found - loss) / abs(loss), "gradient, cosine": cosine}
    passed = values["loss, relative difference"] <= BF16_LOSS and cosine >= BF16_COSINE
    wanted = f"loss within {BF16_LOSS:g}, cosine at least {BF16_COSINE:g}"
    # In a rehearsal torch's 3D convolutions in bfloat16 on CPUs may give what is not finite.
    yield Finding("a step in bfloat16", f"{name}, {backbone}", setting.judged(passed), values, wanted)


def _gradient(
    spec: PretrainSpec, device: torch.device, precision: str, last: bool = False
) -> tuple[float, torch.Tensor]:
    """Loss and whole gradient (P,) of the first step, on the CPU. Without dropout, which draws on the device."""
    task = build_task(spec).train()
    for part in task.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    task.to(device)
    if device.type == "cuda":
        ready(task, Compute(device="cuda", channels_last=last), device)
    elif last:
        channels_last(task, device)
    frames = len(task.sampler(300, np.random.default_rng(0)).clips[0])
    shape = (spec.batch_size, task.sampler.clips_per_video, 3, frames, spec.clip.size, spec.clip.size)
    clips = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)
    numbers = torch.zeros(spec.batch_size, dtype=torch.int64, device=device)
    known = {"videos": torch.arange(spec.batch_size, device=device)} if task.needs_videos else {}
    low = torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
    task.on_step_start()
    with low:
        loss, _ = task(clips, numbers, torch.Generator().manual_seed(0), **known)
    loss.backward()
    found = [parameter.grad for parameter in task.parameters() if parameter.grad is not None]
    return loss.item(), torch.cat([one.detach().flatten().double().cpu() for one in found])


def _distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def resuming(setting: Setting, data: tuple[FrameStore, pd.DataFrame]) -> Iterator[Finding]:
    """A run that was stopped and goes on gives the same bits, with algorithms that have a fixed order."""
    spec = setting.spec("vcop", "r2plus1d", clip=setting.small_clip, batch_size=VIDEOS)
    compute = setting.compute(deterministic=True, channels_last=True)
    device, _ = compute.start()
    weights = {}
    for name, stops in (("at once", (2,)), ("stopped", (1, 2))):
        for stop in stops:
            task = build_task(spec).to(device)
            store, videos = data
            dataset = ClipDataset(store, videos[: 2 * VIDEOS], task.sampler, spec.augmentation, spec.seed)
            trainer = make_trainer(spec, task, _call, dataset, setting.folder / f"resume {name}", compute, Signals())
            trainer.before_step, trainer.after_step = task.on_step_start, task.on_step_end
            trainer.run(stop, batches(spec, dataset, compute, device), name)
        weights[name] = torch.cat([value.double().cpu().flatten() for value in task.state_dict().values()])
    distance = _distance(weights["stopped"], weights["at once"])
    equal = torch.equal(weights["stopped"], weights["at once"])
    setting.compute().start()  # back to the fastest algorithms
    torch.use_deterministic_algorithms(False)
    yield Finding("resuming", "vcop, r2plus1d", equal, {"relative difference": distance}, "the same bits")


def _call(network: nn.Module, batch, generator: torch.Generator):  # type: ignore[no-untyped-def]
    return network(batch.clips, batch.choices, generator)


def tests(setting: Setting, data: tuple[FrameStore, pd.DataFrame]) -> Iterator[Finding]:
    """The test of a classifier: logits and predictions as on the CPU."""
    store, videos = data
    for backbone in NETWORKS:
        cell = Cell("finetune", "", "", backbone, "", "", "", "ucf101", "", 0)
        spec = (
            stage("finetune").spec(setting.study, cell).model_copy(update={"clip": setting.small_clip, "test_clips": 2})
        )
        torch.manual_seed(0)
        network = backbones.build(backbone, **spec.backbone.options)
        model = Classifier(network, 8, 0.0)
        logits = {}
        for device in (CPU, setting.device):
            compute = Compute(device=device.type, threads=setting.threads, channels_last=True)
            logits[device.type] = video_means(spec, model.to(device), store, videos[:32], compute, device, Signals())
        expected, found = logits["cpu"], logits[setting.device.type]
        same = float((expected.argmax(1) == found.argmax(1)).mean())
        distance = float(np.abs(found - expected).max() / np.abs(expected).max())
        values = {"same predictions": same, "logits, relative difference": distance}
        wanted = f"all predictions the same, logits within {FLOAT32:g}"
        yield Finding(
            "the test of a network as on the CPU", backbone, same == 1 and distance <= FLOAT32, values, wanted
        )


def two_jobs(setting: Setting) -> Iterator[Finding]:
    """Two jobs at once on one card: both end well, and how fast they are together."""
    (alone,) = _jobs(setting, 1)
    both = _jobs(setting, 2)
    values = {"alone, steps/s": alone, "together, steps/s": sum(both), "slower of two, steps/s": min(both)}
    yield Finding("two jobs on one card", "vcop, shufflenet", min(both) > 0, values, "both make steps")


def _jobs(setting: Setting, count: int) -> list[float]:
    """Steps/s of each of `count` jobs that run at once; 0 for one that failed."""
    seconds = 0.5 if setting.rehearsal else JOB_SECONDS
    code = f"from benchmarks.gpu_right import job; job({setting.device.type!r}, {seconds})"
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    rates = []
    for process in started:
        out, _ = process.communicate()
        rates.append(json.loads(out.splitlines()[-1])["steps/s"] if process.returncode == 0 else 0.0)
    return rates


def job(device_name: str, seconds: float) -> None:
    """In a process of its own: steps of a small network for some seconds; prints their rate."""
    compute = Compute(device=device_name)
    device, _ = compute.start()
    setting = Setting(device, REPOSITORY, 0, 1, 0.0)
    spec = setting.spec("vcop", "shufflenet")
    task = build_task(spec).to(device).train()
    ready(task, compute, device)
    optimizer = build_optimizer(task, spec.optimizer)
    shape = (spec.batch_size, task.sampler.clips_per_video, 3, spec.clip.frames, spec.clip.size, spec.clip.size)
    clips = torch.rand(shape, device=device)
    _job_step(task, optimizer, clips)
    done, start = 0, time.monotonic()
    while not done or time.monotonic() - start < seconds:
        _job_step(task, optimizer, clips)
        done += 1
    print(json.dumps({"steps/s": done / (time.monotonic() - start)}))


def _job_step(task: PretextTask, optimizer: torch.optim.Optimizer, clips: torch.Tensor) -> None:
    numbers = torch.zeros(len(clips), dtype=torch.int64, device=clips.device)
    optimizer.zero_grad()
    loss, _ = task(clips, numbers, torch.Generator())
    loss.backward()
    optimizer.step()
    loss.item()
