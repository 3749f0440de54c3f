"""Runs a script of the workflow with something wrong in it: `python sick_job.py SICKNESSES PIDS SCRIPT ARGUMENTS...`.

SICKNESSES: names of functions below, joined by "+". PIDS: a folder; every loader worker leaves a file named by its
process number there.
"""

from __future__ import annotations

import atexit
import os
import resource
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.data import workers
from videossl.data.loader import ClipDataset
from videossl.training import pretrain
from videossl.training.loop import Trainer

STEP, BATCH = 8, 3
"""What goes wrong does so in this step, or in the batch of this number of each worker."""


def before(owner: Any, name: str, happens: Callable[[], None], call: int) -> None:
    """`happens` before the given call of a function."""
    function, calls = getattr(owner, name), []

    def changed(*given: Any, **named: Any) -> Any:
        calls.append(None)
        if len(calls) == call:
            happens()
        return function(*given, **named)

    setattr(owner, name, changed)


def fail(error: Exception) -> None:
    raise error


def for_ever() -> None:
    while True:
        time.sleep(1000)


def deaf() -> None:
    """Hang, and let no signal through that can be kept out."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for_ever()


def step_fails() -> None:
    before(Trainer, "_backward", lambda: fail(RuntimeError("CUDA out of memory.\nTried to allocate it")), STEP)


def second_process_fails() -> None:
    if os.environ["RANK"] == "1":
        step_fails()


def second_process_is_killed() -> None:
    if os.environ["RANK"] == "1":
        before(Trainer, "_backward", lambda: os.kill(os.getpid(), signal.SIGKILL), STEP)


def evaluation_fails() -> None:
    before(pretrain, "prepare", lambda: fail(RuntimeError("the test failed")), 2)


def writing_fails() -> None:
    before(pretrain, "write_run", lambda: fail(OSError(28, "No space left on device", "run.json")), 1)


def workers_hang() -> None:
    before(ClipDataset, "__getitems__", deaf, BATCH + 1)


def worker_raises() -> None:
    before(ClipDataset, "__getitems__", lambda: fail(ValueError("a bug\nin two lines")), BATCH)


def worker_tells() -> None:
    before(ClipDataset, "__getitems__", lambda: fail(UserError("the shard is damaged; make it again")), BATCH)


def worker_is_killed() -> None:
    before(ClipDataset, "__getitems__", lambda: os.kill(os.getpid(), signal.SIGKILL), BATCH)


def worker_has_no_memory() -> None:
    before(ClipDataset, "__getitems__", lambda: os.kill(os.getpid(), signal.SIGBUS), BATCH)


def worker_has_no_files() -> None:
    """From then on it can open no file, so it cannot hand on what it has read."""
    files = resource.RLIMIT_NOFILE
    before(ClipDataset, "__getitems__", lambda: resource.setrlimit(files, (8, 8)), BATCH)


def worker_exits() -> None:
    before(ClipDataset, "__getitems__", lambda: os._exit(3), BATCH)


def thread_goes_on() -> None:
    threading.Thread(target=for_ever).start()


def exit_hangs() -> None:
    atexit.register(for_ever)


def main() -> None:
    start, pids = workers._start, Path(sys.argv[2])

    def noted(parent: int, worker: int) -> None:
        start(parent, worker)
        (pids / str(os.getpid())).touch()

    workers._start = noted
    for sickness in sys.argv[1].split("+"):
        globals()[sickness]() if sickness else None
    sys.argv = sys.argv[3:]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
