"""Progress of loops: a bar in a terminal, lines in a log file, and a progress file for `videossl status`."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from videossl.common.files import half_written

Item = TypeVar("Item")

LOG_SECONDS = 10.0
"""Shortest time in seconds between two log lines, and between two updates of the progress file."""
NOTE = "progress.json"
"""The progress file. It exists in a run folder while a process works there."""

NOTE_KEYS: dict[str, type | tuple[type, ...]] = {
    "what": str,
    "done": int,
    "total": (int, type(None)),
    "seconds": (int, float),
    "host": str,
    "slurm_job": str,
}
"""Keys of the progress file, with their types."""

_folder: Path | None = None


@contextmanager
def noted_in(folder: Path) -> Iterator[None]:
    """Keep a progress file in `folder` with the current step and loop, until the block ends.

    Others see from it that a run is alive, whatever its machine. A killed process leaves an old file.
    """
    global _folder
    _folder = folder
    _note("starting")
    try:
        yield
    finally:
        _folder = None
        (folder / NOTE).unlink(missing_ok=True)


def track(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield from `iterable` and report progress, speed and remaining time on standard error.

    `total` defaults to the iterable's length, if it has one; without it, no remaining time is given.
    """
    if os.environ.get("RANK", "0") != "0":  # only the main process of torchrun reports
        yield from iterable
        return
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    began = noted = time.monotonic()
    _note(description, 0, total)
    for done, item in enumerate(_shown(iterable, description, total), start=1):
        yield item
        now = time.monotonic()
        if now - noted >= LOG_SECONDS:
            noted = now
            _note(description, done, total, now - began)


def _shown(iterable: Iterable[Item], description: str, total: int | None) -> Iterable[Item]:
    if sys.stderr.isatty():
        from tqdm import tqdm  # needed in a terminal only

        return tqdm(iterable, desc=description, total=total, dynamic_ncols=True)
    return _logged(iterable, description, total)


def _logged(iterable: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    began = reported = time.monotonic()
    done = 0
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        if now - reported >= LOG_SECONDS:
            reported = now
            print(progress_line(description, done, total, now - began), file=sys.stderr, flush=True)
    print(progress_line(description, done, total, time.monotonic() - began), file=sys.stderr, flush=True)


def _note(what: str, done: int = 0, total: int | None = None, seconds: float = 0.0) -> None:
    """Replace the progress file, if one is kept. Ignores errors such as a full disk: they must not stop the work."""
    if _folder is None:
        return
    note: dict[str, Any] = {"what": what, "done": done, "total": total, "seconds": round(seconds, 2)}
    note |= {"host": socket.gethostname(), "pid": os.getpid(), "slurm_job": os.environ.get("SLURM_JOB_ID", "")}
    temporary = half_written(_folder / NOTE)
    with suppress(OSError):
        temporary.write_text(json.dumps(note), encoding="utf-8")
        temporary.replace(_folder / NOTE)


def progress_line(description: str, done: int, total: int | None, seconds: float) -> str:
    """For example "shard 3: 120/400 (30 %), 12.1/s, 0:10 elapsed, 0:23 left"."""
    parts = [f"{description}: {done}" if total is None else f"{description}: {done}/{total}"]
    if total:
        parts[0] += f" ({100 * done / total:.0f} %)"
    if done and seconds > 0:
        parts.append(f"{done / seconds:.1f}/s")
    parts.append(f"{clock(seconds)} elapsed")
    if total and 0 < done < total:
        parts.append(f"{clock(seconds / done * (total - done))} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
