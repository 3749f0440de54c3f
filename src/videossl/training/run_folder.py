"""The folder of one run: one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the run folder; waits, and says so, while another process trains in it.

    A controller that was killed can leave its training process behind. When the run is started again, the two must
    not write the same checkpoint; the kernel releases the lock as soon as the first one is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another process is training in {folder}; waiting for it to end", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
