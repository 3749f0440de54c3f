"""Choice of the device."""

from __future__ import annotations

import torch

from videossl.errors import UserError


def choose_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one. Asking for `cuda` on a machine without one is an error."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "compute.device is 'cuda' but this machine has no usable GPU. Set compute.device to 'auto' or 'cpu', "
            "or run with `--profile slurm` so that the job goes to a GPU node."
        )
    return torch.device(name)
