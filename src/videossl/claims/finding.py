"""Findings: verdicts with their evidence, from single comparisons and from several together.

A comparison tests a quantity against a limit. If all its numbers have a standard error, its 95 % interval gives the
verdict: *supported* if it lies on the claimed side, *contradicted* if it lies on the other, *undecided* if it contains
the limit. Otherwise the value decides, unless it is closer to the limit than the margin of its unit (one percentage
point). Among many comparisons some look clear by chance: where a single one decides, its interval is widened for their
number (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videossl.claims.quantity import Quantity

if TYPE_CHECKING:  # it imports pandas, and the workflow imports this module for every job
    from videossl.analysis.statistics import Chance

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
MINIMAL = 0.02
"""What the paper's "minimal" and "marginal" mean here: less than two percentage points."""
LARGE = 0.05
"""What the paper's "large" and "substantial" mean here: more than five percentage points."""
ABOUT = 0.25
"""How far a value may be from a size that the paper states: a quarter of it, but at least the margin of its unit."""
_OPPOSITE = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED, UNDECIDED: UNDECIDED}
_MOST_SHOWN = 4
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Finding:
    """A verdict, and its evidence: sentences with numbers."""

    verdict: str
    evidence: str
    distance: float = field(default=0.0, compare=False)  # from the value at which the verdict changes
    chance: Chance | None = field(default=None, compare=False)  # of the distance, if known

    def among(self, total: int) -> str:
        """The verdict, if this is one of `total` comparisons of which a single one would decide (Bonferroni)."""
        if self.verdict == UNDECIDED or self.chance is None:
            return self.verdict
        return self.verdict if abs(self.distance) >= self.chance.reach(total) else UNDECIDED


def exceeds(what: str, quantity: Quantity, limit: float = 0.0) -> Finding:
    """Whether `quantity` is above `limit`. `what`: a noun phrase, such as "the lead of RSPNet over PRP"."""
    said = f"the claim says more than {quantity.unit.plain(limit)}" if limit else ""
    return _compare(what, quantity, quantity.value - limit, said, quantity.unit.margin)


def below(what: str, quantity: Quantity, limit: float) -> Finding:
    """Whether `quantity` is below `limit`."""
    said = f"the claim says less than {quantity.unit.plain(limit)}"
    return _compare(what, quantity, limit - quantity.value, said, quantity.unit.margin)


def near(what: str, quantity: Quantity, stated: float) -> Finding:
    """Whether `quantity` has about the size that the paper states, see ABOUT."""
    tolerance = max(ABOUT * abs(stated), quantity.unit.margin)
    said = f"the paper says about {quantity.unit.plain(stated)}"
    return _compare(what, quantity, tolerance - abs(quantity.value - stated), said)


def between(what: str, quantity: Quantity, low: float, high: float) -> Finding:
    """Whether `quantity` lies in a range that the paper states."""
    said = f"the paper says {round(quantity.unit.factor * low, 4):g} to {quantity.unit.plain(high)}"
    return _compare(what, quantity, min(quantity.value - low, high - quantity.value), said)


def _compare(what: str, quantity: Quantity, distance: float, said: str, least: float = 0.0) -> Finding:
    """The verdict from the distance of a quantity from its limit, which is positive on the claimed side.

    Args:
        least: without an interval, the smallest distance that supports the claim. 0 for stated sizes, whose tolerance
            takes the margin's place.
    """
    unit, chance = quantity.unit, quantity.chance
    if chance is None:
        supported, contradicted = distance >= least - _ROUNDING, distance <= _ROUNDING - unit.margin
        details = [said]
    else:
        reach = chance.reach()
        supported, contradicted = 0 != distance >= reach, 0 != distance <= -reach
        low, high = unit.number(quantity.value - reach), unit.number(quantity.value + reach)
        details = [f"95 % interval {low} to {high}", said]
    verdict = SUPPORTED if supported else CONTRADICTED if contradicted else UNDECIDED
    told = "; ".join(detail for detail in details if detail)
    return Finding(verdict, f"{what} is {unit.show(quantity.value)}" + (f" ({told})" if told else ""), distance, chance)


def every(findings: Iterable[Finding]) -> Finding:
    """All findings must be supported; one contradicted finding contradicts the claim."""
    findings = list(findings)
    total = len(findings)
    if found := [finding for finding in findings if finding.among(total) == CONTRADICTED]:
        return _several(CONTRADICTED, found, total, min)
    if found := [finding for finding in findings if finding.verdict != SUPPORTED]:
        return _several(UNDECIDED, found, total, min)
    return _several(SUPPORTED, findings, total, min)


def some(findings: Iterable[Finding]) -> Finding:
    """One supported finding is enough; the claim is contradicted if all are."""
    findings = list(findings)
    total = len(findings)
    if found := [finding for finding in findings if finding.among(total) == SUPPORTED]:
        return _several(SUPPORTED, found, total, max)
    if found := [finding for finding in findings if finding.verdict != CONTRADICTED]:
        return _several(UNDECIDED, found, total, max)
    return _several(CONTRADICTED, findings, total, max)


def most(findings: Iterable[Finding]) -> Finding:
    """More than half of the findings must be supported; the claim is contradicted if half of them or more are."""
    findings = list(findings)
    by_verdict = {name: [one for one in findings if one.verdict == name] for name in (SUPPORTED, CONTRADICTED)}
    if len(by_verdict[SUPPORTED]) * 2 > len(findings):
        return _several(SUPPORTED, by_verdict[SUPPORTED], len(findings), max)
    if len(by_verdict[CONTRADICTED]) * 2 >= len(findings):
        return _several(CONTRADICTED, by_verdict[CONTRADICTED], len(findings), max)
    parts = "; ".join(f"{finding.evidence} ({finding.verdict})" for finding in findings)
    supported, contradicted = (len(by_verdict[name]) for name in (SUPPORTED, CONTRADICTED))
    told = f"{len(findings)} comparisons, of which {supported} support it and {contradicted} contradict it"
    return Finding(UNDECIDED, f"{told}: {parts}")


def opposite(finding: Finding) -> Finding:
    """The finding of a claim that denies what the finding supports."""
    return replace(finding, verdict=_OPPOSITE[finding.verdict], distance=-finding.distance)


def conjunction(parts: Mapping[str, Finding]) -> Finding:
    """The finding of a claim that states several things, by their names: all must be supported.

    The evidence gives the verdict of each part.
    """
    verdicts = {name: finding.among(len(parts)) for name, finding in parts.items()}
    found = set(verdicts.values())
    verdict = CONTRADICTED if CONTRADICTED in found else UNDECIDED if UNDECIDED in found else SUPPORTED
    told = [f"{name}: {verdicts[name]} ({finding.evidence})" for name, finding in parts.items()]
    return Finding(verdict, ". ".join(told), min(finding.distance for finding in parts.values()))


def provided(premise: Finding, finding: Finding) -> Finding:
    """`finding`, if the numbers meet the claim's premise; otherwise they do not test the claim."""
    if premise.verdict == SUPPORTED:
        return finding
    return Finding(UNDECIDED, f"These numbers do not test the claim: {premise.evidence}")


def _several(verdict: str, found: Sequence[Finding], total: int, nearest: Callable[..., float]) -> Finding:
    return Finding(verdict, _evidence(verdict, found, total), nearest(finding.distance for finding in found))


def _evidence(verdict: str, found: Sequence[Finding], total: int) -> str:
    """The findings as text: all if they are few, else those closest to another verdict."""
    if total == 1:
        return found[0].evidence
    verb = {SUPPORTED: "support it", CONTRADICTED: "contradict it", UNDECIDED: "do not decide it"}[verdict]
    if len(found) == 1:
        verb = verb.replace("support", "supports").replace("contradict", "contradicts").replace("do not", "does not")
    shown, which = list(found), ""
    if len(found) > _MOST_SHOWN:
        shown = sorted(found, key=lambda finding: abs(finding.distance))[:_MOST_SHOWN]
        which = f"the {_MOST_SHOWN} closest to the limit: "
    texts = [finding.evidence + (_widened(total) if _is_widened(verdict, finding) else "") for finding in shown]
    count = f"{len(found)} of {total}" if len(found) < total else "both" if total == 2 else f"all {total}"
    return f"{count} comparisons {verb}: {which}" + "; ".join(texts)


def _is_widened(verdict: str, finding: Finding) -> bool:
    """Whether a comparison is open only because its interval was widened."""
    return verdict == UNDECIDED and finding.verdict != UNDECIDED


def _widened(total: int) -> str:
    return f" (clear as the only comparison, but not as one of {total})"
