"""Signals: write a checkpoint, then stop or continue."""

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
"""Exit code of a run that was stopped by a signal with its checkpoint written (EX_TEMPFAIL: try again)."""


class Signals:
    """What signals have asked for since the last check.

    SIGTERM and SIGINT: write a checkpoint and stop. SIGURG: write one and continue; Slurm can send it as a warning
    before a time limit without killing the job's wrapper.
    """

    def __init__(self) -> None:
        self.stop = False
        self.save = False
        self._waiting = False

    def install(self) -> Signals:
        """Install the handlers. Must be called in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGURG, self._on_save)
        return self

    @contextmanager
    def stop_waiting(self) -> Iterator[None]:
        """Within this context a stop raises Interrupted at once: what is waited for, such as a batch, may never come.

        With several processes a stop is only noted, as all must stop at the same step.
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
    """Yield from `items`; raises Interrupted if a stop was requested. For work after training, whose checkpoint is
    written.

    Several processes with their own items all continue or all stop: at the end each waits for the others.
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
