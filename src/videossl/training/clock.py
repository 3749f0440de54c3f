"""Training time, accumulated over restarts."""

from __future__ import annotations

import time


class Clock:
    """Seconds of training over all attempts of a run."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of this and all earlier attempts."""
        return self._before + time.monotonic() - self._start


class Every:
    """A timer that is due at most once every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the time has passed; if so, restarts the timer."""
        if time.monotonic() - self._last < self.seconds:
            return False
        self._last = time.monotonic()
        return True
