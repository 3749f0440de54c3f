"""Choice of the device."""

from __future__ import annotations

import os

import torch

from videossl.common.distributed import join
from videossl.common.errors import UserError
from videossl.common.ranks import local_rank
from videossl.training.gpus import claim


def choose_device(name: str) -> torch.device:
    """The torch device for `compute.device`: `auto` is a GPU if there is one.

    With several processes, joins the process group. Each process takes its own GPU, also of those of other jobs on the
    machine (:mod:`videossl.training.gpus`). Raises UserError for `cuda` on a machine without usable GPU, or with fewer
    GPUs than processes.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "compute.device is 'cuda' but this machine has no usable GPU. Set compute.device to 'auto' or 'cpu', "
            "or run with `--profile slurm` so that the job goes to a GPU node."
        )
    if name == "cuda" and local_rank() >= torch.cuda.device_count():
        raise UserError(
            f"process {local_rank()} of this machine has no GPU: there are {torch.cuda.device_count()}. Lower "
            "compute.gpus, or check that the cluster gives a job as many GPUs as it requests."
        )
    device = torch.device("cpu")
    if name == "cuda":
        device = torch.device("cuda", _number())
        torch.cuda.set_device(device)
    join(cuda=name == "cuda")
    return device


def _number() -> int:
    """The GPU of this process."""
    try:
        return claim(_names(), _job())
    except OSError as error:  # no locks there, or a folder of another user
        print(f"GPUs cannot be claimed ({error}): other jobs on this machine may take the same one", flush=True)
        return local_rank()


def _names() -> list[str]:
    """What identifies each visible GPU on this machine, whatever its number in this process."""
    return [str(torch.cuda.get_device_properties(number).uuid) for number in range(torch.cuda.device_count())]


def _job() -> str:
    """The same text in all processes that torchrun started for a job; "" for a job of one process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ""
    return "{MASTER_ADDR}:{MASTER_PORT}".format_map(os.environ)
