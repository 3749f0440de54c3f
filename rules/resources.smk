# What jobs ask for: devices, memory, time limits, partitions, launchers of processes. Contains only functions.

import time
from functools import lru_cache

from videossl.study import attempts, costs, requests

PARSED = time.time()
"""Start of this run, as a Unix timestamp in seconds; only the main process looks back at earlier attempts."""
SLURM_LOGS = Path(getattr(workflow.executor_settings, "logdir", None) or ".snakemake/slurm_logs")


def past_of(rule, wildcards, attempt, folder=None):
    """How earlier attempts of a job ended."""
    logs = attempts.slurm_logs(SLURM_LOGS, rule, [str(value) for value in wildcards])
    return attempts.past_of(attempt, folder, logs, PARSED)


@lru_cache(maxsize=None)
def request_of(stage, cell, attempt, past):
    """What the job of a cell asks for."""
    return requests.of_cell(STUDY, stage, cell, attempt, past)


def resources_of(stage):
    """Resources of a stage's job."""
    find = of_cell(stage, lambda study, cell: cell)

    def resource(name):
        def value(wildcards, attempt):
            cell = find(wildcards)
            past = past_of(stage.name, wildcards, attempt, STUDY.results / cell.path)
            return request_of(stage, cell, attempt, past).get(name)

        return value

    return {name: resource(name) for name in requests.NAMES}


def threads_of(stage):
    """The CPU threads of a stage's job, on each node."""
    if stage.runs_on == "cpu":
        return 1
    find = of_cell(stage, lambda study, cell: cell)

    def threads(wildcards, attempt):
        cell = find(wildcards)
        idle = stage.devices_of(cell) == "cpu" or (attempt > 1 and attempts.mistake_in(STUDY.results / cell.path))
        return 1 if idle else COMPUTE.threads * STUDY.devices(cell).processes

    return threads


def launcher_of(stage):
    """Parameter function: the launcher of a stage's script: python, or one for several processes."""
    find = of_cell(stage, lambda study, cell: cell)

    def launcher(wildcards, input):
        cell = find(wildcards)
        _, nodes, processes = STUDY.devices(cell)
        if attempts.mistake_in(STUDY.results / cell.path):
            return PYTHON  # which says it again
        if nodes > 1:
            return f"bash {shlex.quote(f'{SCRIPTS}/on_nodes.sh')} {nodes} {processes} {COMPUTE.threads * processes}"
        if processes > 1:
            return f"python {shlex.quote(f'{SCRIPTS}/processes.py')} --standalone --nproc-per-node {processes}"
        return PYTHON

    return launcher


def data_resources(rule, videos=None):
    """Resources of a job that prepares data; `videos(wildcards)`: about how many it stores."""

    def resource(name):
        def value(wildcards, attempt):
            stored = None if videos is None else videos(wildcards)
            return requests.of_data(CONFIG, stored, past_of(rule, wildcards, attempt)).get(name)

        return value

    return {name: resource(name) for name in ("mem_mb", "runtime", "slurm_account", "slurm_partition")}


def whole_shard(wildcards):
    """Videos that a shard of a whole dataset stores."""
    return costs.videos_in_shard(CONFIG, wildcards.dataset)


def train_shard(wildcards):
    """Videos that a shard of a source stores."""
    return CONFIG.store.videos_per_shard


def replacements(wildcards):
    """Videos that take the place of broken ones in a subset."""
    return costs.replaced_videos(CONFIG, wildcards.subset)


def heldout(wildcards):
    """Videos of a sample."""
    return CONFIG.heldout_videos


def copies(wildcards):
    """Noisy copies that a shard stores."""
    return costs.copies_in_shard(CONFIG, wildcards.dataset, getattr(wildcards, "noise", NOISELESS))
