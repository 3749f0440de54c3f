"""Types with bounds for the numbers, lists and strings of a configuration.

Configuration models and the options of tasks, backbones and models use them as annotations, so schemas, documentation
and errors state the same bounds. Upper bounds are far above any sensible value. They catch slips (a size given as a
seed, three zeros too many) at once, rather than in a job that runs out of memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic.fields import FieldInfo

_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def _number(value: object) -> object:
    """Accept 1e-4 and 1.5e3, which YAML 1.1 reads as strings (it wants 1.0e-4 and 1.5e+3)."""
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _in_order(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] > values[1]:
        raise ValueError(f"should be the lower and then the upper number, such as [{values[1]}, {values[0]}]")
    return values


def _each_once(values: list[Any]) -> list[Any]:
    seen: list[Any] = []
    for value in values:
        if value in seen:
            raise ValueError(f"should have each value once, and has {value!r} twice")
        seen.append(value)
    return values


def _of(count: int) -> BeforeValidator:
    """A validator for the length of a list."""

    def check(values: object) -> object:
        if not isinstance(values, list | tuple) or len(values) != count:
            raise ValueError(f"should be a list of {count} numbers")
        return values

    return BeforeValidator(check)


def _rates(values: list[int]) -> list[int]:
    if values != sorted(set(values)) or any(rate > 1 and rate % 2 for rate in values):
        raise ValueError(
            "rates must be in rising order, each 1 or even (frames at half the rate are reconstructed), such as"
            " [1, 2, 4, 8]"
        )
    return values


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("should be a text, but is empty")
    return text


Text = Annotated[str, AfterValidator(_filled)]
"""A non-empty string."""
LOWER_FIRST = AfterValidator(_in_order)
"""For two numbers: the lower one comes first."""
_Float = Annotated[float, BeforeValidator(_number)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
"""A number of things."""
CountOrNone = Annotated[int, Field(ge=0, le=100_000_000)]
Few = Annotated[int, Field(ge=1, le=10_000)]
"""A number of processes, machines, layers, a stride and the like."""
Several = Annotated[int, Field(ge=2, le=10_000)]
"""A number of things that are compared with one another."""
FewOrNone = Annotated[int, Field(ge=0, le=10_000)]
Side = Annotated[int, Field(ge=1, le=8192)]
"""Side of an image in pixels."""
Frames = Annotated[int, Field(ge=1, le=10_000)]
"""Frames of a clip."""
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Version = Annotated[int, Field(ge=1, le=10**6)]
Number = Annotated[_Float, Field(ge=-1000, le=1000)]
Place = Annotated[_Float, Field(ge=0, le=1e6)]
"""A number by which things are put in order."""
Positive = Annotated[_Float, Field(gt=0, le=1e9)]
Pace = Annotated[_Float, Field(gt=0, le=1e21)]
"""Operations per second."""
Moderate = Annotated[_Float, Field(gt=0, le=1000)]
NotNegative = Annotated[_Float, Field(ge=0, le=1e9)]
Share = Annotated[_Float, Field(ge=0, le=1)]
PositiveShare = Annotated[_Float, Field(gt=0, le=1)]
InnerShare = Annotated[_Float, Field(gt=0, lt=1)]
"""A fraction above 0 and below 1."""
ShareBelowOne = Annotated[_Float, Field(ge=0, lt=1)]
Width = Annotated[_Float, Field(gt=0, le=100)]
"""Width multiplier of all layers; 1.0: as in the paper."""
Range = Annotated[tuple[Moderate, Moderate], Strict(False), LOWER_FIRST, _of(2)]
"""Lowest and highest of positive numbers."""
Shares = Annotated[tuple[PositiveShare, PositiveShare], Strict(False), LOWER_FIRST, _of(2)]
"""Lowest and highest of fractions."""
Once = AfterValidator(_each_once)
"""For lists: no value twice."""
Channels = Annotated[int, Field(ge=1, le=65_536)]
"""Dimensions of a feature, feature map or embedding."""
ChannelsOrNone = Annotated[int, Field(ge=0, le=65_536)]
Depth = Annotated[int, Field(ge=1, le=1000)]
"""Number of successive layers or blocks."""
Depths = Annotated[list[Depth], Field(min_length=1, max_length=4)]
"""Number of blocks in each stage."""
TubeSides = Annotated[list[Side], Field(min_length=3, max_length=3)]
"""Size of a tube: frames, height and width."""
Bounds = Annotated[list[Moderate], Field(min_length=2, max_length=2), LOWER_FIRST]
"""As `Range`, for options of tasks and networks, which are lists."""
Rates = Annotated[list[Few], Field(min_length=2), AfterValidator(_rates)]
"""Playback rates, ascending; each has half the rate as well."""
MANY = 10**9
"""Bounds from here on are written as 1e+09."""


def bounds(metadata: Iterable[Any]) -> str:
    """Bounds of a number as text, such as "0 to below 1"; "" if there are none.

    metadata: of an annotation or a field.
    """
    limits = {type(part).__name__: part for part in _flat(metadata)}
    parts = [f"{limits['Ge'].ge:,}"] if "Ge" in limits else []
    parts += [f"above {limits['Gt'].gt:,}"] if "Gt" in limits else []
    parts += [f"to below {limits['Lt'].lt:,}"] if "Lt" in limits else []
    if "Le" in limits:
        parts.append(f"to {limits['Le'].le:,}" if limits["Le"].le < MANY else f"to {limits['Le'].le:.0e}")
    return " ".join(parts)


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    for part in metadata:
        yield from part.metadata if isinstance(part, FieldInfo) else [part]


def numbers(kind: Any, count: int) -> Any:
    """The annotation of `count` numbers of one kind, written as a list."""
    return Annotated[tuple[(kind,) * count], Strict(False), _of(count)]  # type: ignore[misc]
