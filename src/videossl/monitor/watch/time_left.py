"""How long a run will still take, from the times of its finished jobs and, until there are any, from estimates.

Every job has a weight, its estimated seconds; jobs without an estimate count as short. The weights are only compared
with each other: jobs of a rule take as long as its finished jobs say (measured seconds for each second of weight), of a
rule without finished jobs as the whole run says. What is left is the work divided by the number of jobs that have run
side by side, or the longest chain of jobs that wait for each other, if that is longer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

SHORT = 2.0
"""Weight of a job without an estimate, and what is added to each estimate: seconds to start and end a process."""


class TimeLeft:
    """The estimate, which learns from each finished job."""

    def __init__(
        self, rules: Mapping[int, str], seconds: Mapping[int, float], needs: Mapping[int, Sequence[int]]
    ) -> None:
        self.rules = dict(rules)
        self.weights = {job: SHORT + seconds.get(job, 0.0) for job in rules}
        self.needs = needs
        self.estimated = {rules[job] for job in seconds if job in rules}
        self.measured: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """Weight and duration of the finished jobs of each rule."""
        self.left = dict.fromkeys(self.weights)
        """Jobs that have not finished, in order."""
        self.order = _in_order(self.weights, needs)

    def finished(self, job: int, duration: float) -> None:
        """A job has ended well after so many seconds."""
        self.left.pop(job, None)
        self.measured[self.rules.get(job, "")].append((self.weights.get(job, SHORT), duration))

    def seconds(self, running: Mapping[int, float], elapsed: float) -> float | None:
        """Seconds left; None if there is nothing to tell it from.

        Args:
            running: for how many seconds each running job has run.
            elapsed: seconds since the first job began.
        """
        if not self.left or not (self.measured or self.estimated):
            return None
        paces = {rule: self._pace(rule) for rule in {self.rules[job] for job in self.left}}
        expected = {job: self.weights[job] * paces[self.rules[job]] for job in self.left}
        remaining = {job: max(seconds - running.get(job, 0.0), 0.0) for job, seconds in expected.items()}
        done = sum(duration for found in self.measured.values() for _, duration in found)
        side_by_side = max(1.0, (done + sum(running.values())) / elapsed if elapsed > 0 else 1.0, 0.75 * len(running))
        return max(sum(remaining.values()) / side_by_side, self._longest_chain(remaining))

    def _pace(self, rule: str) -> float:
        """Measured seconds for each second of weight."""
        found = self.measured.get(rule) or [one for of_rule in self.measured.values() for one in of_rule]
        weight = sum(weight for weight, _ in found)
        return sum(duration for _, duration in found) / weight if weight else 1.0

    def _longest_chain(self, remaining: Mapping[int, float]) -> float:
        longest: dict[int, float] = {}
        for job in self.order:
            if job in remaining:
                before = max((longest[need] for need in self.needs.get(job, ()) if need in longest), default=0.0)
                longest[job] = before + remaining[job]
        return max(longest.values(), default=0.0)


def _in_order(jobs: Mapping[int, float], needs: Mapping[int, Sequence[int]]) -> list[int]:
    """The jobs, each after those that it needs."""
    found: dict[int, None] = {}
    for first in jobs:
        stack = [first]
        while stack:
            job = stack[-1]
            if waiting := [need for need in needs.get(job, ()) if need in jobs and need not in found]:
                stack += waiting
            else:
                found[stack.pop()] = None
    return list(found)
