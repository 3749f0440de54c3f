"""Arithmetic with numbers that have a standard error: sums, differences, means, ratios."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from videossl.claims.ask import BLOCKS, GPU_SECONDS, OFF_DIAGONAL, PRETRAINING_VIDEOS, Ask

if TYPE_CHECKING:  # not imported at run time: the workflow imports this module for every job
    import pandas as pd

    from videossl.analysis.statistics import Chance


class Unit(NamedTuple):
    """How a quantity is printed: `factor` times its value, with `digits` decimals.

    `margin`: without intervals, a quantity that is closer than this to a limit does not decide.
    """

    name: str
    factor: float
    digits: int
    margin: float
    signed: bool = True

    def show(self, value: float) -> str:
        """The value with its unit."""
        return f"{self.number(value)} {self.name}".rstrip()

    def number(self, value: float) -> str:
        """The value without its unit."""
        return f"{self.factor * value:{'+' if self.signed else ''}z.{self.digits}f}"

    def plain(self, value: float) -> str:
        """A limit as text: no sign, and only the decimals that it has."""
        shown = round(self.factor * value, 4)
        return f"{shown:g} {self.name.removesuffix('s') if shown == 1 else self.name}".rstrip()


POINTS = Unit("points", 100, 1, 0.01)
PERCENT = Unit("%", 100, 1, 0.01, signed=False)
TIMES = Unit("times", 1, 1, 0.05, signed=False)
CKA = Unit("", 1, 2, 0.02)
COUNT = Unit("blocks", 1, 0, 1.0)
SECONDS = Unit("GPU-seconds", 1, 0, 1.0)
VIDEOS = Unit("videos", 1, 0, 1.0)
FRAMES = Unit("frames", 1, 0, 1.0)
_UNITS = {
    GPU_SECONDS: SECONDS,
    PRETRAINING_VIDEOS: VIDEOS,
    "training_videos": VIDEOS,
    "frames": FRAMES,
    OFF_DIAGONAL: CKA,
    BLOCKS: COUNT,
}
"""Units of metrics; all others are fractions, whose differences are percentage points."""


class Undefined(Exception):
    """A claim cannot be judged on its numbers. The message says why."""


@dataclass(frozen=True)
class Number:
    """A value, its standard error if known, and, if it is a fraction of videos, which videos are correct.

    `error` and `correct` say nothing about the randomness of training. `correct` is indexed by the sorted videos; with
    several seeds its values are means. `device`: of a time, the device that it was measured on. `by_seed`: of a mean
    over seeds, the value of each.
    """

    value: float
    error: float | None = None
    correct: pd.Series | None = None
    device: str = ""
    by_seed: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Quantity:
    """A value calculated from numbers, with its derivatives (`slopes`) with respect to them.

    The standard error follows from the derivatives (first-order propagation), which is exact for sums and differences.
    """

    numbers: Mapping[Ask, Number]
    value: float
    slopes: Mapping[Ask, float]
    unit: Unit = POINTS

    @classmethod
    def of(cls, numbers: Mapping[Ask, Number], ask: Ask) -> Quantity:
        """One number."""
        return cls(numbers, numbers[ask].value, {ask: 1.0}, _UNITS.get(ask.metric, POINTS))

    def __add__(self, other: Quantity) -> Quantity:
        if self.unit != other.unit:
            raise ValueError(f"a sum of {self.unit.name} and {other.unit.name}")
        return Quantity(self.numbers, self.value + other.value, _sum(self.slopes, other.slopes), self.unit)

    def __mul__(self, factor: float) -> Quantity:
        return Quantity(self.numbers, self.value * factor, _scaled(self.slopes, factor), self.unit)

    def __sub__(self, other: Quantity) -> Quantity:
        return self + other * -1.0

    def __truediv__(self, other: Quantity) -> Quantity:
        """The ratio, in "times". Raises Undefined if `other` is 0."""
        if other.value == 0:
            raise Undefined(f"A ratio is not defined, because {_named(other)} is 0.")
        ratio = self.value / other.value
        slopes = _sum(_scaled(self.slopes, 1 / other.value), _scaled(other.slopes, -ratio / other.value))
        return Quantity(self.numbers, ratio, slopes, TIMES)

    def in_unit(self, unit: Unit) -> Quantity:
        """The same quantity, printed in another unit."""
        return Quantity(self.numbers, self.value, self.slopes, unit)

    @property
    def chance(self) -> Chance | None:
        """How much it varies by chance; None if one of the numbers has no standard error.

        It holds the choice of test videos and, of numbers of several seeds, the randomness of training
        (:func:`videossl.analysis.statistics.crossed_chance`).
        """
        from videossl.analysis.statistics import crossed_chance  # imports pandas

        by_video, further = [], 0.0
        for target in {ask.target for ask in self.slopes}:
            parts = [(self.numbers[ask], slope) for ask, slope in self.slopes.items() if ask.target == target]
            found = _by_video([part for part in parts if part[0].correct is not None])
            if found is not None:
                # Where no video tells the networks apart, the interval is as if one did: a few videos decide nothing.
                one = max(abs(slope) for number, slope in parts if number.correct is not None) / len(found)
                by_video.append(found.to_numpy())
                further += max(0.0, one**2 - crossed_chance([], by_video[-1:]).variance)
                parts = [part for part in parts if part[0].correct is None]
            for number, slope in parts:
                if number.error is None:
                    return None
                further += (slope * number.error) ** 2
        return crossed_chance(self._by_seed(), by_video, further)

    def _by_seed(self) -> list[list[float]]:
        """The quantity of each seed, if all its numbers are of the same seeds; otherwise each number's share of it."""
        parts = [(self.numbers[ask].by_seed, slope) for ask, slope in self.slopes.items()]
        if all(set(values) == set(parts[0][0]) for values, _ in parts):
            return [[sum(slope * values[seed] for values, slope in parts) for seed in sorted(parts[0][0])]]
        return [[slope * value for value in values.values()] for values, slope in parts]


def _sum(first: Mapping[Ask, float], second: Mapping[Ask, float]) -> dict[Ask, float]:
    found = dict(first)
    for ask, slope in second.items():
        found[ask] = found.get(ask, 0.0) + slope
    return found


def _scaled(slopes: Mapping[Ask, float], factor: float) -> dict[Ask, float]:
    return {ask: slope * factor for ask, slope in slopes.items()}


def _named(quantity: Quantity) -> str:
    """The number that the quantity consists of, for messages."""
    return str(next(iter(quantity.slopes))) if len(quantity.slopes) == 1 else "its denominator"


def _by_video(parts: list[tuple[Number, float]]) -> pd.Series | None:
    """The quantity per video; None if the networks were not tested on the same videos."""
    if not parts or any(not number.correct.index.equals(parts[0][0].correct.index) for number, _ in parts):
        return None
    return sum(slope * number.correct.astype(float) for number, slope in parts)


def mean(parts: Iterable[Quantity]) -> Quantity:
    """The mean of quantities."""
    first, *others = parts
    total = first
    for part in others:
        total = total + part
    return total * (1 / (1 + len(others)))


def absolute(part: Quantity) -> Quantity:
    """The quantity or its negative, whichever is positive."""
    return part if part.value >= 0 else part * -1.0


def relative_decrease(before: Quantity, after: Quantity) -> Quantity:
    """By how many percent `after` is below `before`: (before - after) / before. Raises Undefined if `before` is 0."""
    return ((before - after) / before).in_unit(PERCENT)


def share(part: Quantity, whole: Quantity) -> Quantity:
    """How many percent of `whole` `part` is. Raises Undefined if `whole` is 0."""
    return (part / whole).in_unit(PERCENT)


def best(parts: Iterable[Quantity]) -> Quantity:
    """The largest quantity."""
    return max(parts, key=lambda part: part.value)
