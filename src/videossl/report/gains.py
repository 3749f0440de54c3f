"""Gains: by how much a network is better than the same network from scratch.

Both are compared in pairs: seed by seed and, where the results of single test videos are stored, video by video. What
makes one seed or video easier for both then cancels out. If there are more networks from scratch than pretrained ones,
their mean is compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from videossl.common.errors import UserError
from videossl.common.results import CONDITION, IDENTITY
from videossl.report.by_video import values_by_video
from videossl.report.over_seeds import OverSeeds, bootstrap, difference_of_means, of_places, over_seeds
from videossl.report.status import FAILED
from videossl.study.titles import GAIN

if TYPE_CHECKING:
    from videossl.report.collect import Record

PRETRAINING_AXES = ("task", "complexity", "source", "subset", "epochs", "teachers")
"""Axes that say how a network was pretrained, or taught. It shares all others with its network from scratch."""
SHARED_AXES = tuple(axis for axis in (*IDENTITY, *CONDITION, "metric") if axis not in PRETRAINING_AXES)


def gains(records: Sequence[Record], where: str) -> list[Record]:
    """The gain of each pretrained network, as a record whose metric has the prefix GAIN.

    A gain is pending or failed if one of its networks is. Its interval is that of one seed and holds the choice of test
    videos; that of several seeds is :func:`videossl.report.over_seeds.over_seeds`. If there are more networks from
    scratch than pretrained ones, it is one record for all seeds, whose interval holds the randomness of training, too.
    Where the paper prints both numbers, the gain has the paper's, too.

    Raises:
        UserError: a network has no partner from scratch among the records.
    """
    scratch = _scratch(records)
    found = []
    for own in of_places(record for record in records if not record.is_baseline):
        others = scratch.get(all_but_seed(own[0]), [])
        if len(others) > len(own):
            found.append(_difference_of_means(own, others))
            continue
        by_seed = {other.identity["seed"]: other for other in others}
        for record in own:
            partner = by_seed.get(record.identity["seed"])
            if partner is None:
                raise _no_partner(record, where)
            found.append(difference(record, partner))
    return found


def _scratch(records: Sequence[Record]) -> dict[tuple[Any, ...], list[Record]]:
    """The networks from scratch, one record a seed, by what a pretrained network shares with its own."""
    found: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        if record.is_baseline:
            found.setdefault(all_but_seed(record), []).append(record)
    return found


def _no_partner(record: Record, where: str) -> UserError:
    same = ", ".join(f"{axis} {value}" for axis in SHARED_AXES if (value := record.identity[axis]) not in ("", 0))
    return UserError(
        f"{where}: `gain` compares {record.place} with the same network from scratch, and none is planned with"
        f" {same}. Leave `gain` out, or name only protocols in the grid that are run for networks from scratch."
    )


def is_paired(record: Record) -> bool:
    """Whether both networks of a gain are compared video by video."""
    return values_by_video(record.terms) is not None


def all_but_seed(record: Record) -> tuple[Any, ...]:
    """What a network has in common with its networks from scratch: their values on all other axes but the seed are
    equal."""
    return tuple(record.identity[axis] for axis in SHARED_AXES if axis != "seed")


def difference(own: Record, scratch: Record) -> Record:
    """By how much `own` is better than `scratch`, mostly the same network from scratch, with one of its seeds."""
    found = _without_numbers(own, scratch)
    if missing := _missing([own], [scratch]):
        return replace(found, **missing)
    found = replace(
        found, value=own.value - scratch.value, terms=(*own.terms, *(term.times(-1.0) for term in scratch.terms))
    )
    low, high = _interval(own, scratch, found)
    return replace(found, low=low, high=high)


def _difference_of_means(own: Sequence[Record], scratch: Sequence[Record]) -> Record:
    """By how much the mean of `own`, a record a seed, is better than that of more networks from scratch."""
    found = _without_numbers(own[0], scratch[0])
    if missing := _missing(own, scratch):
        return replace(found, **missing)
    terms = [
        term.times(sign / len(side))
        for side, sign in ((own, 1.0), (scratch, -1.0))
        for one in side
        for term in one.terms
    ]
    value = fmean(one.value for one in own) - fmean(one.value for one in scratch)
    found = replace(found, value=value, terms=tuple(terms))
    mean = difference_of_means(own, scratch)
    return replace(found, low=mean.low, high=mean.high, holds=mean.holds) if mean else found


def _without_numbers(own: Record, scratch: Record) -> Record:
    """The record of a gain, with the paper's number and without ours."""
    identities = {
        name: {**getattr(own, name), "metric": f"{GAIN}{own.identity['metric']}"}
        for name in ("identity", "paper_identity")
    }
    paper = None if own.paper is None or scratch.paper is None else own.paper - scratch.paper
    return replace(
        own, **identities, value=None, low=None, high=None, chance=None, terms=(),
        paper=paper, paper_elsewhere="", paper_others=(),
    )  # fmt: skip


def _missing(own: Sequence[Record], scratch: Sequence[Record]) -> dict[str, Any]:
    """Status and reason of a gain that lacks numbers; {} if none is missing."""
    missing = [record for record in (*own, *scratch) if record.value is None]
    if not missing:
        return {}
    worst = next((record for record in missing if record.status == FAILED), missing[0])
    of_scratch = any(worst is record for record in scratch)
    reason = f"its network from scratch: {worst.reason}" if of_scratch and worst.reason else worst.reason
    return {"status": worst.status, "reason": reason}


def difference_over_seeds(own: Sequence[Record], other: Sequence[Record]) -> OverSeeds | None:
    """By how much a network is better than another, a measured record a seed of each.

    Over the seeds that both have, in pairs; if one has more seeds than the other, over all of them. None if there is
    nothing to compare.
    """
    if len(own) != len(other) and own and other and (found := difference_of_means(own, other)):
        return found
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
