"""What the paper's whole study costs, from its own table of cells: writes docs/scale.md.

    python -m benchmarks.scale

Counted: cells, jobs, parameters, operations (videossl.study.costs, from which `videossl plan` and
time limits come as well).
Assumed: what stands in `Assumptions`, and is printed with the result.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, fields
from functools import cache

import torch

from benchmarks.run import with_section
from benchmarks.settings import PAPER, REPOSITORY
from videossl.analysis.complexity import count_parameters
from videossl.backbones import registry as backbones
from videossl.common.files import write_text
from videossl.data.settings import NOISELESS, NOISES, SEVERITIES
from videossl.stages.base import WEIGHTS
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study import costs
from videossl.study.config.resources import Speed
from videossl.study.inventory import videos_of
from videossl.study.storage import frame_bytes, mean_frames, sentences, storage
from videossl.study.study import Study, load_study
from videossl.training.pretrain import build_task

DOCUMENT = REPOSITORY / "docs/scale.md"
SMALL = 3e4
"""Bytes of metrics, predictions, records and log of a job."""


def taken(value: float, meaning: str) -> float:
    """A number that is not counted, with what it stands for."""
    return field(default=value, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Assumptions:
    """What is not counted. (Clips a core, bytes and frames of the store: from docs/performance.md.)"""

    tflops: float = taken(40.0, "10^12 operations/s that an H100 sustains on these networks in mixed precision")
    max_clips: float = taken(
        1500.0, "clips/s that a GPU trains at most, however small the network"
    )  # launches and memory bind
    clips_a_core: float = taken(400.0, "clips/s that a core decodes and cuts")
    jpeg_bytes: float = taken(7_500.0, "bytes of a stored frame of 170x128, JPEG quality 90")
    noisy_bytes: float = taken(65_300.0, "bytes of the same frame with noise, kept as pixels")
    stored_frames: float = taken(600.0, "frames/s that a core writes into a store")
    noisy_frames: float = taken(
        125.0, "noisy frames/s that a core makes, of videos of 340x256"
    )  # 5 ms of noise, 3 ms of resizing


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
        self.assumed = assumed
        compute = study.config.compute
        # A job is as fast as the slower of network and loader, and a small network no faster than `max_clips`.
        clips = min(assumed.clips_a_core * compute.workers, assumed.max_clips)
        speed = Speed(flops_per_second=assumed.tflops * 1e12, clips_per_second=clips / compute.workers)
        compute = compute.model_copy(update={"speed": speed})
        self.study = Study(study.config.model_copy(update={"compute": compute}))

    def gpu_seconds(self, cell: Cell) -> float:
        return costs.gpu_seconds(cell, self.study)

    def training_rate(self, backbone: str) -> float:
        """Clips/s of a GPU in finetuning."""
        clip = self.study.config.finetune.clip
        operations = 3 * costs.clip_gflops(self.study.config, backbone, clip) * 1e9
        return min(self.assumed.tflops * 1e12 / operations, self.assumed.max_clips)

    @cache  # noqa: B019  (lives as long as the process)
    def parameters(self, backbone: str) -> int:
        with torch.device("meta"):
            return count_parameters(backbones.build(backbone))

    @cache  # noqa: B019
    def state(self, cell: Cell) -> tuple[int, int]:
        """Numbers in the whole state of a pretraining (a second encoder, a queue), and in what is trained of it."""
        with torch.device("meta"):
            task = build_task(stage("pretrain").spec(self.study, cell))
        return sum(value.numel() for value in task.state_dict().values()), count_parameters(task)

    def stored(self, cell: Cell) -> float:
        """Bytes that a cell leaves: a pretraining its weights and the state from which it goes on to further epochs,
        with the momentum of each trained number.
        """
        if cell.stage == "features":
            found = videos_of(self.study.config, cell.target)
            videos = found.train + found.test
            return 4 * self.feature_dim(cell.backbone) * videos
        if cell.stage == "pretrain":
            whole, trained = self.state(cell)
            return 4 * (self.parameters(cell.backbone) + whole + trained)
        if WEIGHTS in stage(cell.stage).results and not stage(cell.stage).of_models:
            return 4 * self.parameters(cell.backbone) + SMALL
        return SMALL

    @cache  # noqa: B019
    def feature_dim(self, backbone: str) -> int:
        with torch.device("meta"):
            return backbones.build(backbone).feature_dim


def files_of(name: str) -> int:
    """Number of files that a job of a stage leaves, its log included."""
    return len(stage(name).outputs) + len(stage(name).further_files) + 1


def by_stage(study: Study, sizes: Sizes) -> dict[str, Cost]:
    """The cost of each stage, the data stages first."""
    found: dict[str, Cost] = defaultdict(Cost)
    config, assumed = study.config, sizes.assumed
    cells = study.with_dependencies(study.all_cells)
    for one in storage(study):
        frames, cost = one.stored * mean_frames(config, one.dataset), found["frame stores"]
        cost.jobs += one.files + 1 + (one.whole > 0)  # listing, manifest
        cost.bytes += frames * frame_bytes(config.store)
        cost.core_seconds += frames / assumed.stored_frames
        cost.files += 2 * one.files + 1 + (one.whole > 0)
    for name in {cell.target for cell in cells if cell.stage == "robustness"}:
        frames = sum(costs.noisy_videos(config, name, noise) for noise in (NOISELESS, *NOISES)) * mean_frames(
            config, name
        )
        shards, cost = config.noise.shards, found["noisy sets"]
        cost.jobs += shards * (len(NOISES) + 1) + 1
        cost.bytes += frames * assumed.noisy_bytes
        cost.core_seconds += frames / assumed.noisy_frames
        cost.files += (len(NOISES) * len(SEVERITIES) + 1) * (2 * shards + 1)
    for cell in cells:
        cost = found[cell.stage]
        cost.jobs += 1
        cost.gpu_seconds += sizes.gpu_seconds(cell)
        cost.bytes += sizes.stored(cell)
        cost.files += files_of(cell.stage)
    return found


def longest_chain(study: Study, sizes: Sizes) -> tuple[float, list[Cell]]:
    """Seconds and cells of the longest chain of jobs that each wait for the one before."""

    @cache
    def until(cell: Cell) -> tuple[float, tuple[Cell, ...]]:
        before = study.dependencies(cell)
        seconds, chain = max((until(other) for other in before), default=(0.0, ()), key=lambda found: found[0])
        return seconds + sizes.gpu_seconds(cell), (*chain, cell)

    seconds, chain = max((until(cell) for cell in study.with_dependencies(study.all_cells)), key=lambda found: found[0])
    return seconds, list(chain)


def render(study: Study, sizes: Sizes) -> str:
    """The section of docs/scale.md."""
    found = by_stage(study, sizes)
    hours = sum(cost.gpu_seconds for cost in found.values()) / 3600
    lines = [*_stages(found), "", *sentences(storage(study))[:1], "", "## By network", "", *_networks(study, sizes)]
    lines += ["", "## 8 and 64 GPUs", "", *_many_gpus(study, sizes, hours)]
    lines += ["", "## Assumed", "", "| | |", "|---|---:|"]
    values = [(one.metadata["meaning"], getattr(sizes.assumed, one.name)) for one in fields(sizes.assumed)]
    return "\n".join([*lines, *(f"| {meaning} | {value:,.0f} |" for meaning, value in values)])


def _stages(found: dict[str, Cost]) -> list[str]:
    lines = ["| stage | jobs | GPU-hours | core-hours | GB on disk | files |", "|---|---:|---:|---:|---:|---:|"]
    total = Cost(*(sum(getattr(cost, one.name) for cost in found.values()) for one in fields(Cost)))
    for name, cost in {**found, "**all**": total}.items():
        gpu, cores, size = cost.gpu_seconds / 3600, cost.core_seconds / 3600, cost.bytes / 1e9
        lines.append(f"| {name} | {cost.jobs:,} | {gpu:,.0f} | {cores:,.0f} | {size:,.1f} | {cost.files:,} |")
    return lines


def _networks(study: Study, sizes: Sizes) -> list[str]:
    heads = ("network", "GFLOPs a clip", "parameters, M", "training clips/s of a GPU", "cores that feed it")
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|"]
    for backbone in sorted({cell.backbone for cell in study.of_stage("finetune")}):
        rate = sizes.training_rate(backbone)
        gflops = costs.clip_gflops(study.config, backbone, costs.PAPER_CLIP)
        cores = math.ceil(rate / sizes.assumed.clips_a_core)
        lines.append(f"| {backbone} | {gflops:.1f} | {sizes.parameters(backbone) / 1e6:.1f} | {rate:,.0f} | {cores} |")
    return lines


def _many_gpus(study: Study, sizes: Sizes, hours: float) -> list[str]:
    assumed, compute = sizes.assumed, study.config.compute
    seconds, chain = longest_chain(study, sizes)
    lines = [
        f"The longest chain of jobs that wait for each other takes {seconds / 3600:.1f} h "
        f"(it ends in `{chain[-1].path}`); no number of GPUs makes the study faster than that, and from "
        f"{math.ceil(hours * 3600 / seconds)} GPUs on it is what is waited for, unless a single job "
        "is spread over several.",
        "",
    ]
    clip_bytes = 16 * assumed.jpeg_bytes
    for gpus in (8, 64):
        days = max(hours / gpus, seconds / 3600) / 24
        fastest = assumed.max_clips
        supply = compute.workers * assumed.clips_a_core
        lines.append(
            f"- **{gpus} GPUs**: {days:.1f} days of computing. If all train the smallest networks at once they take "
            f"{gpus * fastest:,.0f} clips/s: {gpus * fastest / assumed.clips_a_core:.0f} cores of loading "
            f"({fastest / assumed.clips_a_core:.1f} a GPU, of the {compute.workers} loader processes of a job, which "
            f"supply {supply:,.0f}) and {gpus * fastest * clip_bytes / 1e9:.1f} GB/s from the frame stores in reads of "
            f"{clip_bytes / 1e3:.0f} kB."
        )
    return lines


def main() -> None:
    study = load_study([REPOSITORY / "config/config.yaml", PAPER])
    text = render(study, Sizes(study, Assumptions()))
    write_text(DOCUMENT, with_section(DOCUMENT.read_text(), "scale", text))
    print(text)


if __name__ == "__main__":
    main()
