"""Records why the last process in a run folder failed. Does not import torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from videossl.common.errors import Interrupted, OutOfMemory, UserError
from videossl.common.files import write_text
from videossl.common.ranks import is_main_process, rank_and_processes

MARKER = "FAILED"
"""Name of the file with the reason."""


@contextmanager
def failure_noted(folder: Path) -> Iterator[None]:
    """Context manager that writes the reason of a failure to `FAILED` in the folder, where tables and `videossl status`
    find it.

    A stop by a signal is not a failure; a later success removes the file. With several processes, the first one that
    fails writes the reason; errors of the others about its absence are not recorded.
    """
    marker = folder / MARKER
    started = time.time()
    try:
        yield
    except Interrupted:
        raise
    except Exception as raised:
        error = _explained(raised)
        noted = marker.exists() and marker.stat().st_mtime >= started and rank_and_processes()[1] > 1
        with suppress(OSError, UserError):  # a full disk must not hide the error being raised
            if not noted:
                write_text(marker, f"{type(error).__name__}: {_reason(error)}\n")
        if error is raised:
            raise
        raise error from raised
    if is_main_process():
        marker.unlink(missing_ok=True)


def reason_of(folder: Path) -> str:
    """The reason of a failure in one line; "" if there is none."""
    path = folder / MARKER
    try:
        return next(iter(path.read_text(encoding="utf-8", errors="replace").strip().splitlines()), "no reason given")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"the reason in {path} cannot be read ({error.strerror})"


def _explained(error: Exception) -> Exception:
    """The error for the user if a GPU ran out of memory outside of a training step; any other error unchanged."""
    if type(error).__name__ != "OutOfMemoryError":  # torch's
        return error
    return OutOfMemory(
        "the GPU has too little memory. Lower `batch_size` in the recipe, which also sets how many clips are tested at"
        f" once, or see that no other job shares the GPU. torch says: {str(error).splitlines()[0]}"
    )


def _reason(error: Exception) -> str:
    """An error in one line. For an error in a loader worker torch gives a traceback, whose last line has the reason."""
    lines = str(error).strip().splitlines() or [""]
    return lines[-1] if "in DataLoader worker process" in lines[0] else lines[0]
