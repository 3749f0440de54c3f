"""Choice of the device."""

from __future__ import annotations

import torch

from videossl.common.distributed import join
from videossl.common.errors import UserError
from videossl.common.ranks import local_rank


def choose_device(name: str) -> torch.device:
    """The torch device for `compute.device`: `auto` is a GPU if there is one.

    With several processes, joins the process group; each process takes its own GPU. Raises UserError for `cuda` on a
    machine without usable GPU, or with fewer GPUs than processes.
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
    device = torch.device(name, local_rank()) if name == "cuda" else torch.device(name)
    if name == "cuda":
        torch.cuda.set_device(device)
    join(cuda=name == "cuda")
    return device
