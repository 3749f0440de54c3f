"""Child processes that do not outlive the one that started them. Without torch."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
"""Linux's prctl(2): the signal that a process gets when its parent ends."""


def end_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent (process id) ends, of whatever it ends. To be called in the
    child. Without effect elsewhere than on Linux."""
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
