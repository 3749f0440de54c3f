"""Timing of things beside each other on a machine that others may use as well.

All subjects of a comparison take turns, one short call each, so that whatever slows the machine down slows all of them.
Reported are medians over the rounds with the quartiles, of wall time and of the process's CPU time.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One measured or counted number, a row of the Parquet file."""

    benchmark: str
    case: str
    """What was done, such as `16 frames, stride 2`."""
    subject: str
    """Who did it, such as `frame store` or `decord, original file`."""
    metric: str
    unit: str
    value: float
    """The median where it was measured repeatedly."""
    low: float = float("nan")
    """Lower and upper quartile of the repetitions."""
    high: float = float("nan")
    repetitions: int = 1

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Times:
    """Seconds of every call of one subject: wall time, and CPU time of this process and its ended children."""

    wall: np.ndarray
    cpu: np.ndarray

    def rate(self, units: float = 1.0, clock: str = "wall") -> tuple[float, float, float]:
        """(median, lower quartile, upper quartile) of `units` a call as a rate a second."""
        low, middle, high = np.percentile(getattr(self, clock), (25, 50, 75))
        return units / middle, units / high, units / low

    def seconds(self, clock: str = "wall") -> tuple[float, float, float]:
        """(median, lower quartile, upper quartile)."""
        low, middle, high = np.percentile(getattr(self, clock), (25, 50, 75))
        return float(middle), float(low), float(high)


def cpu_seconds() -> float:
    """CPU time of this process, of all its threads, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def take_turns(subjects: Mapping[str, Callable[[int], object]], rounds: int, warm_up: int = 1) -> dict[str, Times]:
    """Call every subject once a round with the round's number; the first `warm_up` rounds do not count.

    The order changes from round to round, so that none always runs behind the same other one.
    """
    names = list(subjects)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            cpu, wall = cpu_seconds(), time.perf_counter()
            subjects[name](number + warm_up)
            spent = (time.perf_counter() - wall, cpu_seconds() - cpu)
            if number >= 0:
                taken[name].append(spent)
    return {name: Times(*np.array(values).T) for name, values in taken.items()}


def rates(
    benchmark: str, case: str, times: Mapping[str, Times], unit: str, units: Mapping[str, float] | float = 1.0
) -> list[Row]:
    """Rows `rate` (by the clock on the wall) and `rate_a_core` (by CPU time) of each subject, in `unit`/s."""
    rows = []
    for name, value in times.items():
        count = units if isinstance(units, int | float) else units[name]
        for metric, clock in (("rate", "wall"), ("rate_a_core", "cpu")):
            middle, low, high = value.rate(count, clock)
            rows.append(Row(benchmark, case, name, metric, f"{unit}/s", middle, low, high, len(value.wall)))
    return rows


def durations(benchmark: str, case: str, times: Mapping[str, Times]) -> list[Row]:
    """Rows `seconds` (wall) and `cpu_seconds` of each subject."""
    rows = []
    for name, value in times.items():
        for metric, clock in (("seconds", "wall"), ("cpu_seconds", "cpu")):
            middle, low, high = value.seconds(clock)
            rows.append(Row(benchmark, case, name, metric, "s", middle, low, high, len(value.wall)))
    return rows


def find(rows: list[Row], metric: str, **wanted: str) -> float:
    """The value of the one row with this metric and these fields."""
    matching = [
        row.value
        for row in rows
        if row.metric == metric and all(getattr(row, key) == value for key, value in wanted.items())
    ]
    if len(matching) != 1:
        raise LookupError(f"{len(matching)} rows have metric {metric} and {wanted}")
    return matching[0]
