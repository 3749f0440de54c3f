# Resources of jobs: devices, launchers of processes, time limits, memory. Contains only functions.

from videossl.study import costs


def threads_of(stage):
    """The CPU threads of a stage's job, on each node."""
    if stage.runs_on == "cpu":
        return 1

    def threads(study, cell):
        return 1 if stage.devices_of(cell) == "cpu" else COMPUTE.threads * study.devices(cell).processes

    return of_cell(stage, threads)


def resources_of(stage):
    """Resources of a stage's job: GPUs over all nodes, main memory per node in MB, time limit in minutes."""
    find = of_cell(stage, lambda study, cell: cell)

    def memory(wildcards, attempt):
        cell = find(wildcards)
        trains, processes = stage.devices_of(cell) != "cpu", STUDY.devices(cell).processes
        return costs.memory_mb(CONFIG, trains=trains, attempt=attempt, processes=processes)

    def runtime(wildcards, attempt):
        return costs.runtime_minutes(find(wildcards), STUDY, attempt)

    gpus = of_cell(stage, lambda study, cell: study.devices(cell).gpus * study.devices(cell).nodes)
    found = {"mem_mb": memory, "runtime": runtime, "attempt": lambda wildcards, attempt: attempt}
    return {**found, **({} if stage.runs_on == "cpu" else {"gpu": gpus})}


def launcher_of(stage):
    """Parameter function: the launcher of a stage's script: python, or torchrun for several processes."""
    find = of_cell(stage, lambda study, cell: study.devices(cell))

    def launcher(wildcards, input):
        _, nodes, processes = find(wildcards)
        if nodes > 1:
            return f"bash {shlex.quote(f'{SCRIPTS}/on_nodes.sh')} {nodes} {processes} {COMPUTE.threads * processes}"
        return f"torchrun --standalone --nproc-per-node {processes}" if processes > 1 else PYTHON

    return launcher


def decoding(videos):
    """Resource function: time limit in minutes of a job that stores about `videos(wildcards)` videos."""
    return lambda wildcards, attempt: costs.data_minutes(CONFIG, videos(wildcards), attempt=attempt)


store_runtime = decoding(lambda wildcards: costs.videos_in_shard(CONFIG, wildcards.dataset))
train_runtime = decoding(lambda wildcards: CONFIG.store.videos_per_shard)
subset_runtime = decoding(lambda wildcards: costs.replaced_videos(CONFIG, wildcards.subset))
sample_runtime = decoding(lambda wildcards: CONFIG.heldout_videos)
noisy_runtime = decoding(
    lambda wildcards: costs.copies_in_shard(CONFIG, wildcards.dataset, getattr(wildcards, "noise", NOISELESS))
)


def other_memory(wildcards, attempt):
    """Resource function: main memory in MB of a job that runs no network."""
    return costs.memory_mb(CONFIG, trains=False, attempt=attempt)


OTHER_RESOURCES = {"mem_mb": other_memory, "runtime": lambda wildcards, attempt: costs.other_minutes(CONFIG, attempt)}
"""Resources of a job that neither runs a network nor stores videos."""
