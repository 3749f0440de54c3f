"""Processes that end with the process they work for. Does not import torch."""

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
"""Option of Linux's prctl(2): the signal that a process gets when its parent ends."""
CONTROLLER = "VIDEOSSL_CONTROLLER"
"""Environment variable with the name of the Snakemake process that a job works for."""
LOOK_SECONDS = 0.5
GRACE_SECONDS = 120.0
"""Time that a stopped job has to write its checkpoint, enough for a slow disk."""


def end_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent (a process id) ends for whatever reason.

    Must be called in the child. Has no effect on other systems than Linux.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


def become_controller() -> None:
    """Declare this process the controller of all jobs that it starts from now on."""
    os.environ[CONTROLLER] = own_name()


def stop_with_controller() -> None:
    """Stop this job when the Snakemake process that it works for has ended, as nobody would wait for it or stop it.

    Has no effect if there is none, or if it runs on another machine, as in training on several nodes. A shell stands
    between the two processes, so the kernel cannot do it (:func:`end_with_parent`).
    """
    if name := os.environ.get(CONTROLLER):
        threading.Thread(target=_stop_with, args=(name,), daemon=True).start()


def _stop_with(name: str) -> None:
    while state_of(name) == RUNS:
        time.sleep(LOOK_SECONDS)
    if state_of(name) == ENDED:
        stop_this_process()


def stop_this_process() -> None:
    """Send this process the signals that a scheduler sends, until it has stopped. Must be called in a thread."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
