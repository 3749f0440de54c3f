"""Divides videos into training and test, class by class, without separating videos of one group."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping

MOST_SWAPPED = 200
"""Largest number of groups of which pairs are tried. With more groups, single ones fill the classes well enough."""
ATTEMPTS = 20
"""Orders in which groups are tried until every class has training and test videos."""
LACKING = 1e6
"""Cost of a class without training or without test videos: far more than any lack of balance."""


def choose_test(members: Mapping[str, Counter[str]], share: float, seed: int) -> set[str]:
    """The groups whose videos are for testing.

    Begins with no group and makes every change (a group added, taken out, or exchanged for another) that brings the
    classes closer to `share` of their videos, until there is none. Groups are tried in the order of a hash of (seed,
    name), so the result does not depend on the order of files; in another order if a class lacks training or test
    videos at the end.

    Args:
        members: the videos of each class in each group.
        share: of the videos of each class, above 0 and below 1.
        seed: of the order.

    Returns the names of groups. A class may be left without training or test videos where groups allow nothing else.
    """
    for attempt in range(ATTEMPTS):
        division = _Division(members, share)
        order = sorted(members, key=lambda name: (_hash(seed, attempt, name), name))
        while any([division.change(*groups) for groups in _changes(order)]):  # a list: all changes are tried
            pass
        if division.complete:
            break
    return division.chosen


def _changes(order: list[str]) -> Iterator[tuple[str, ...]]:
    """Single groups, then pairs of them."""
    yield from ((name,) for name in order)
    if len(order) <= MOST_SWAPPED:
        yield from ((first, second) for place, first in enumerate(order) for second in order[:place])


class _Division:
    """Which groups are chosen, and how many videos of each class these have."""

    def __init__(self, members: Mapping[str, Counter[str]], share: float) -> None:
        self.members = members
        self.share = share
        self.totals: Counter[str] = sum(members.values(), Counter())
        self.taken: Counter[str] = Counter()
        self.chosen: set[str] = set()

    def change(self, *groups: str) -> bool:
        """Add those of `groups` that are not chosen and take out the others, if this lowers the cost."""
        moved: Counter[str] = Counter()
        for group in groups:
            sign = -1 if group in self.chosen else 1
            for label, count in self.members[group].items():
                moved[label] += sign * count
        lowered = sum(self._cost(label, self.taken[label]) - self._cost(label, self.taken[label] + count)
                      for label, count in moved.items())  # fmt: skip
        if lowered <= 1e-9:  # rounding is no gain
            return False
        for label, count in moved.items():
            self.taken[label] += count
        self.chosen ^= set(groups)
        return True

    @property
    def complete(self) -> bool:
        """Whether every class has videos for training and for testing."""
        return all(0 < self.taken[label] < total for label, total in self.totals.items())

    def _cost(self, label: str, taken: int) -> float:
        """Distance of a class from its share, in shares of the class."""
        total = self.totals[label]
        return abs(taken / total - self.share) + (LACKING if taken in (0, total) else 0.0)


def _hash(seed: int, attempt: int, name: str) -> bytes:
    return hashlib.sha256(f"division:{seed}:{attempt}:{name}".encode()).digest()
