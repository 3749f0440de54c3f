"""The folder of one run: one process at a time, and why the last one failed."""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from videossl.errors import UserError
from videossl.files import write_text
from videossl.processes import any_of_all, is_first, of_first, rank_and_processes
from videossl.progress import noted_in
from videossl.training.interrupt import Interrupted, Signals

LOOK_SECONDS = 1.0
"""Between two looks at a folder in which another process trains."""
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system without locks answers (some network ones, mounted without them)."""


@contextmanager
def exclusive(folder: Path, signals: Signals) -> Iterator[None]:
    """Hold the run folder; waits, and says so, while another process trains in it.

    A controller that was killed can leave its training process behind. When the run is started again, the two must
    not write the same checkpoint; the kernel releases the lock as soon as the first one is gone. Raises Interrupted
    when a signal says to stop waiting. Files that a killed process left half written are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        waiting = False
        while not of_first(is_first() and _locked(handle)):  # the first of several processes holds it for all
            if not waiting and is_first():
                print(f"another process is training in {folder}; waiting for it to end", flush=True)
            waiting = True
            if any_of_all(signals.stop):
                raise Interrupted
            time.sleep(LOOK_SECONDS)
        if is_first():
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink()
        with noted_in(folder) if is_first() else nullcontext():
            yield


def _locked(handle: IO[str]) -> bool:
    """Try to get the lock; blocking would not heed signals, as Python takes up an interrupted call again."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(f"no locks on this file system ({error.strerror}): see that no other process trains here", flush=True)
    return True


@contextmanager
def failure_noted(folder: Path) -> Iterator[None]:
    """Leave the reason of a failure in the folder's file `FAILED`, where tables and `videossl status` find it.

    A stop on a signal is none; a later success removes the file. Of several processes the one that fails first tells
    why; what the others then say of its absence is not noted.
    """
    marker = folder / "FAILED"
    started = time.time()
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        lines = str(error).splitlines() or [""]
        noted = marker.exists() and marker.stat().st_mtime >= started and rank_and_processes()[1] > 1
        with suppress(OSError, UserError):  # a full disk must not hide the reason that is being raised
            if not noted:
                write_text(marker, f"{type(error).__name__}: {lines[0]}\n")
        raise
    if is_first():
        marker.unlink(missing_ok=True)
