"""Gains: by how much a network is better than the same network from scratch.

Both are compared in pairs: seed by seed and, where the results of single test videos are stored, video by video. What
makes one seed or video easier for both then cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from videossl.common.errors import UserError
from videossl.common.results import CONDITION, IDENTITY
from videossl.report.by_video import values_by_video
from videossl.report.over_seeds import OverSeeds, bootstrap, over_seeds
from videossl.report.status import FAILED
from videossl.study.titles import GAIN

if TYPE_CHECKING:
    from videossl.report.collect import Record

PRETRAINING_AXES = ("task", "complexity", "source", "subset", "epochs", "teachers")
"""Axes that say how a network was pretrained, or taught. It shares all others with its network from scratch."""
SHARED_AXES = tuple(axis for axis in (*IDENTITY, *CONDITION, "metric") if axis not in PRETRAINING_AXES)


def gains(records: Sequence[Record], where: str) -> list[Record]:
    """The gain of each pretrained network, as a record whose metric has the prefix GAIN.

    A gain is pending or failed if one of its two networks is. Its interval is that of one seed and holds the choice of
    test videos; that of several seeds is :func:`videossl.report.over_seeds.over_seeds`. Where the paper prints both
    numbers, the gain has the paper's, too.

    Raises:
        UserError: a network has no partner from scratch among the records.
    """
    scratch = {shared_with_scratch(record.identity): record for record in records if record.is_baseline}
    found = []
    for record in records:
        if record.is_baseline:
            continue
        partner = scratch.get(shared_with_scratch(record.identity))
        if partner is None:
            same = ", ".join(
                f"{axis} {value}" for axis in SHARED_AXES if (value := record.identity[axis]) not in ("", 0)
            )
            raise UserError(
                f"{where}: `gain` compares {record.place} with the same network from scratch, and none is planned with"
                f" {same}. Leave `gain` out, or name only protocols in the grid that are run for networks from scratch."
            )
        found.append(difference(record, partner))
    return found


def is_paired(record: Record) -> bool:
    """Whether both networks of a gain are compared video by video."""
    return values_by_video(record.terms) is not None


def shared_with_scratch(identity: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a network has in common with its network from scratch: their values on all other axes are equal."""
    return tuple(identity[axis] for axis in SHARED_AXES)


def difference(own: Record, scratch: Record) -> Record:
    """By how much `own` is better than `scratch`, mostly the same network from scratch, with one of its seeds."""
    identities = {
        name: {**getattr(own, name), "metric": f"{GAIN}{own.identity['metric']}"}
        for name in ("identity", "paper_identity")
    }
    paper = None if own.paper is None or scratch.paper is None else own.paper - scratch.paper
    found = replace(
        own, **identities, value=None, low=None, high=None, chance=None, terms=(),
        paper=paper, paper_elsewhere="", paper_others=(),
    )  # fmt: skip
    missing = [record for record in (own, scratch) if record.value is None]
    if missing:
        worst = next((record for record in missing if record.status == FAILED), missing[0])
        reason = f"its network from scratch: {worst.reason}" if worst is scratch and worst.reason else worst.reason
        return replace(found, status=worst.status, reason=reason)
    found = replace(
        found, value=own.value - scratch.value, terms=(*own.terms, *(term.times(-1.0) for term in scratch.terms))
    )
    low, high = _interval(own, scratch, found)
    return replace(found, low=low, high=high)


def difference_over_seeds(own: Sequence[Record], other: Sequence[Record]) -> OverSeeds | None:
    """By how much a network is better than another, over the seeds that both have; None if they have none in common."""
    by_seed = {record.identity["seed"]: record for record in other}
    pairs = [(one, by_seed[seed]) for one in own if (seed := one.identity["seed"]) in by_seed]
    return over_seeds([difference(one, two) for one, two in pairs]) if pairs else None


def _interval(own: Record, scratch: Record, gain: Record) -> tuple[float | None, float | None]:
    """The gain's interval over the test videos: a bootstrap of pairs; without pairs it follows from both intervals.

    For the latter see Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10, which takes the two for
    independent. (None, None) if one of them has no interval.
    """
    by_video = values_by_video(gain.terms)
    if by_video is not None:
        return bootstrap(by_video.to_numpy()[None])[1:]
    if own.low is None or scratch.low is None:
        return None, None
    below = math.hypot(own.value - own.low, scratch.high - scratch.value)
    above = math.hypot(own.high - own.value, scratch.value - scratch.low)
    return gain.value - below, gain.value + above
