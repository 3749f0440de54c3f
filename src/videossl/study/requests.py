"""What a job asks a cluster for, under the names that Snakemake's Slurm executor knows. Imports no torch.

Tested on the lines that the executor builds from them (tests/workflow/test_submissions.py).
"""

from __future__ import annotations

from typing import Any

from videossl.stages.base import Stage
from videossl.stages.cells import Cell
from videossl.study import costs
from videossl.study.attempts import NOTHING, Past
from videossl.study.config import Config
from videossl.study.costs import Devices
from videossl.study.storage import read_mb
from videossl.study.study import Study

Request = dict[str, int | str]
NAMES = (
    *("mem_mb", "runtime", "slurm_account", "slurm_partition", "attempt"),
    *("gpu", "gpu_model", "gres", "nodes", "tasks", "tasks_per_gpu", "mpi"),
)
"""All names; a job has some of them."""
NO_TRIAL_MINUTES = 10
"""Time limit of an attempt that only repeats the message of the one before."""


def of_cell(study: Study, stage: Stage[Any], cell: Cell, attempt: int = 1, past: Past = NOTHING) -> Request:
    """The request of a cell's job.

    After a mistake of the user the next attempt ends at once, and asks for next to nothing.
    """
    config = study.config
    number: Request = {"attempt": attempt}  # for the script
    if past.mistake:
        return {"mem_mb": config.compute.memory.other, "runtime": NO_TRIAL_MINUTES} | _site(config, gpus=0) | number
    devices = study.devices(cell)
    trains = stage.devices_of(cell) != "cpu"
    processes = devices.processes if trains else 1
    memory = costs.memory_mb(config, trains=trains, processes=processes, out_of_memory=past.out_of_memory)
    cache = min(read_mb(study, cell), config.compute.memory.cache) if trains else 0
    runtime = costs.runtime_minutes(cell, study, past.out_of_time)
    asked: Request = {"mem_mb": memory + cache, "runtime": runtime}
    return asked | _site(config, devices.gpus) | _devices(config, devices, cell.backbone) | number


def of_data(config: Config, videos: float | None, past: Past = NOTHING) -> Request:
    """The request of a job that prepares data: one that stores about `videos` videos, or none."""
    if videos is None:
        minutes, processes = costs.other_minutes(config, past.out_of_time), 1
    else:
        minutes, processes = costs.data_minutes(config, videos, past.out_of_time), config.compute.data_processes
    memory = costs.memory_mb(config, trains=False, processes=processes, out_of_memory=past.out_of_memory)
    return {"mem_mb": memory, "runtime": minutes} | _site(config, gpus=0)


def _site(config: Config, gpus: int) -> Request:
    cluster = config.cluster
    partition = cluster.gpu_partition if gpus else cluster.cpu_partition
    found = {"slurm_account": cluster.account, "slurm_partition": partition}
    return {name: value for name, value in found.items() if value}


def _devices(config: Config, devices: Devices, backbone: str) -> Request:
    """GPUs and nodes.

    Slurm may spread `--gpus=4` over nodes, so several GPUs of one node are asked for with `nodes=1`. One GPU is not:
    in a group job Snakemake adds up the nodes of its parts.
    """
    cluster = config.cluster
    if not devices.gpus and devices.nodes == 1:
        return {}
    model = f"{cluster.gpu_model}:" if cluster.gpu_model else ""
    gres = f"gpu:{model}{devices.gpus}"
    if devices.nodes > 1:
        # `mpi`: the executor must not start the job through srun, as workflow/scripts/on_nodes.sh does. It refuses
        # `tasks_per_node: 1`; as many tasks as nodes are one a node. `tasks` would also become tasks per GPU.
        nodes: Request = {"nodes": devices.nodes, "tasks": devices.nodes, "tasks_per_gpu": 0, "mpi": "srun"}
        return nodes | ({"gpu": 0, "gres": gres} if devices.gpus else {})
    one_node: Request = {"nodes": 1} if devices.gpus > 1 else {}
    if devices.gpus == 1 and backbone in cluster.share:
        return {"gpu": 0, "gres": cluster.share[backbone]}
    if cluster.gpus_by == "gres":
        return one_node | {"gpu": 0, "gres": gres}
    return one_node | {"gpu": devices.gpus} | ({"gpu_model": cluster.gpu_model} if cluster.gpu_model else {})
