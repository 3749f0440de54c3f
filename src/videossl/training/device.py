"""Choice of the device."""

from __future__ import annotations

import torch

from videossl.common.distributed import join
from videossl.common.errors import UserError
from videossl.common.ranks import local_rank


def choose_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one. Asking for `cuda` on a machine without one is an error.

    Where several processes train together, each takes a GPU of its own; this is where they meet.
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
            "compute.gpus, or see that the cluster gives a job as many GPUs as it asks for."
        )
    device = torch.device(name, local_rank()) if name == "cuda" else torch.device(name)
    if name == "cuda":
        torch.cuda.set_device(device)
    join(cuda=name == "cuda")
    return device
