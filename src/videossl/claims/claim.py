"""Claims: sentences of the paper, the numbers that they rest on, and the functions that judge them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from videossl.claims.ask import Ask, keys_of
from videossl.claims.finding import SUPPORTED, UNDECIDED, Finding, conjunction
from videossl.claims.quantity import Number, Quantity, Undefined
from videossl.stages.cells import Cell

_MOST_NAMED = 2


@dataclass(frozen=True)
class Measured:
    """The numbers of a claim, found by their axes."""

    numbers: Mapping[Ask, Number]

    def __call__(self, **axes: Any) -> Quantity:
        """The number with these axes; axes that all numbers of the claim share may be omitted. ValueError unless
        exactly one matches."""
        found = [ask for ask in self.numbers if all(getattr(ask, axis) == value for axis, value in axes.items())]
        if len(found) != 1:
            raise ValueError(f"{len(found)} of the claim's numbers have {axes}")
        return Quantity.of(self.numbers, found[0])

    def values(self, axis: str) -> list[Any]:
        """The values that the claim's numbers have on an axis, in the order of the numbers."""
        return list(dict.fromkeys(getattr(ask, axis) for ask in self.numbers))


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, the numbers that it rests on, and the function that judges them.

    `choices`: sets of numbers. The claim is judged on the first set that is complete.
    `measure`: how words of the sentence are measured, where that is our choice.
    `unprinted`: why the paper does not give the numbers; "" if it gives them.
    `real_videos`: whether it compares measured numbers with published ones, so that generated videos cannot decide it.
    `parts`: the claims that it consists of; such a claim has no numbers of its own.
    """

    name: str
    section: str
    sentence: str
    choices: tuple[tuple[Ask, ...], ...]
    judge: Callable[[Measured], Finding] | None = None
    measure: str = ""
    unprinted: str = ""
    real_videos: bool = False
    parts: tuple[Claim, ...] = ()

    @property
    def asks(self) -> tuple[Ask, ...]:
        """All numbers that the claim can be judged on, each once."""
        own = itertools.chain(*self.choices, *(part.asks for part in self.parts))
        return tuple(dict.fromkeys(own))


class Judgement(NamedTuple):
    """A finding, the numbers that it rests on, and those of them that are missing."""

    finding: Finding
    asks: tuple[Ask, ...]
    missing: tuple[Ask, ...]


CLAIMS: dict[str, Claim] = {}
"""All claims by name, in the paper's order within each module."""


def claim(
    section: str, sentence: str, *asks: Iterable[Ask], one_of: Sequence[Iterable[Ask]] = ((),), **details: Any
) -> Callable[[Callable[[Measured], Finding]], Callable[[Measured], Finding]]:
    """Decorator: registers a function from numbers to a finding as the judge of a sentence of the paper.

    Args:
        asks: the numbers that it needs.
        one_of: sets of further numbers, of which it needs one: the first that is complete.
        details: `measure`, `unprinted` and `real_videos` of :class:`Claim`.
    """
    shared = tuple(itertools.chain(*asks))
    choices = tuple(tuple(dict.fromkeys([*shared, *more])) for more in one_of)

    def register(function: Callable[[Measured], Finding]) -> Callable[[Measured], Finding]:
        _register(Claim(function.__name__, section, sentence, choices, function, **details))
        return function

    return register


def claim_of_findings(name: str, section: str, sentence: str, *parts: Callable[[Measured], Finding]) -> None:
    """Register a sentence that puts findings together: it is supported if the claims of all these functions are."""
    _register(Claim(name, section, sentence, (), parts=tuple(CLAIMS[part.__name__] for part in parts)))


def _register(found: Claim) -> None:
    if found.name in CLAIMS:
        raise ValueError(f"two claims are called {found.name}")
    CLAIMS[found.name] = found


def judge(
    claim: Claim, numbers: Mapping[Ask, Number], reasons: Mapping[Ask, str] | None = None, *, generated: bool = False
) -> Judgement:
    """Judge a claim. If numbers are missing, it is undecided.

    Args:
        numbers: those that are there.
        reasons: why numbers are missing, as far as known.
        generated: whether they were measured at a reduced scale or on generated videos.
    """
    if claim.judge is None:
        return _judge_parts(claim, numbers, reasons or {}, generated)
    asks, missing = _chosen(claim, numbers)
    if claim.real_videos and generated:
        return Judgement(Finding(UNDECIDED, _NOT_REAL), asks, missing)
    if missing:
        return Judgement(Finding(UNDECIDED, _lack(asks, missing, reasons or {})), asks, missing)
    given = {ask: numbers[ask] for ask in asks}
    try:
        _check_devices(given)
        return Judgement(claim.judge(Measured(given)), asks, ())
    except Undefined as error:
        return Judgement(Finding(UNDECIDED, str(error)), asks, ())


def judge_paper(claim: Claim, numbers: Mapping[Ask, Number]) -> Finding:
    """Judge a claim on the paper's own numbers."""
    reasons = {ask: part.unprinted for part in (claim, *claim.parts) if part.unprinted for ask in part.asks}
    return judge(claim, numbers, {ask: reason for ask, reason in reasons.items() if ask not in numbers}).finding


_NOT_REAL = (
    "The claim compares with published results on the real videos; these numbers are of a reduced scale or of generated"
    " videos."
)


def _judge_parts(claim: Claim, numbers: Mapping[Ask, Number], reasons: Mapping[Ask, str], generated: bool) -> Judgement:
    judged = [judge(part, numbers, reasons, generated=generated) for part in claim.parts]
    asks = tuple(dict.fromkeys(ask for one in judged for ask in one.asks))
    missing = tuple(dict.fromkeys(ask for one in judged for ask in one.missing))
    verdict = conjunction({part.name: one.finding for part, one in zip(claim.parts, judged, strict=True)}).verdict
    supported = sum(one.finding.verdict == SUPPORTED for one in judged)
    told = [f"{supported} of {len(judged)} findings {'is' if supported == 1 else 'are'} supported"]
    told += [
        f'{one.finding.verdict}: "{part.sentence}" ({one.finding.evidence})'
        for part, one in zip(claim.parts, judged, strict=True)
        if one.finding.verdict != SUPPORTED
    ]
    return Judgement(Finding(verdict, "; ".join(told)), asks, missing)


def _chosen(claim: Claim, numbers: Mapping[Ask, Number]) -> tuple[tuple[Ask, ...], tuple[Ask, ...]]:
    """The first complete set of numbers, otherwise the one that lacks the fewest, and what it lacks."""
    lacking = [tuple(ask for ask in asks if ask not in numbers) for asks in claim.choices]
    place = min(range(len(lacking)), key=lambda number: len(lacking[number]))
    return claim.choices[place], lacking[place]


def _lack(asks: Sequence[Ask], missing: Sequence[Ask], reasons: Mapping[Ask, str]) -> str:
    """Which numbers are missing, and why."""
    known = list(dict.fromkeys(reasons[ask] for ask in missing if reasons.get(ask)))
    others = [str(ask) for ask in missing if not reasons.get(ask)]
    named = others[:_MOST_NAMED] + (["…"] if len(others) > _MOST_NAMED else [])
    verb = "is" if len(missing) == 1 else "are"
    return f"{len(missing)} of {len(asks)} numbers {verb} missing: {'; '.join([*known, *named])}"


def _check_devices(numbers: Mapping[Ask, Number]) -> None:
    """Raise Undefined if times were measured on different devices."""
    devices = sorted({number.device for number in numbers.values() if number.device})
    if len(devices) > 1:
        raise Undefined(
            f"The times cannot be compared: they were measured on different devices ({', '.join(devices)})."
        )


def cells_of_claims(cells: Iterable[Cell]) -> list[Cell]:
    """The cells that some claim needs."""
    asked = {ask.key for claim in CLAIMS.values() for ask in claim.asks if not ask.is_quoted}
    return [cell for cell in cells if asked & keys_of(cell.identity | {"default_complexity": cell.default_complexity})]
