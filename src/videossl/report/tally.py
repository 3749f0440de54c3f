"""How many networks are better than the same network from scratch, and how many are worse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from videossl.report.collect import OK, Record
from videossl.report.gains import all_but_seed, difference_over_seeds
from videossl.report.over_seeds import of_places


class Tally(NamedTuple):
    """Networks by the 95 % interval of their difference to the same network from scratch.

    Of networks that do not differ from it, one of forty is counted as better and one of forty as worse.
    """

    better: int
    """Its interval is above 0."""
    worse: int
    """Its interval is below 0."""
    compared: int

    def sentence(self, what: str) -> str:
        """For example "of 160 finetuned networks 62 are significantly better than from scratch, 3 worse"."""
        return f"of {self.compared} {what} {self.better} are significantly better than from scratch, {self.worse} worse"


def tally(records: Iterable[Record]) -> Tally:
    """Compare each network with that from scratch, paired by video and by seed; those without one are left out."""
    measured = [record for record in records if record.status == OK and record.value is not None]
    scratch: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in measured:
        if record.is_baseline:
            scratch[all_but_seed(record)].append(record)
    found = [
        difference
        for place in of_places([record for record in measured if not record.is_baseline])
        if (difference := difference_over_seeds(place, scratch.get(all_but_seed(place[0]), [])))
    ]
    intervals = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    return Tally(sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals), len(intervals))
