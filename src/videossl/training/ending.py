"""Ends the process of a job immediately, with an exit code that tells the outcome.

Python's own exit waits for loader workers, threads, and the clean-up of GPU and network libraries. After an error any
of these may wait forever, and the job would hold its GPU and the lock of its folder until its time limit. By then
everything that matters is written, so this module does not wait.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from videossl.common.distributed import leave
from videossl.common.errors import Interrupted, message_of
from videossl.common.ranks import is_main_process
from videossl.data.workers import leave_nothing
from videossl.training.interrupt import EXIT_INTERRUPTED

tell: Callable[[int], None] = lambda code: None  # noqa: E731 - replaced where others wait for more than the process
"""Called with the exit code before the process ends."""


def run_and_end(job: Callable[[], None]) -> NoReturn:
    """Run `job` and end this process.

    Exit codes: 0: success; 75: stopped by a signal, with the checkpoint written, which asks for a retry; 2: an error
    that the user can correct; 1: any other error.
    """
    try:
        job()
        leave()
    except BaseException as error:
        # End here, where the error still refers to its stack frames, and these to the loader. If the loader were
        # released, torch would close it and wait.
        code = 1
        try:
            code = _explained(error)
        finally:
            end(code)
    end(0)


def _explained(error: BaseException) -> int:
    """Print to standard error why the job ends. Returns the exit code."""
    if isinstance(error, Interrupted):
        if is_main_process():
            print("stopped by a signal; the checkpoint is written, and the next attempt resumes from it", flush=True)
        leave()  # all processes stop at the same step; after an error others may be waiting for what will not come
        return EXIT_INTERRUPTED
    if isinstance(error, SystemExit) and not isinstance(
        error.code, str
    ):  # of the command line, which has printed its usage
        return error.code or 0
    message = message_of(error)
    if message is not None:
        print(message, file=sys.stderr)
        return 2
    traceback.print_exception(error)
    return 1


def end(code: int) -> NoReturn:
    """End this process and its workers now."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):  # nothing is left to stop
        signal.signal(number, signal.SIG_IGN)
    leave_nothing()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    tell(code)
    os._exit(code)
