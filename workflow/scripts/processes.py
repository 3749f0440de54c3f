"""Start the processes of one training on this machine: torchrun, which also passes on the warning before a time limit.

Takes torchrun's arguments. The warning is SIGURG (profiles/slurm/config.yaml). Slurm sends it to every process of a job
step; other schedulers only to the first, and torchrun by itself would keep it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

import psutil


def pass_on(number: int, frame: FrameType | None) -> None:
    """Send a signal to the processes that torchrun has started."""
    for child in psutil.Process().children():
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)


def main() -> None:
    signal.signal(signal.SIGURG, pass_on)
    from torch.distributed.run import main as torchrun

    torchrun()


if __name__ == "__main__":
    main()
