"""Each process takes a GPU of its own where nothing else hands them out.

A cluster shows a job only the GPUs that it was given. On one machine, `snakemake --resources gpu=8` starts eight jobs
that all see all GPUs: without an agreement, all would take the first one. Here a process locks a file for its GPU; the
kernel releases the lock when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

MOST_SHARING = 64
"""Largest number of processes that share a GPU knowingly; further ones take the first GPU."""

_held: list[IO[str]] = []
"""The locked file of this process."""


def _let_go() -> None:
    """In a fork, such as a loader worker: a fork that outlives the process must not keep its GPU."""
    while _held:
        _held.pop().close()


os.register_at_fork(after_in_child=_let_go)


def locks_folder() -> Path:
    """The folder of this user's locks on this machine."""
    return Path(tempfile.gettempdir()) / f"videossl-gpus-{os.getuid()}"


def claim(names: Sequence[str], job: str, folder: Path | None = None) -> int:
    """Take the first GPU that no process has claimed; returns its place in `names`.

    If all are claimed, the GPU with the fewest processes is shared, and a line says so. Processes of one `job` never
    share, since their exchange of gradients needs a GPU each.

    Args:
        names: what identifies each GPU that this process sees on this machine.
        job: the same text in all processes of a job, and in no others.
        folder: of the lock files.
    """
    if len(names) == 1 and not job:
        return 0
    folder = folder or locks_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_at_a_time(folder):
        for sharing in range(MOST_SHARING):
            for number, name in enumerate(names):
                if job and job in _jobs_on(folder, name):
                    continue
                if _locked(folder / f"{name}.{sharing}", job):
                    if sharing:
                        print(
                            f"all {len(names)} GPUs are taken; sharing number {number} with {sharing} others",
                            flush=True,
                        )
                    return number
    return 0


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Between the look at the locks and the lock no other process decides."""
    with (folder / "deciding").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _locked(path: Path, job: str) -> bool:
    """Lock a file to the end of this process, and write the job into it; False if another process has it."""
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return False
    handle.truncate(0)
    handle.write(job)
    handle.flush()
    _held.append(handle)
    return True


def _jobs_on(folder: Path, name: str) -> set[str]:
    """The jobs whose processes have claimed this GPU."""
    return {path.read_text() for path in folder.glob(f"{name}.*") if _is_locked(path)}


def _is_locked(path: Path) -> bool:
    with path.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        return False
