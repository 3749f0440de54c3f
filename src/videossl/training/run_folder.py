"""Exclusive use of a run folder: one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

from videossl.common.distributed import any_process, broadcast_object
from videossl.common.errors import Interrupted
from videossl.common.progress import noted_in
from videossl.common.ranks import is_main_process
from videossl.training.interrupt import Signals

LOOK_SECONDS = 1.0
"""Seconds between two checks of a folder in which another process trains."""
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""Errors of file systems without locks (some network file systems, mounted without them)."""

_held: list[IO[str]] = []
"""Lock files that this process holds open."""


def _let_go() -> None:
    """Close the lock files in a fork, such as a loader worker: a fork that outlived this process would keep the folder
    locked."""
    while _held:
        _held.pop().close()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def exclusive(folder: Path, signals: Signals) -> Iterator[None]:
    """Context manager that holds the lock of the run folder. Waits, and says so, while another process trains in it.

    A killed controller can leave its training process behind. When the run is started again, the two must not write the
    same checkpoint; the kernel releases the lock when the first process ends. Raises Interrupted if a signal ends the
    waiting. Removes files that a killed process left half written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle, _kept_from_forks(handle):
        waiting = False
        while not broadcast_object(
            is_main_process() and _locked(handle)
        ):  # with several processes, the main process holds it for all
            if not waiting and is_main_process():
                print(f"another process is training in {folder}; waiting for it to end", flush=True)
            waiting = True
            if any_process(signals.stop):
                raise Interrupted
            time.sleep(LOOK_SECONDS)
        if is_main_process():
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink()
        with noted_in(folder) if is_main_process() else nullcontext():
            yield


@contextmanager
def _kept_from_forks(handle: IO[str]) -> Iterator[None]:
    _held.append(handle)
    try:
        yield
    finally:
        _held.remove(handle)


def _locked(handle: IO[str]) -> bool:
    """Try to get the lock. A blocking call would ignore signals, as Python resumes interrupted calls."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(
            f"no locks on this file system ({error.strerror}): make sure that no other process trains here", flush=True
        )
    return True
