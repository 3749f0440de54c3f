"""A claim: the cells it needs, a statistic of their numbers, and a verdict.

The statistic is a combination of numbers, mostly a difference of accuracies, that the claim says is positive. If all
its numbers have a standard error, its 95 % interval gives the verdict: *supported* if above 0, *contradicted* if below,
*undecided* if it contains 0. Accuracies on the same videos are compared video by video; everything else is treated as
independent. The paper does not print numbers of videos with its accuracies, so its own numbers have no interval: there
the sign decides, and differences closer to 0 than `MARGIN` are undecided. Among many comparisons some look clear by
chance: where a single one decides, its interval is widened for their number (Bonferroni).

The intervals do not include the randomness of training, nor the fact that the best of several teachers is chosen on the
same videos as it is compared on (which makes "beats the best" harder to show, not easier).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from videossl.stages.cells import Cell
from videossl.study import titles

if TYPE_CHECKING:  # not imported at run time: the workflow imports this module for every job
    import pandas as pd

MARGIN = 0.01
"""Without intervals, a difference below one percentage point is undecided."""
MINIMAL = 0.02
"""What counts as "minimal" or "marginal" in the paper's sentences: two percentage points."""
SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
_CELL_AXES = ("task", "backbone", "source", "subset", "epochs", "target", "protocol", "teachers")
_Z = NormalDist().inv_cdf(0.975)
_TOO_CLOSE = "too close to call"


@dataclass(frozen=True)
class Ask:
    """A number that a claim needs: the axes of its cell, and the paper's table that has it.

    `complexity` None means the recipe's default. The defaults are the paper's main setting.
    """

    table: str
    task: str = "rspnet"
    backbone: str = "r2plus1d"
    source: str = "k400"
    subset: str = "50k"
    epochs: int = 200
    target: str = "ucf101"
    protocol: str = "finetune"
    complexity: str | None = None
    teachers: str = ""
    noise: str = ""
    severity: int = 0
    metric: str = "top1"

    def is_of(self, cell: Mapping[str, Any]) -> bool:
        """Whether a cell (of any seed) has the number. `cell`: identity and `default_complexity`."""
        return self.key in _keys(cell)

    @property
    def key(self) -> tuple[Any, ...]:
        """Identifies the cell."""
        return (*(getattr(self, axis) for axis in _CELL_AXES), self.complexity)

    @property
    def identity(self) -> dict[str, Any]:
        """The axes for looking up the paper's values."""
        names = [name for name in self.__dataclass_fields__ if name not in ("table", "metric")]
        return {name: getattr(self, name) for name in names} | {"complexity": self.complexity or ""}

    def __str__(self) -> str:
        def named(axis: str) -> str:
            return titles.label(axis, getattr(self, axis))

        parts = [f"{named('task')} {self.complexity or ''}".strip(), named("backbone")]
        parts += [f"{named('source')} {self.subset}, {self.epochs} epochs", named("target"), named("protocol")]
        parts.append(self.teachers and f"taught by {named('teachers')}")
        parts.append(self.noise and f"{named('noise')}, severity {self.severity}")
        return ", ".join([part for part in parts if part] + [named("metric")])


def _keys(cell: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """Keys of all :class:`Ask` objects for which a cell has the number."""
    complexities = {cell["complexity"], None} if cell["default_complexity"] else {cell["complexity"]}
    return {(*(cell[axis] for axis in _CELL_AXES), complexity) for complexity in complexities}


@dataclass(frozen=True)
class Number:
    """A value, its standard error if known, and, if it is a fraction of videos, which videos are correct.

    `correct` is indexed by the sorted videos; with several seeds its values are means.
    """

    value: float
    error: float | None = None
    correct: pd.Series | None = None


@dataclass(frozen=True)
class Combination:
    """A weighted sum of numbers."""

    numbers: Mapping[Ask, Number]
    weights: Mapping[Ask, float]

    def __add__(self, other: Combination) -> Combination:
        weights = dict(self.weights)
        for ask, weight in other.weights.items():
            weights[ask] = weights.get(ask, 0.0) + weight
        return Combination(self.numbers, weights)

    def __mul__(self, factor: float) -> Combination:
        return Combination(self.numbers, {ask: weight * factor for ask, weight in self.weights.items()})

    def __sub__(self, other: Combination) -> Combination:
        return self + other * -1.0

    @property
    def value(self) -> float:
        """The sum."""
        return sum(weight * self.numbers[ask].value for ask, weight in self.weights.items())

    @property
    def error(self) -> float | None:
        """Standard error of the sum; None if one of the numbers has none."""
        variance = 0.0
        for target in {ask.target for ask in self.weights}:
            parts = [(self.numbers[ask], weight) for ask, weight in self.weights.items() if ask.target == target]
            by_video = _by_video([part for part in parts if part[0].correct is not None])
            if by_video is not None:
                variance += float(by_video.var(ddof=1)) / len(by_video)
                parts = [part for part in parts if part[0].correct is None]
            if any(number.error is None for number, _ in parts):
                return None
            variance += sum((weight * number.error) ** 2 for number, weight in parts)
        return math.sqrt(variance)


def _by_video(parts: list[tuple[Number, float]]) -> pd.Series | None:
    """The combination per video; None if the networks were not tested on the same videos."""
    if not parts or any(not number.correct.index.equals(parts[0][0].correct.index) for number, _ in parts):
        return None
    return sum(weight * number.correct.astype(float) for number, weight in parts)


def mean(parts: Iterable[Combination]) -> Combination:
    """The mean of combinations."""
    first, *others = parts
    total = first
    for part in others:
        total = total + part
    return total * (1 / (1 + len(others)))


def absolute(part: Combination) -> Combination:
    """The combination or its negative, whichever is positive."""
    return part if part.value >= 0 else part * -1.0


@dataclass(frozen=True)
class Finding:
    """A verdict, and its evidence: a text with numbers."""

    verdict: str
    evidence: str
    distance: float = field(default=0.0, compare=False)  # from the value at which the verdict changes
    error: float | None = field(default=None, compare=False)  # standard error of the distance, if known

    def among(self, total: int) -> str:
        """The verdict, if this is one of `total` comparisons of which a single one would decide (Bonferroni)."""
        if self.verdict == UNDECIDED or self.error is None:
            return self.verdict
        reach = NormalDist().inv_cdf(1 - 0.025 / total) * self.error
        return self.verdict if abs(self.distance) >= reach else UNDECIDED


def exceeds(what: str, part: Combination, limit: float = 0.0) -> Finding:
    """Whether `part` is above `limit`."""
    return _compare(what, part, limit, 1)


def below(what: str, part: Combination, limit: float) -> Finding:
    """Whether `part` is below `limit`."""
    return _compare(what, part, limit, -1)


def _compare(what: str, part: Combination, limit: float, sign: int) -> Finding:
    distance, error = sign * (part.value - limit), part.error
    reach = MARGIN if error is None else _Z * error
    clear = distance != 0 and abs(distance) >= reach
    verdict = UNDECIDED if not clear else SUPPORTED if distance > 0 else CONTRADICTED
    interval = "" if error is None else f" [{100 * (part.value - reach):+z.1f}, {100 * (part.value + reach):+z.1f}]"
    bound = f" (claimed: {'above' if sign > 0 else 'below'} {100 * limit:.0f})" if limit else ""
    return Finding(verdict, f"{what}: {100 * part.value:+z.1f} points{interval}{bound}", distance, error)


def every(findings: Iterable[Finding]) -> Finding:
    """All findings must be supported; one contradicted finding contradicts the claim."""
    findings = list(findings)
    if found := [finding for finding in findings if finding.among(len(findings)) == CONTRADICTED]:
        return Finding(
            CONTRADICTED, _evidence(found, len(findings), "go the other way"), min(f.distance for f in found)
        )
    if found := [finding for finding in findings if finding.verdict != SUPPORTED]:
        return Finding(UNDECIDED, _evidence(found, len(findings), _TOO_CLOSE), min(f.distance for f in found))
    return Finding(SUPPORTED, _evidence(findings, len(findings), "hold"), min(f.distance for f in findings))


def some(findings: Iterable[Finding]) -> Finding:
    """One supported finding is enough; the claim is contradicted if all are."""
    findings = list(findings)
    if found := [finding for finding in findings if finding.among(len(findings)) == SUPPORTED]:
        return Finding(SUPPORTED, _evidence(found, len(findings), "hold"), max(f.distance for f in found))
    if found := [finding for finding in findings if finding.verdict != CONTRADICTED]:
        return Finding(UNDECIDED, _evidence(found, len(findings), _TOO_CLOSE), max(f.distance for f in found))
    return Finding(
        CONTRADICTED, _evidence(findings, len(findings), "go the other way"), max(f.distance for f in findings)
    )


def about(what: str, finding: Finding) -> Finding:
    """A finding from several comparisons, with its subject, for use among other findings."""
    return replace(finding, evidence=f"{what} ({finding.evidence})")


def _evidence(found: list[Finding], total: int, words: str, max_shown: int = 4) -> str:
    """The findings as text: all if they are few, else those closest to the other verdict."""
    if total == 1:
        return found[0].evidence
    nearest = sorted(found, key=lambda finding: abs(finding.distance))[:max_shown] if len(found) > max_shown else found
    which = "among them " if len(nearest) < len(found) else ""
    # The printed interval is for one comparison; widened for their number it may contain a limit that it does not
    # contain here.
    widened = f" (alone it would be clear, as one of {total} it is not)"
    parts = [
        finding.evidence + (widened if words == _TOO_CLOSE and finding.verdict != UNDECIDED else "")
        for finding in nearest
    ]
    return f"{len(found)} of {total} comparisons {words}: {which}" + "; ".join(parts)


@dataclass(frozen=True)
class Measured:
    """The numbers of a claim, found by their axes."""

    numbers: Mapping[Ask, Number]

    def __call__(self, **axes: Any) -> Combination:
        """The number with these axes; axes that all numbers of the claim share may be omitted. ValueError unless
        exactly one matches."""
        found = [ask for ask in self.numbers if all(getattr(ask, axis) == value for axis, value in axes.items())]
        if len(found) != 1:
            raise ValueError(f"{len(found)} of the claim's numbers have {axes}")
        return Combination(self.numbers, {found[0]: 1.0})


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, the numbers that it rests on, and the function that judges them."""

    name: str
    section: str
    sentence: str
    asks: tuple[Ask, ...]
    judge: Callable[[Measured], Finding]


CLAIMS: dict[str, Claim] = {}
"""All claims by name, in the paper's order within each module."""


def cells(table: str, **axes: Any) -> Iterator[Ask]:
    """The product of axes (one value or a list each) in one of the paper's tables."""
    values = [value if isinstance(value, list) else [value] for value in axes.values()]
    for point in itertools.product(*values):
        yield Ask(table, **dict(zip(axes, point, strict=True)))


def claim(
    section: str, sentence: str, *asks: Iterable[Ask]
) -> Callable[[Callable[[Measured], Finding]], Callable[[Measured], Finding]]:
    """Decorator: registers a function from numbers to a finding as the judge of a sentence of the paper."""

    def register(function: Callable[[Measured], Finding]) -> Callable[[Measured], Finding]:
        name = function.__name__
        if name in CLAIMS:
            raise ValueError(f"two claims are called {name}")
        CLAIMS[name] = Claim(name, section, sentence, tuple(itertools.chain(*asks)), function)
        return function

    return register


def judge(claim: Claim, numbers: Mapping[Ask, Number]) -> tuple[Finding, list[Ask]]:
    """Judge a claim. Returns the finding, and the numbers that are missing; if any is, the claim is undecided."""
    missing = [ask for ask in claim.asks if ask not in numbers]
    if missing:
        return Finding(UNDECIDED, f"{len(missing)} of {len(claim.asks)} numbers are missing"), missing
    return claim.judge(Measured({ask: numbers[ask] for ask in claim.asks})), []


def cells_of_claims(cells: Iterable[Cell]) -> list[Cell]:
    """The cells that some claim needs."""
    asked = {ask.key for claim in CLAIMS.values() for ask in claim.asks}
    return [cell for cell in cells if asked & _keys(cell.identity | {"default_complexity": cell.default_complexity})]
