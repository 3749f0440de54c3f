"""What the paper's whole study costs, from its own table of cells: writes docs/scale.md.

    python -m benchmarks.scale

Counted: cells, jobs, parameters, operations of a forward pass (videossl.analysis.complexity), clips that a pretext task
sends through its networks. Assumed: what stands in `Assumptions`, and is printed with the result.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch

from benchmarks.run import with_section
from benchmarks.settings import PAPER, REPOSITORY
from videossl import specs
from videossl.analysis.complexity import count_gflops, count_parameters
from videossl.backbones import registry as backbones
from videossl.backbones.base import Backbone
from videossl.cells import Cell
from videossl.config.experiments import NOISES, SEVERITIES
from videossl.experiments import Study, load_study
from videossl.files import write_text
from videossl.training.pretrain import build_task

DOCUMENT = REPOSITORY / "docs/scale.md"
DATASETS = {  # training and test videos, mean frames a video (rounded); published sizes of the datasets
    "k400": (240_000, 20_000, 300),
    "k700": (545_000, 35_000, 300),
    "ssv2": (168_913, 24_777, 46),
    "ucf101": (9_537, 3_783, 186),
    "hmdb51": (3_570, 1_530, 95),
    "diving48": (15_027, 1_970, 160),
}
CPU_STAGES = ("linear_probe", "retrieval", "network")
FILES = {  # a cell leaves behind, its log included
    "pretrain": 7, "finetune": 7, "distill": 7, "cka": 4, "features": 2, "robustness": 4, "linear_probe": 4,
    "retrieval": 3, "network": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Assumptions:
    """What is not counted; `(field: meaning)`."""

    tflops: float = 40.0  # operations that a H100-class GPU sustains on these networks in mixed precision, 10^12/s
    most_clips: float = 1500.0  # clips/s of a training step, however small the network: launches and memory bind
    clips_a_core: float = 400.0  # clips/s that one core decodes and cuts (docs/performance.md, loader)
    jpeg_bytes: float = 7_500.0  # a stored frame of 170x128, JPEG quality 90 (docs/performance.md)
    noisy_bytes: float = 65_300.0  # the same with noise: its pixels
    stored_frames: float = 600.0  # frames/s that one core writes into a store (docs/performance.md: 300 a video)
    noisy_frames: float = 125.0  # noisy frames/s that one core makes at 340x256: 5 ms of noise, 3 ms of resizing
    cores_a_gpu: int = 8  # compute.threads in config/paper.yaml


@dataclass
class Cost:
    """Of one stage."""

    jobs: int = 0
    gpu_seconds: float = 0.0
    core_seconds: float = 0.0
    bytes: float = 0.0
    files: int = 0


class Sizes:
    """What a cell of the study amounts to."""

    def __init__(self, study: Study, assumed: Assumptions) -> None:
        self.study, self.assumed = study, assumed

    @cache  # noqa: B019  (lives as long as the process)
    def gflops(self, backbone: str) -> float:
        with torch.device("meta"):
            return count_gflops(backbones.build(backbone))

    @cache  # noqa: B019
    def parameters(self, backbone: str) -> int:
        with torch.device("meta"):
            return count_parameters(backbones.build(backbone))

    @cache  # noqa: B019
    def passes(self, task: str, complexity: str) -> tuple[float, float]:
        """Clips a video that go through a backbone with and without gradient in one step, counted on a tiny network."""
        cell = next(c for c in self.study.pretraining if (c.task, c.complexity) == (task, complexity))
        spec = specs.pretrain_spec(self.study, cell)
        small = {"name": "shufflenet", "options": {"width": 0.25}}
        options = {**spec["options"], **({"queue_size": 8} if "queue_size" in spec["options"] else {})}
        module = build_task({**spec, "backbone": small, "options": options}).train()
        seen: Counter[bool] = Counter()
        for part in module.modules():
            if isinstance(part, Backbone):
                part.register_forward_pre_hook(lambda _, x: seen.update({torch.is_grad_enabled(): len(x[0])}))
        videos, drawn = 4, module.sampler(300, np.random.default_rng(0))
        clips = torch.randn(videos, len(drawn.clips), 3, len(drawn.clips[0]), 32, 32)
        module(clips, torch.full((videos,), drawn.choice), torch.Generator().manual_seed(0))
        return seen[True] / videos, seen[False] / videos

    def training(self, backbone: str, trained: float, untrained: float) -> float:
        """Seconds for so many clips: three forward passes' operations with gradient, one without."""
        operations = self.gflops(backbone) * 1e9 * (3 * trained + untrained)
        return max(operations / (self.assumed.tflops * 1e12), (trained + untrained) / self.assumed.most_clips)

    def gpu_seconds(self, cell: Cell) -> float:
        study, config = self.study, self.study.config
        if cell.stage == "pretrain":
            before = study.previous(cell)
            epochs = config.epochs[cell.epochs] - (config.epochs[before.epochs] if before else 0)
            videos = _subset(study, cell) * epochs
            trained, untrained = self.passes(cell.task, cell.complexity)
            return self.training(cell.backbone, videos * trained, videos * untrained)
        if cell.stage in CPU_STAGES:
            return 0.0
        train, test, _ = DATASETS[cell.target]
        clips = config.finetune.test_clips
        if cell.stage == "features":
            return self.training(cell.backbone, 0, clips * (train + test))
        if cell.stage == "robustness":
            return self.training(cell.backbone, 0, clips * _noisy_videos(study, cell.target))
        if cell.stage == "cka":
            return self.training(cell.backbone, 0, 2 * config.cka.videos)
        teachers = sum(
            self.training(other.backbone, 0, train * config.finetune.epochs)
            for other in (cell.partners if cell.stage == "distill" else ())
        )
        return teachers + self.training(cell.backbone, train * config.finetune.epochs, clips * test)

    def stored(self, cell: Cell) -> float:
        """Bytes that a cell leaves: weights, and the checkpoint with momentum (and with a second encoder, if any)."""
        if cell.stage == "features":
            return 4 * self.feature_dim(cell.backbone) * sum(DATASETS[cell.target][:2])
        if cell.stage not in ("pretrain", "finetune", "distill"):
            return 3e4
        encoders = 1
        if cell.stage == "pretrain":
            encoders = 2 if self.passes(cell.task, cell.complexity)[1] else 1
        return 4 * self.parameters(cell.backbone) * (1 + 1 + encoders)

    @cache  # noqa: B019
    def feature_dim(self, backbone: str) -> int:
        with torch.device("meta"):
            return backbones.build(backbone).feature_dim


def _subset(study: Study, cell: Cell) -> int:
    size = study.config.subsets[cell.subset]
    return DATASETS[cell.source][0] if size == "all" else size


def _noisy_videos(study: Study, dataset: str) -> int:
    """Videos in all noisy sets of a dataset together."""
    sizes = specs.noise_spec(study.config)["videos"]
    test = DATASETS[dataset][1]
    return sum(test if size == "all" else min(size, test) for kind in sizes for size in sizes[kind])


def costs(study: Study, sizes: Sizes) -> dict[str, Cost]:
    """By stage, the data stages first."""
    found: dict[str, Cost] = defaultdict(Cost)
    assumed = sizes.assumed
    for name in study.datasets:
        train, test, frames = DATASETS[name]
        shards = study.config.datasets[name].shards
        found["frame stores"].jobs += shards + 2
        found["frame stores"].bytes += (train + test) * frames * assumed.jpeg_bytes
        found["frame stores"].core_seconds += (train + test) * frames / assumed.stored_frames
        found["frame stores"].files += 2 * shards + 2
    for name in {cell.target for cell in study.all_cells if cell.stage == "robustness"}:
        shards = study.config.noise.shards
        found["noisy sets"].jobs += shards * len(NOISES) + 1
        found["noisy sets"].bytes += _noisy_videos(study, name) * DATASETS[name][2] * assumed.noisy_bytes
        found["noisy sets"].core_seconds += _noisy_videos(study, name) * DATASETS[name][2] / assumed.noisy_frames
        found["noisy sets"].files += len(NOISES) * len(SEVERITIES) * (2 * shards + 1)
    for cell in study.with_needs(study.all_cells):
        cost = found[cell.stage]
        cost.jobs += 1
        cost.gpu_seconds += sizes.gpu_seconds(cell)
        cost.bytes += sizes.stored(cell)
        cost.files += FILES[cell.stage]
    return found


def longest_chain(study: Study, sizes: Sizes) -> tuple[float, list[Cell]]:
    """Seconds and cells of the longest chain of jobs that each wait for the one before."""

    @cache
    def until(cell: Cell) -> tuple[float, tuple[Cell, ...]]:
        before = [*cell.needs, *([study.previous(cell)] if cell.stage == "pretrain" and study.previous(cell) else [])]
        seconds, chain = max((until(other) for other in before), default=(0.0, ()), key=lambda found: found[0])
        return seconds + sizes.gpu_seconds(cell), (*chain, cell)

    seconds, chain = max((until(cell) for cell in study.with_needs(study.all_cells)), key=lambda found: found[0])
    return seconds, list(chain)


def render(study: Study, sizes: Sizes) -> str:
    found, assumed = costs(study, sizes), sizes.assumed
    lines = ["| stage | jobs | GPU-hours | core-hours | GB on disk | files |", "|---|---:|---:|---:|---:|---:|"]
    for name, cost in found.items():
        gpu, cores, size = cost.gpu_seconds / 3600, cost.core_seconds / 3600, cost.bytes / 1e9
        lines.append(f"| {name} | {cost.jobs:,} | {gpu:,.0f} | {cores:,.0f} | {size:,.1f} | {cost.files:,} |")
    totals = {field.name: sum(getattr(cost, field.name) for cost in found.values()) for field in fields(Cost)}
    hours = totals["gpu_seconds"] / 3600
    lines.append(
        f"| **all** | {totals['jobs']:,} | {hours:,.0f} | {totals['core_seconds'] / 3600:,.0f} |"
        f" {totals['bytes'] / 1e9:,.0f} | {totals['files']:,} |"
    )
    heads = ("network", "GFLOPs a clip", "parameters, M", "training clips/s of a GPU", "cores that feed it")
    lines += ["", "### By network", "", f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|"]
    for backbone in sorted({cell.backbone for cell in study.all_cells}):
        rate = 1 / sizes.training(backbone, 1, 0)
        values = (
            sizes.gflops(backbone),
            sizes.parameters(backbone) / 1e6,
            rate,
            math.ceil(rate / assumed.clips_a_core),
        )
        lines.append("| {} | {:.1f} | {:.1f} | {:,.0f} | {} |".format(backbone, *values))
    seconds, chain = longest_chain(study, sizes)
    lines += ["", "### 8 and 64 GPUs", ""]
    lines += [
        f"The longest chain of jobs that wait for each other takes {seconds / 3600:.1f} h "
        f"(it ends in `{chain[-1].path}`); no number of GPUs makes the study faster than that, and from "
        f"{math.ceil(hours * 3600 / seconds)} GPUs on it is what is waited for, unless a job "
        "is spread over several.",
        "",
    ]
    clip_bytes = 16 * assumed.jpeg_bytes
    for gpus in (8, 64):
        days = max(hours / gpus, seconds / 3600) / 24
        fastest = assumed.most_clips
        supply = assumed.cores_a_gpu * assumed.clips_a_core
        lines.append(
            f"- **{gpus} GPUs**: {days:.1f} days of computing. If all train the smallest networks at once they take "
            f"{gpus * fastest:,.0f} clips/s: {gpus * fastest / assumed.clips_a_core:.0f} cores of loading "
            f"({fastest / assumed.clips_a_core:.1f} a GPU, of the {assumed.cores_a_gpu} that a job asks for, which "
            f"supply {supply:,.0f}) and {gpus * fastest * clip_bytes / 1e9:.1f} GB/s from the frame stores in reads of "
            f"{clip_bytes / 1e3:.0f} kB."
        )
    lines += ["", "### Assumed", "", "| | |", "|---|---:|"]
    return "\n".join([*lines, *(f"| `{field.name}` | {getattr(assumed, field.name):g} |" for field in fields(assumed))])


def main() -> None:
    study = load_study([REPOSITORY / "config/config.yaml", PAPER])
    text = render(study, Sizes(study, Assumptions()))
    write_text(DOCUMENT, with_section(DOCUMENT.read_text(), "scale", text))
    print(text)


if __name__ == "__main__":
    main()
