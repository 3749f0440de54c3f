"""Signals: stop with a checkpoint, or write one and go on."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

from videossl.errors import Interrupted
from videossl.processes import any_of_all

Item = TypeVar("Item")

EXIT_INTERRUPTED = 75
"""Exit code of a run that stopped on a signal with its checkpoint written (EX_TEMPFAIL: try again)."""


class Signals:
    """What signals asked for since the last look.

    SIGTERM and SIGINT: write a checkpoint and stop. SIGURG: write one and go on; it is the warning signal that
    Slurm can send before a time limit without killing the job's wrapper.
    """

    def __init__(self) -> None:
        self.stop = False
        self.save = False

    def install(self) -> Signals:
        """Start to listen; to be called in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGURG, self._on_save)
        return self

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True

    def _on_save(self, number: int, frame: FrameType | None) -> None:
        self.save = True


def until_stopped(items: Iterable[Item], signals: Signals) -> Iterator[Item]:
    """Yield from `items`; Interrupted if a stop was asked for. For work after training, whose checkpoint is written.

    Several processes with items of their own all go on, or all stop: at the end each waits for the others.
    """
    for item in items:
        if signals.stop:
            break
        yield item
    if any_of_all(signals.stop):
        raise Interrupted
