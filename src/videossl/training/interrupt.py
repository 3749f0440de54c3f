"""Signals: stop with a checkpoint, or write one and go on."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from videossl.common.distributed import any_process
from videossl.common.errors import Interrupted
from videossl.common.ranks import rank_and_processes

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
        self._waiting = False

    def install(self) -> Signals:
        """Start to listen; to be called in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGURG, self._on_save)
        return self

    @contextmanager
    def stop_waiting(self) -> Iterator[None]:
        """Within, a stop raises Interrupted wherever it waits: what is waited for, such as a batch, may never come.

        Several processes note a stop as ever, as all must stop at the same step.
        """
        self._waiting = rank_and_processes()[1] == 1
        try:
            if self._waiting and self.stop:
                raise Interrupted
            yield
        finally:
            self._waiting = False

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True
        if self._waiting:
            raise Interrupted

    def _on_save(self, number: int, frame: FrameType | None) -> None:
        self.save = True


def until_stopped(items: Iterable[Item], signals: Signals) -> Iterator[Item]:
    """Yield from `items`; Interrupted if a stop was asked for. For work after training, whose checkpoint is written.

    Several processes with items of their own all go on, or all stop: at the end each waits for the others.
    """
    source = iter(items)
    while not signals.stop:
        try:
            with signals.stop_waiting():
                item = next(source)
        except StopIteration:
            break
        yield item
    if any_process(signals.stop):
        raise Interrupted
