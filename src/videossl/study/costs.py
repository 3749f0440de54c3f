"""Estimated costs of jobs, for time limits on a cluster and for `videossl plan`. Imports no torch.

The work of a training is epochs x videos x operations per video. Operations come from `backbones/gflops.csv` (one
forward pass of a clip of 16 x 112 x 112, counted as for Table 10 of the paper) and from `cost` of the task's recipe;
speeds come from `compute.speed` of the configuration. The estimates are meant for time limits with head-room, not for
comparing networks.

`python -m videossl.study.costs` writes the table of operations; a test fails if it is out of date.
"""

from __future__ import annotations

import csv
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from videossl.data.settings import NOISELESS, SEVERITIES, ClipShape
from videossl.stages.base import Work
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.config import Config, Recipe
from videossl.study.inventory import videos_of
from videossl.training.settings import by_backbone

if TYPE_CHECKING:
    from videossl.study.study import Study

TABLE = Path(__file__).parents[1] / "backbones/gflops.csv"
BROKEN = 0.02
"""Share of a subset's videos that its job can replace within its time limit, at the first attempt."""
MORE_MEMORY = 2
"""How many times a job gets more memory: one that still has too little needs a user, not a larger node."""
PAPER_CLIP = ClipShape(frames=16, size=112)
"""The clip shape of the table of operations."""


class Devices(NamedTuple):
    """Devices of a job."""

    gpus: int
    """Per node."""
    nodes: int
    processes: int
    """Per node."""


def devices(config: Config, cell: Cell) -> Devices:
    """The devices of the job of `cell`; only trainings use more than one."""
    compute, one = config.compute, stage(cell.stage)
    runs_on = one.devices_of(cell)
    if runs_on != "all devices":
        return Devices(0 if runs_on == "cpu" else min(1, compute.gpus), 1, 1)
    own = compute.parallel.get(one.parallel_key(cell), compute)
    return Devices(own.gpus, own.nodes, compute.processes or max(own.gpus, 1))


def gpu_seconds(cell: Cell, study: Study) -> float:
    """GPU time of the job of `cell` in seconds, summed over its GPUs; 0 if the study uses no GPU."""
    gpus, nodes, _ = devices(study.config, cell)
    return job_seconds(cell, study) * gpus * nodes


def job_seconds(cell: Cell, study: Study) -> float:
    """Wall-clock seconds of the job of `cell` at the configured speeds, without start-up; 0 for short jobs."""
    work = stage(cell.stage).work(study, cell)
    return 0.0 if work is None else _seconds_of(work, cell, study)


def _seconds_of(work: Work, cell: Cell, study: Study) -> float:
    """The slower of the network and the clip loading determines the time."""
    compute = study.config.compute
    gpus, nodes, processes = devices(study.config, cell)
    speed = float(by_backbone(compute.speed.flops_per_second, cell.backbone, "compute.speed.flops_per_second"))
    network = work.gflops * 1e9 / (speed * nodes * (gpus or compute.threads * processes))
    loaders = nodes * processes * max(1, compute.workers)
    return max(network, work.clips / (compute.speed.clips_per_second * loaders))


def runtime_minutes(cell: Cell, study: Study, out_of_time: int = 0) -> int:
    """Time limit in minutes of the job of `cell` on a cluster: the estimate with head-room.

    out_of_time: number of its attempts that reached their limit. Each adds half of the estimate, although the next
    attempt continues where the last one ended. Capped at the cluster's longest.
    """
    one, limits = stage(cell.stage), study.config.compute.limits
    if videos := one.videos_read(study, cell):
        compute = study.config.compute
        return data_minutes(study.config, videos / max(1, compute.workers) * compute.data_processes, out_of_time)
    work = one.work(study, cell)
    if work is None:
        return other_minutes(study.config, out_of_time)
    minutes = _seconds_of(work, cell, study) / 60 * limits.headroom + limits.start_minutes
    return _allowed(minutes * (2 + out_of_time) / 2, study.config)


def data_minutes(config: Config, videos: float, out_of_time: int = 0) -> int:
    """Time limit in minutes of a job that stores `videos` in any form; doubles after a first limit that was too short,
    as the next attempt starts over."""
    limits, processes = config.compute.limits, config.compute.data_processes
    minutes = videos * config.compute.speed.seconds_per_stored_video / processes / 60
    return _allowed((minutes * limits.headroom + limits.start_minutes) * (1 + out_of_time), config)


def other_minutes(config: Config, out_of_time: int = 0) -> int:
    """Time limit in minutes of a job that neither runs a network nor stores videos."""
    return _allowed(config.compute.limits.other_minutes * (1 + out_of_time), config)


def _allowed(minutes: float, config: Config) -> int:
    return math.ceil(min(minutes, config.cluster.longest_minutes or minutes))


def memory_mb(config: Config, *, trains: bool, processes: int = 1, out_of_memory: int = 0) -> int:
    """Main memory in MB requested on each node, without what the files that it reads take.

    Each loader process holds torch and a batch, each further process that decodes about as much.

    Args:
        processes: of the training, on the node; of other jobs, those that decode.
        out_of_memory: number of attempts that ended for want of memory; the first two add the same amount again.
    """
    memory = config.compute.memory
    if trains:
        asked = processes * (memory.training + memory.worker * config.compute.workers)
    else:
        asked = memory.other + memory.worker * (processes - 1)
    return (1 + min(out_of_memory, MORE_MEMORY)) * asked


def clip_gflops(config: Config, backbone: str, clip: ClipShape) -> float:
    """10^9 operations per forward pass of one clip: the table's value, scaled to the study's width and clip.

    Operations grow with the square of the width (both sides of a convolution). Other backbone options are ignored. A
    backbone missing from the table gets the largest value of the table.
    """
    table = gflops_table()
    pixels = clip.frames * clip.size**2 / (PAPER_CLIP.frames * PAPER_CLIP.size**2)
    return table.get(backbone, max(table.values())) * _share_of_width(config, backbone) * pixels


def _share_of_width(config: Config, backbone: str) -> float:
    """Operations, or parameters, of a network of the study's width as a share of those at full width."""
    return float((config.backbones or {}).get(backbone, {}).get("width", 1.0)) ** 2


def parameters(config: Config, backbone: str) -> float:
    """Number of parameters from the table, scaled to the study's width. A backbone missing from it gets the largest."""
    table = _table()
    millions = {name: float(row["parameters_millions"]) for name, row in table.items()}
    return millions.get(backbone, max(millions.values())) * 1e6 * _share_of_width(config, backbone)


def gflops_table() -> dict[str, float]:
    """Operations by backbone at full width, from the committed table."""
    return {name: float(row["gflops"]) for name, row in _table().items()}


@cache
def _table() -> dict[str, dict[str, str]]:
    with TABLE.open(newline="", encoding="utf-8") as handle:
        return {row["backbone"]: row for row in csv.DictReader(handle)}


def task_work(config: Config, recipe: Recipe, cell: Cell) -> Work:
    """Work of training on one video with a pretext task."""
    cost, options = recipe.cost, recipe.task_options(cell.complexity)

    def number(value: int | str) -> float:
        return float(options[value] if isinstance(value, str) else value)

    passes = float(by_backbone(cost.forward_passes, cell.backbone, "cost.forward_passes")) * number(cost.times)
    pixels = recipe.clip.frames * recipe.clip.size**2 / (PAPER_CLIP.frames * PAPER_CLIP.size**2)
    extra = float(by_backbone(cost.extra_gflops, cell.backbone, "cost.extra_gflops")) * pixels
    extra *= _share_of_width(config, cell.backbone)  # unless told otherwise, decoders are as wide as their network
    return Work(passes * clip_gflops(config, cell.backbone, recipe.clip) + extra, number(cost.loaded))


def noisy_videos(config: Config, dataset: str, noise: str) -> int:
    """Approximate number of noisy copies of test videos for one kind of noise, over all severities.

    For NOISELESS: the number of test videos.
    """
    test = videos_of(config, dataset).test
    if noise == NOISELESS:
        return test
    sizes = config.noise.videos[noise]
    each = sizes if isinstance(sizes, list) else [sizes] * len(SEVERITIES)
    return sum(test if size == "all" else min(size, test) for size in each)


def videos_in_shard(config: Config, dataset: str) -> float:
    """Number of videos in a shard of a dataset that is stored as a whole."""
    return videos_of(config, dataset).all / config.datasets[dataset].shards


def copies_in_shard(config: Config, dataset: str, noise: str) -> float:
    """Number of noisy copies in a shard of one noise's test sets, or of the set without noise."""
    return noisy_videos(config, dataset, noise) / config.noise.shards


def replaced_videos(config: Config, subset: str) -> float:
    """Number of videos for which a subset's job has time: those that replace broken ones."""
    size = config.subsets[subset]
    return 0.0 if size == "all" else size * BROKEN


def write_table() -> None:
    """Count the operations and parameters of every backbone and write the table."""
    from videossl.analysis.complexity import gflops_of_backbones, parameters_of_backbones  # imports torch
    from videossl.common.files import write_text

    numbers = parameters_of_backbones()
    lines = [f"{name},{gflops:.2f},{numbers[name] / 1e6:.2f}\n" for name, gflops in gflops_of_backbones().items()]
    write_text(TABLE, "backbone,gflops,parameters_millions\n" + "".join(lines))


if __name__ == "__main__":
    write_table()
