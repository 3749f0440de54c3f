"""Runs native decoders in a child process, so that a file can neither hang nor crash the job.

Decoders are native code that cannot be interrupted: decord holds Python's lock while it waits forever for frames that a
header promises, and damaged files have crashed decoders. A forked child processes the items one after the other and
sends a sign of life now and then. An item whose child falls silent or crashes is lost; the job goes on. One fork per
item would cost as much as decoding a small clip.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from videossl.common.children import end_with_parent
from videossl.common.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

SILENCE_SECONDS = 120.0
"""Seconds without a frame after which a decoder counts as hung. The slowest real frames take one second."""
SIGN_SECONDS = 1.0
"""Seconds between two signs of life."""
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP}


@dataclass(frozen=True)
class Lost:
    """An item whose child fell silent or crashed."""

    doing: str
    """What the child last reported it was doing."""
    reason: str


class Alive:
    """Callback for the work: it reports, at least at every frame, what the work is doing."""

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection, self._doing, self._told = connection, "", 0.0

    def __call__(self, doing: str) -> None:
        now = time.monotonic()
        if self._connection is not None and (doing != self._doing or now - self._told > SIGN_SECONDS):
            self._doing, self._told = doing, now
            self._connection.send(("alive", doing))


Work = Callable[[Item, Alive], Result]


class Guarded(Generic[Item, Result]):
    """Runs `work` on items in a child process. A context manager that ends the child."""

    def __init__(self, work: Work[Item, Result], silence: float = SILENCE_SECONDS) -> None:
        self._work, self._silence = work, silence
        self._child: BaseProcess | None = None

    def __enter__(self) -> Guarded[Item, Result]:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def __call__(self, items: Sequence[Item]) -> Iterator[Result | Lost]:
        """The result of each item, in order. Exceptions of the work are raised here."""
        done = 0
        while done < len(items):
            connection = self._start(items[done:])
            lost = None
            while lost is None and done < len(items):
                result = self._receive(connection)
                done += 1
                lost = result if isinstance(result, Lost) else None
                yield result
            connection.close()
            self._end()

    def _start(self, items: Sequence[Item]) -> Connection:
        context = multiprocessing.get_context("fork")  # fork, as the work is a function of this process
        ours, theirs = context.Pipe(duplex=False)
        # A daemon, so that this process does not wait for it after an error of its own.
        child = context.Process(target=_serve, args=(self._work, items, theirs, os.getpid()), daemon=True)
        with warnings.catch_warnings():
            # Python warns of forking with threads; the only ones here are Arrow's, which the child does not use.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        self._child = child
        theirs.close()
        return ours

    def _receive(self, connection: Connection) -> Result | Lost:
        doing = "starting"
        while connection.poll(self._silence):
            try:
                kind, value = connection.recv()
            except EOFError:
                return self._died(doing)
            if kind == "result":
                return value
            if kind == "error":
                raise value
            doing = value
        self._end()
        return Lost(doing, f"{doing} gave nothing for {self._silence:.0f} seconds")

    def _died(self, doing: str) -> Lost:
        self._child.join()
        code = -(self._child.exitcode or 0)
        if code in CRASHES:
            return Lost(doing, f"{doing} crashed ({signal.Signals(code).name})")
        ended = f"was killed by signal {code}" if code > 0 else f"ended with exit code {-code}"
        raise UserError(
            f"the process that decodes videos {ended}, at {doing}. Was there too little memory? Give the job more, and "
            "start again: nothing was lost but this shard."
        )

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._child = None


def _serve(work: Work[Item, Result], items: Sequence[Item], connection: Connection, parent: int) -> None:
    """Main function of the child."""
    end_with_parent(parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # a job's own handlers would keep it alive
    for item in items:
        try:
            connection.send(("result", work(item, Alive(connection))))
        except Exception as error:
            connection.send(("error", error))
