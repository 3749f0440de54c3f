"""Ranks: the place of each network among those that it is compared with, and which places chance leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videossl.report.gains import difference_over_seeds
from videossl.report.over_seeds import over_seeds
from videossl.report.spec import AXES, Spec
from videossl.report.status import OK

if TYPE_CHECKING:
    from videossl.report.collect import Record

LOWER_IS_BETTER = ("relative_decrease", "gflops", "parameters_millions", "loss")


@dataclass(frozen=True)
class Rank:
    """A place, 1 for the best, and the first and last place that chance leaves open."""

    place: int
    first: int
    last: int

    @property
    def text(self) -> str:
        """As printed, such as "rank 2 (1–3)"; without the brackets if only one place is left."""
        return f"rank {self.place}" + (f" ({self.first}–{self.last})" if self.first < self.last else "")


def ranks(spec: Spec, places: Mapping[Any, Sequence[Record]]) -> dict[Any, Rank]:
    """The rank of the number at each place of a table among those that differ from it only in the axes `spec.rank`.

    Two networks are compared in pairs, seed by seed and video by video where results of single videos are stored. A
    network may take every place between 1 + the number of networks that are better by an interval without 0, and the
    number of all networks - that of those that are worse so. The 95 % intervals are of single pairs; they are not
    widened for the number of pairs. Equal numbers have equal places. Places without a number have no rank.

    Args:
        places: by place, the records of its seeds; without networks from scratch.
    """
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for place, records in places.items():
        if records and all(record.status == OK for record in records):
            groups.setdefault(_shared(records[0], spec), []).append(place)
    found: dict[Any, Rank] = {}
    for members in groups.values():
        better = {(one, two): _is_better(places[one], places[two]) for one in members for two in members if one != two}
        values = {one: _value(places[one]) for one in members}
        for one in members:
            ahead = sum(value > values[one] for value in values.values())
            first = 1 + sum(better[two, one] for two in members if two != one)
            last = len(members) - sum(better[one, two] for two in members if two != one)
            found[one] = Rank(1 + ahead, first, last)
    return found


def _shared(record: Record, spec: Spec) -> tuple[Any, ...]:
    """What networks that are compared have in common. Sources, tasks and the like differ between networks only if the
    entry ranks by them; the stage follows from the protocol."""
    return tuple(record.identity[axis] for axis in AXES if axis not in (*spec.rank, "stage", "seed", "complexity"))


def _value(records: Sequence[Record]) -> float:
    """The mean over seeds, the higher the better."""
    sign = -1.0 if records[0].identity["metric"] in LOWER_IS_BETTER else 1.0
    return sign * over_seeds(records).value


def _is_better(own: Sequence[Record], other: Sequence[Record]) -> bool:
    """Whether the interval of the difference, over the seeds that both have, says that `own` is better."""
    found = difference_over_seeds(own, other)
    if found is None:
        return False
    if own[0].identity["metric"] in LOWER_IS_BETTER:
        return found.high is not None and found.high < 0
    return found.low is not None and found.low > 0
