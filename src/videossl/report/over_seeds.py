"""The mean of a number over the seeds, with an interval that holds as many sources of chance as the results allow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from videossl.analysis.statistics import (
    bootstrap_of_difference,
    chance_of_difference,
    chance_of_mean,
    crossed_bootstrap,
    t_interval,
    t_quantile,
)
from videossl.common.results import is_fraction
from videossl.report.by_video import values_by_video
from videossl.study.titles import GAIN

if TYPE_CHECKING:
    from videossl.report.collect import Record

ONE_SEED, SEEDS_AND_VIDEOS, SEEDS_ALONE = "one seed", "seeds and videos", "seeds"
"""What an interval holds: the choice of test videos; the randomness of training too; or that alone."""
SEEDS_OF_ONE = "seeds of one and videos"
"""Of a difference: the choice of test videos, and the randomness of training as the seeds of one of the two show it."""
RESAMPLES = 10_000
_Z = NormalDist().inv_cdf(0.975)


class OverSeeds(NamedTuple):
    """A mean over seeds; `low` and `high` are None if there is no interval. `holds`: see ONE_SEED.

    `freedom`: degrees of freedom of the interval's Student's t distribution; infinite for the normal one.
    """

    value: float
    low: float | None
    high: float | None
    holds: str
    freedom: float = math.inf

    def among(self, comparisons: int) -> OverSeeds:
        """The same mean with an interval that is widened for the number of comparisons (Bonferroni)."""
        if self.low is None or self.high is None:
            return self
        wider = t_quantile(1 - 0.025 / comparisons, self.freedom) / t_quantile(0.975, self.freedom)
        low, high = (self.value + wider * (end - self.value) for end in (self.low, self.high))
        return self._replace(low=low, high=high)


def over_seeds(records: Sequence[Record]) -> OverSeeds:
    """The mean of measured records, one a seed, and its 95 % interval.

    The interval of a single seed is the record's own. Of several it is a hierarchical bootstrap over seeds and test
    videos if the results of single videos are stored for all of them, otherwise a t-interval over the seeds.
    """
    first = records[0]
    if len(records) == 1:
        return OverSeeds(float(first.value or 0.0), first.low, first.high, first.holds or ONE_SEED)
    by_video = _by_video(records)
    if by_video is None:
        value, low, high = t_interval(np.array([record.value for record in records]))
        holds, freedom = SEEDS_ALONE, len(records) - 1.0
    else:
        value, low, high = bootstrap(by_video)
        holds, freedom = SEEDS_AND_VIDEOS, chance_of_mean(by_video).freedom
    if is_share(first):
        low, high = max(0.0, low), min(1.0, high)
    return OverSeeds(value, low, high, holds, freedom)


def difference_of_means(own: Sequence[Record], other: Sequence[Record]) -> OverSeeds | None:
    """The mean of measured records minus that of others, which have another number of seeds, and its interval.

    None if the results of single videos are not stored for all of them.
    """
    values = _by_video([*own, *other])
    if values is None:
        return None
    groups = values[: len(own)], values[len(own) :]
    found = bootstrap_of_difference(*groups, resamples=RESAMPLES)
    return OverSeeds(*_at_least_one_video(*found, values.shape[1]), SEEDS_OF_ONE, chance_of_difference(*groups).freedom)


def _by_video(records: Sequence[Record]) -> np.ndarray | None:
    """Values (seeds, videos) of records, one a seed; None unless all were tested on the same videos and say so."""
    found = [values_by_video(record.terms) for record in records]
    if any(one is None or not one.index.equals(found[0].index) for one in found):
        return None
    return np.stack([one.to_numpy() for one in found])


def is_share(record: Record) -> bool:
    """Whether the number is a fraction between 0 and 1."""
    metric = record.identity["metric"]
    return is_fraction(metric) and "relative" not in metric and not metric.startswith(GAIN)


def of_places(records: Iterable[Record]) -> list[list[Record]]:
    """Records that differ in their seed alone, together."""
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        place = tuple(value for axis, value in record.identity.items() if axis != "seed")
        found.setdefault(place, []).append(record)
    return list(found.values())


def bootstrap(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95 % interval of values (seeds, videos), see :func:`videossl.analysis.statistics.crossed_bootstrap`."""
    return _at_least_one_video(*_bootstrap_once(values.tobytes(), values.shape), values.shape[1])


def _at_least_one_video(mean: float, low: float, high: float, videos: int) -> tuple[float, float, float]:
    """A mean with its interval, which is as if one of the videos told seeds or networks apart where hardly one does.

    As in claims: without that, two networks that agree on a dozen videos would be shown as certainly equal.
    """
    one = _Z / videos
    return mean, min(low, mean - one), max(high, mean + one)


@lru_cache(maxsize=512)
def _bootstrap_once(values: bytes, shape: tuple[int, int]) -> tuple[float, float, float]:
    """Many tables show the same number, and the notes ask for it again."""
    return crossed_bootstrap(np.frombuffer(values).reshape(shape), resamples=RESAMPLES)
