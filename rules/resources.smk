# What jobs ask for: devices and what starts a process on each, time limits, memory. Functions only.

import math

from videossl.study import costs
from videossl.study.inventory import videos_of


def devices(wildcards, rule):
    """GPUs on each node, nodes, and processes on each node of a training job."""
    return costs.devices(CONFIG, cell(rule, wildcards))


def all_gpus(rule):
    """Resource function: the GPUs of a training job, on all its nodes together."""
    return lambda wildcards: math.prod(devices(wildcards, rule)[:2])


def all_threads(rule):
    """The CPU threads of a training job, on each node."""
    return lambda wildcards: COMPUTE.threads * devices(wildcards, rule)[2]


def launcher(rule):
    """Parameter function: what starts the script of a training job: PYTHON, or torchrun for several processes."""

    def find(wildcards, input):
        _, nodes, processes = devices(wildcards, rule)
        if nodes > 1:
            return f"bash {shlex.quote(f'{SCRIPTS}/on_nodes.sh')} {nodes} {processes} {COMPUTE.threads * processes}"
        return f"torchrun --standalone --nproc-per-node {processes}" if processes > 1 else PYTHON

    return find


def network_runtime(stage):
    """Resource function: the time limit in minutes of a job of a cell."""
    return lambda wildcards, attempt: costs.runtime_minutes(cell(stage, wildcards), STUDY, attempt)


def store_runtime(wildcards, attempt):
    """Resource function: the time limit of a shard of a frame store."""
    videos = videos_of(CONFIG, wildcards.dataset).all / CONFIG.datasets[wildcards.dataset].shards
    return costs.data_minutes(CONFIG, videos, attempt=attempt)


def noisy_runtime(wildcards, attempt):
    """Resource function: the time limit of a shard of the noisy test sets of one noise, or of the one without."""
    noise = getattr(wildcards, "noise", NOISELESS)
    copies = costs.noisy_videos(CONFIG, wildcards.dataset, noise) / CONFIG.noise.shards
    return costs.data_minutes(CONFIG, copies, attempt=attempt)


def look_runtime(wildcards, attempt):
    """Resource function: the time limit of a video-language model's look at all videos of a dataset, from their files."""
    videos = videos_of(CONFIG, wildcards.target).all / max(1, COMPUTE.workers)
    return costs.data_minutes(CONFIG, videos, attempt=attempt)


def other_runtime(wildcards, attempt):
    """Resource function: the time limit of a job that neither runs a network nor stores videos."""
    return costs.other_minutes(CONFIG, attempt)


def network_memory(wildcards, attempt):
    """Resource function: main memory, in MB, of a job that runs a network."""
    return costs.memory_mb(CONFIG, trains=True, attempt=attempt)


def training_memory(rule):
    """Resource function: main memory of a training job, in MB, on each of its nodes."""

    def find(wildcards, attempt):
        return costs.memory_mb(CONFIG, trains=True, attempt=attempt, processes=devices(wildcards, rule)[2])

    return find


def other_memory(wildcards, attempt):
    """Resource function: main memory, in MB, of a job that runs none."""
    return costs.memory_mb(CONFIG, trains=False, attempt=attempt)
