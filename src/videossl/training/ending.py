"""How the process of a job ends: at once, however it went, with an exit code that says how.

Python's own way out waits: for the workers of a loader, for threads, for the clean-up of a GPU's or a network's
library. After an error any of these may wait for ever, and the job would hold its GPU, and the lock of its folder, up
to its time limit. By then all that matters is written, so nothing is waited for.
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

tell: Callable[[int], None] = lambda code: None  # noqa: E731 - replaced where somebody waits for more than the process
"""Called with the exit code before the process is gone."""


def run_and_end(job: Callable[[], None]) -> NoReturn:
    """Run `job` and end this process.

    Exit code 0; 75 after a stop on a signal, with the checkpoint written, which asks for a retry; 2 after an error that
    is the user's to mend; 1 after any other.
    """
    try:
        job()
        leave()
    except BaseException as error:
        # Here, where the error still holds the frames that it came through, and these the loader. Let go of, the loader
        # would be closed, for which torch waits.
        code = 1
        try:
            code = _explained(error)
        finally:
            end(code)
    end(0)


def _explained(error: BaseException) -> int:
    """Say on standard error why the job ends; its exit code."""
    if isinstance(error, Interrupted):
        if is_main_process():
            print("stopped by a signal; the checkpoint is written and the next attempt goes on from it", flush=True)
        leave()  # all stop at the same step; after an error the others may be waiting for what will not come
        return EXIT_INTERRUPTED
    if isinstance(error, SystemExit) and not isinstance(error.code, str):  # of the command line: its usage is printed
        return error.code or 0
    message = message_of(error)
    if message is not None:
        print(message, file=sys.stderr)
        return 2
    traceback.print_exception(error)
    return 1


def end(code: int) -> NoReturn:
    """End this process and its workers now."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):  # nothing is left to be stopped or looked after
        signal.signal(number, signal.SIG_IGN)
    leave_nothing()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    tell(code)
    os._exit(code)
