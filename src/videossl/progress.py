"""Progress of a loop: a bar in a terminal, a plain line now and then in a log file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")

LOG_SECONDS = 10.0
"""Shortest time between two lines when standard error is not a terminal."""


def track(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield from `iterable` and report how far it is, at what pace and when it will end, on standard error.

    `total` is taken from the iterable's length when it has one; without either no end is predicted.
    """
    if os.environ.get("RANK", "0") != "0":  # of the processes that torchrun starts, the first one reports
        yield from iterable
        return
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if sys.stderr.isatty():
        from tqdm import tqdm  # only a terminal needs it

        yield from tqdm(iterable, desc=description, total=total, dynamic_ncols=True)
    else:
        yield from _logged(iterable, description, total)


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
