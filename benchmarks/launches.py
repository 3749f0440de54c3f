"""What a training step at the paper's settings asks of a GPU: launches, copies, passes over the batch: counted.

    python -m benchmarks.run launches                       counts this code and writes the section
    python -m benchmarks.launches --output FILE --commit COMMIT --config FOLDER
                                                            counts only, with the library of an older commit in
                                                            PYTHONPATH: so launches_before.json was made

Each step is traced on torch's `meta` device, in float32 and without the compiler: forward and backward pass, optimiser
and what the task does around them, at the recipe's batch size, with networks at full size.
"""

from __future__ import annotations

import argparse
import json
import os
from inspect import signature
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import Row, find
from benchmarks.settings import PAPER, REPOSITORY, Settings
from benchmarks.trace import Trace, as_on_a_gpu
from videossl.backbones import registry as backbones
from videossl.common.files import write_json
from videossl.pretext import registry as tasks
from videossl.pretext.base import PretextTask
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.study import Study, load_study
from videossl.training import session
from videossl.training.optim import build_optimizer
from videossl.training.specs import PretrainSpec

NAME = "launches"
BACKBONES = ("shufflenet", "mobilenet", "squeezenet", "c3d", "r3d", "r2plus1d", "videoswin")
BEFORE = REPOSITORY / "benchmarks/launches_before.json"
FRAMES = 300
"""Of the videos that clips are drawn from."""


def run(settings: Settings) -> list[Row]:
    study = load_study([REPOSITORY / "config/config.yaml", PAPER])
    return steps(study) + [row for name in tasks.names() for row in augmentations(study, name)]


def steps(study: Study, names: tuple[str, ...] = (), networks: tuple[str, ...] = BACKBONES) -> list[Row]:
    """The rows of each task (none named: all) with each network."""
    rows = []
    for name in names or tasks.names():
        for backbone in networks:
            spec = spec_of(study, name, backbone)
            trace, batch = step(spec, study)
            counts = {"launches": trace.launches, "copies": trace.copies, "passes": trace.bytes / batch}
            rows += [Row(NAME, name, backbone, metric, "", value) for metric, value in counts.items()]
    return rows


def spec_of(study: Study, name: str, backbone: str) -> PretrainSpec:
    """The specification of a task's pretraining with its default complexity."""
    complexity = study.recipes[name].default_complexity
    cell = Cell("pretrain", name, complexity, backbone, "k400", "50k", max(study.config.epochs), "", "", 0)
    return stage("pretrain").spec(study, cell)


def step(spec: PretrainSpec, study: Study) -> tuple[Trace, int]:
    """The trace of a step after the first one, and the bytes of its batch of clips in float32."""
    with as_on_a_gpu(), torch.device("meta"):
        network = backbones.build(spec.backbone.name, **spec.backbone.options)
        task = tasks.build(spec.task, network, spec.options, frames=spec.clip.frames).train()
        if study.config.compute.channels_last:
            known = len(signature(session.channels_last).parameters)  # older commits do not ask for the device
            session.channels_last(*(task, torch.device("cuda"))[:known])
        if hasattr(session, "pad_channels"):
            session.pad_channels(task)
        optimizer = build_optimizer(task, spec.optimizer)
        for group in optimizer.param_groups:
            group["fused"] = hasattr(session, "pad_channels") or group.get("fused")
        clips = torch.empty(shape_of(task, spec))
        numbers = torch.zeros(len(clips), dtype=torch.int64)
    with as_on_a_gpu(), Trace():  # the optimiser makes its state at its first step
        for parameter in task.parameters():
            parameter.grad = torch.empty_like(parameter) if parameter.requires_grad else None
        optimizer.step()
    with as_on_a_gpu(), Trace() as trace:
        one_step(task, optimizer, spec, clips, numbers)
    return trace, 4 * clips.numel()


def one_step(
    task: PretextTask, optimizer: torch.optim.Optimizer, spec: PretrainSpec, clips: torch.Tensor, numbers: torch.Tensor
) -> None:
    """As the trainer makes it, without autocast."""
    task.on_step_start()
    optimizer.zero_grad(set_to_none=True)
    known = {"videos": numbers} if task.needs_videos else {}
    loss, scalars = task(clips, numbers, torch.Generator(), **known)
    loss.backward()
    if spec.optimizer.grad_clip:
        torch.nn.utils.clip_grad_norm_(task.parameters(), spec.optimizer.grad_clip)
    optimizer.step()
    task.on_step_end()
    torch.stack([value.detach().to(loss).double() for value in (loss, *scalars.values())])


def shape_of(task: PretextTask, spec: PretrainSpec) -> tuple[int, ...]:
    """(B, V, 3, L, S, S) of a batch of clips."""
    frames = len(task.sampler(FRAMES, np.random.default_rng(0)).clips[0])
    return (spec.batch_size, task.sampler.clips_per_video, 3, frames, spec.clip.size, spec.clip.size)


def augmentations(study: Study, name: str) -> list[Row]:
    """The rows of the device's part of a task's augmentation: clip by clip as on a CPU, and for whole batches."""
    from benchmarks import augmentation  # reads what older commits do not have

    spec = spec_of(study, name, "r2plus1d")
    with torch.device("meta"):
        network = backbones.build(spec.backbone.name, **spec.backbone.options)
        task = tasks.build(spec.task, network, spec.options, frames=spec.clip.frames)
    counts = augmentation.counts(shape_of(task, spec), spec.augmentation)
    return [
        Row(NAME, f"augmentation, {name}", subject, metric, "", value)
        for subject, values in counts.items()
        for metric, value in zip(("launches", "copies", "passes"), values, strict=True)
    ]


def render(rows: list[Row]) -> str:
    """The tables of docs/performance.md."""
    before = [Row(**row) for row in json.loads(BEFORE.read_text())["rows"]]
    names = sorted({row.case for row in before})
    lines = []
    for metric, title in (("launches", "Launches of a step"), ("passes", "Passes of a step over its float32 batch")):
        lines += [f"{title}, before → now:", "", f"| network | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
        for backbone in BACKBONES:
            pairs = ((find(found, metric, case=name, subject=backbone) for found in (before, rows)) for name in names)
            lines.append(f"| {backbone} | " + " | ".join(f"{old:,.0f} → {new:,.0f}" for old, new in pairs) + " |")
        lines.append("")
    copies = ", ".join(f"{name} {_copies(before, name)} → {_copies(rows, name)}" for name in names)
    lines += [f"Copies from the host in a step, besides those of the batch: {copies}.", ""]
    lines += ["The augmentation of a batch:", "", "| task | | launches | copies | passes |", "|---|---|---:|---:|---:|"]
    for row in rows:
        if row.case.startswith("augmentation") and row.metric == "launches":
            copied, passes = (find(rows, one, case=row.case, subject=row.subject) for one in ("copies", "passes"))
            task = row.case.removeprefix("augmentation, ")
            lines.append(f"| {task} | {row.subject} | {row.value:,.0f} | {copied:.0f} | {passes:.0f} |")
    return "\n".join(lines)


def _copies(rows: list[Row], name: str) -> str:
    found = {round(find(rows, "copies", case=name, subject=backbone)) for backbone in BACKBONES}
    return "–".join(str(value) for value in sorted({min(found), max(found)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--commit", required=True, help="of the library in PYTHONPATH")
    parser.add_argument("--config", type=Path, default=PAPER.parent, help="that commit's folder of configurations")
    arguments = parser.parse_args()
    os.chdir(arguments.config.resolve().parent)  # recipes are named from there
    rows = steps(load_study([arguments.config / "config.yaml", arguments.config / PAPER.name]))
    write_json(arguments.output, {"commit": arguments.commit, "rows": [row.as_dict() for row in rows]})


if __name__ == "__main__":
    main()
