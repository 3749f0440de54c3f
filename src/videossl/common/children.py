"""Processes that do not outlive those that they work for. Without torch."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress

from videossl.common.process_name import ENDED, RUNS, own_name, state_of

PR_SET_PDEATHSIG = 1
"""Linux's prctl(2): the signal that a process gets when its parent ends."""
CONTROLLER = "VIDEOSSL_CONTROLLER"
"""Environment variable: the name of the Snakemake process that a job works for."""
LOOK_SECONDS = 0.5
GRACE_SECONDS = 120.0
"""What a job that is told to stop has for its checkpoint, on a slow disk too."""


def end_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent (process id) ends, of whatever it ends. To be called in the
    child. Without effect elsewhere than on Linux."""
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


def become_controller() -> None:
    """Jobs that this process starts from now on work for it."""
    os.environ[CONTROLLER] = own_name()


def stop_with_controller() -> None:
    """Stop this job when the Snakemake process that it works for has ended, which could then neither wait for it nor
    stop it. Without effect where there is none, or on another machine, as of a training on several nodes.

    Between the two stands a shell, so the kernel cannot be asked.
    """
    if name := os.environ.get(CONTROLLER):
        threading.Thread(target=_stop_with, args=(name,), daemon=True).start()


def _stop_with(name: str) -> None:
    while state_of(name) == RUNS:
        time.sleep(LOOK_SECONDS)
    if state_of(name) == ENDED:
        stop_this_process()


def stop_this_process() -> None:
    """Tell this process to stop, as a scheduler would, and see that it does. To be called in a thread."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
