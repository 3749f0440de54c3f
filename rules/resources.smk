# Resources of jobs: devices, launchers of processes, time limits, memory. Contains only functions.

from videossl.study import costs
from videossl.study.inventory import videos_of


def threads_of(stage):
    """The CPU threads of a stage's job, on each node."""
    if stage.runs_on == "cpu":
        return 1
    return of_cell(stage, lambda study, cell: COMPUTE.threads * study.devices(cell).processes)


def resources_of(stage):
    """Resources of a stage's job: GPUs over all nodes, main memory per node in MB, time limit in minutes."""
    find = of_cell(stage, lambda study, cell: cell)

    def memory(wildcards, attempt):
        processes = STUDY.devices(find(wildcards)).processes
        return costs.memory_mb(CONFIG, trains=stage.runs_on != "cpu", attempt=attempt, processes=processes)

    def runtime(wildcards, attempt):
        return costs.runtime_minutes(find(wildcards), STUDY, attempt)

    gpus = of_cell(stage, lambda study, cell: study.devices(cell).gpus * study.devices(cell).nodes)
    return {"mem_mb": memory, "runtime": runtime, **({} if stage.runs_on == "cpu" else {"gpu": gpus})}


def launcher_of(stage):
    """Parameter function: the launcher of a stage's script: python, or torchrun for several processes."""
    find = of_cell(stage, lambda study, cell: study.devices(cell))

    def launcher(wildcards, input):
        _, nodes, processes = find(wildcards)
        if nodes > 1:
            return f"bash {shlex.quote(f'{SCRIPTS}/on_nodes.sh')} {nodes} {processes} {COMPUTE.threads * processes}"
        return f"torchrun --standalone --nproc-per-node {processes}" if processes > 1 else PYTHON

    return launcher


def store_runtime(wildcards, attempt):
    """Resource function: time limit in minutes of a shard of a frame store."""
    videos = videos_of(CONFIG, wildcards.dataset).all / CONFIG.datasets[wildcards.dataset].shards
    return costs.data_minutes(CONFIG, videos, attempt=attempt)


def noisy_runtime(wildcards, attempt):
    """Resource function: time limit in minutes of a shard of one noise's test sets, or of the set without noise."""
    noise = getattr(wildcards, "noise", NOISELESS)
    copies = costs.noisy_videos(CONFIG, wildcards.dataset, noise) / CONFIG.noise.shards
    return costs.data_minutes(CONFIG, copies, attempt=attempt)


def other_memory(wildcards, attempt):
    """Resource function: main memory in MB of a job that runs no network."""
    return costs.memory_mb(CONFIG, trains=False, attempt=attempt)


OTHER_RESOURCES = {"mem_mb": other_memory, "runtime": lambda wildcards, attempt: costs.other_minutes(CONFIG, attempt)}
"""Resources of a job that neither runs a network nor stores videos."""
