"""Confidence intervals for proportions and for means over seeds, and paired comparisons on the same videos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd


def wilson_interval(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (1927) for a proportion of `successes` in `n` independent trials, as fractions.

    `successes` may be fractional: the mean over overlapping test sets has an effective number of trials.

    Wilson's interval stays inside [0, 1] and keeps its coverage near 0, near 1 and for small test sets. The normal
    approximation would give an accuracy at chance level a negative lower end there.

    Raises:
        ValueError: `n` < 1, or `successes` not in [0, n].
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials: need n >= 1 and 0 <= successes <= n")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends the formula gives exactly 0 or 1, except for rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def mcnemar_p(only_first: int, only_second: int) -> float:
    """McNemar's exact two-sided p-value from the two counts of discordant pairs.

    Args:
        only_first: videos that only the first model gets right.
        only_second: videos that only the second model gets right.
    """
    discordant = only_first + only_second
    if discordant == 0:
        return 1.0  # the models never differ: no evidence either way
    from scipy import stats  # importing it takes a second, which every finetuning job would pay

    return float(stats.binomtest(only_first, discordant, 0.5).pvalue)


def paired_bootstrap(
    first: np.ndarray, second: np.ndarray, *, resamples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """Difference of means `first` - `second` and its percentile interval, resampling videos as pairs.

    Args:
        first, second: shape (videos,), e.g. correct (bool) or a per-video score, in the same order of videos.

    Returns:
        (difference, low, high), in the unit of the inputs. Equal inputs and seed give equal results.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"need two equally long, non-empty vectors, got shapes {first.shape} and {second.shape}")
    difference = first - second
    generator = np.random.default_rng(seed)
    # One resample at a time: (resamples, videos) indices would be 300 MB for a test set of 3 783 videos.
    means = np.fromiter(
        (difference[generator.integers(0, difference.size, difference.size)].mean() for _ in range(resamples)),
        dtype=np.float64,
        count=resamples,
    )
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(difference.mean()), float(low), float(high)


class Chance(NamedTuple):
    """How much a number varies by chance: its variance, and how many degrees of freedom tell that variance.

    A few seeds tell their variance poorly: where they vary much more than the videos do, 95 % intervals of three seeds
    by the normal quantile hold the true mean in 81 % of all cases. By Student's t it is 92 to 95 %. The many test
    videos tell theirs well: their freedom counts as infinite.
    """

    variance: float
    freedom: float = math.inf

    @property
    def error(self) -> float:
        """Standard error."""
        return math.sqrt(self.variance)

    def reach(self, comparisons: int = 1, confidence: float = 0.95) -> float:
        """Half the width of the number's interval, widened for the number of comparisons (Bonferroni)."""
        return t_quantile(1 - (0.5 - confidence / 2) / comparisons, self.freedom) * self.error


def t_quantile(probability: float, freedom: float) -> float:
    """Quantile of Student's t distribution; of the normal one if the degrees of freedom are infinite."""
    if math.isinf(freedom):
        return NormalDist().inv_cdf(probability)
    from scipy.special import stdtrit  # takes half a second to import

    return float(stdtrit(freedom, probability))


def two_sided_p(t: float, freedom: float) -> float:
    """Probability that Student's t is at least as far from 0 as `t`; the normal one if the freedom is infinite."""
    if math.isinf(freedom):
        return 2 * NormalDist().cdf(-abs(t))
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(t)))


def crossed_chance(by_seed: Sequence[np.ndarray], by_video: Sequence[np.ndarray], known: float = 0.0) -> Chance:
    """Chance of a mean over seeds and test videos. It holds both sources: training and the choice of videos.

    Every network (seed) is tested on the same videos, a crossed design. With V the variance between seeds' means of n
    seeds, and W that between videos' means of m videos, the variance is V / n + W / m. This is slightly too large, as
    both parts contain the interaction of seeds and videos. The degrees of freedom are Satterthwaite's (Biometrics
    Bulletin 2(6), 1946): n - 1 if only seeds vary, more as the videos' part of the variance grows.

    Args:
        by_seed: the mean over videos of each seed, shape (seeds,). Several vectors are of networks trained
            independently, whose numbers are added. One seed says nothing about its chance and is left out.
        by_video: the mean over seeds of each video, shape (videos,). Several vectors are of independent test sets.
        known: further variance, which is known well.
    """
    of_seeds = [(part.var(ddof=1) / part.size, part.size - 1) for part in map(_vector, by_seed) if part.size > 1]
    of_videos = sum(part.var(ddof=1) / part.size for part in map(_vector, by_video) if part.size > 1)
    total = float(sum(variance for variance, _ in of_seeds) + of_videos) + known
    doubt = float(sum(variance**2 / freedom for variance, freedom in of_seeds))
    return Chance(total, total**2 / doubt if doubt > 0 else math.inf)


def _vector(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def chance_of_mean(values: np.ndarray, known: float = 0.0) -> Chance:
    """:func:`crossed_chance` of the mean of `values`, shape (seeds, videos), with one or several seeds."""
    return crossed_chance([values.mean(axis=1)], [values.mean(axis=0)], known)


def crossed_bootstrap(
    values: np.ndarray, *, resamples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of `values` and its percentile interval by a hierarchical bootstrap over seeds and test videos.

    Each resample draws seeds, and videos that are the same for all seeds (a crossed design: Owen, "The pigeonhole
    bootstrap", Annals of Applied Statistics 1(2), 2007). Of a resample only the two main effects are kept: the mean of
    the drawn seeds plus that of the drawn videos, minus the mean. The pigeonhole bootstrap also keeps their interaction
    and so counts it three times (Owen's theorem 1), which makes intervals of paired differences needlessly wide. The
    deviations of n seeds are scaled by sqrt(n / (n - 1)), as resampled means of a few vary too little (Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). The variance is thus :func:`crossed_chance`.
    All deviations are then widened by Student's t over the normal quantile, for a few seeds tell their variance poorly.

    Args:
        values: shape (seeds, videos), such as correct (bool), or a difference of two networks, which keeps their pairs.
            With one seed only videos are resampled.

    Returns:
        (mean, low, high), in the unit of the values. Equal inputs and seed give equal results. The interval of values
        in [0, 1] can pass these limits.

    Raises:
        ValueError: the values are not a table of at least one seed and one video.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"need a value for each seed and video, got shape {values.shape}")
    mean, generator = float(values.mean()), np.random.default_rng(seed)
    deviations = _resampled(values.mean(axis=0), resamples, generator)
    if (seeds := len(values)) > 1:
        deviations += math.sqrt(seeds / (seeds - 1)) * _resampled(values.mean(axis=1), resamples, generator)
    return mean, *_ends(mean, deviations, chance_of_mean(values), confidence)


def _ends(mean: float, deviations: np.ndarray, chance: Chance, confidence: float) -> tuple[float, float]:
    """Ends of an interval from deviations of resamples, which are widened for the few seeds."""
    upper = 0.5 + confidence / 2
    wider = t_quantile(upper, chance.freedom) / t_quantile(upper, math.inf)
    low, high = np.quantile(deviations, [1 - upper, upper])
    return mean + wider * float(low), mean + wider * float(high)


def chance_of_difference(own: np.ndarray, other: np.ndarray) -> Chance:
    """Chance of the mean of `own` minus that of `other`, see :func:`bootstrap_of_difference`."""
    by_video = own.mean(axis=0) - other.mean(axis=0)
    several = [group.mean(axis=1) for group in (own, other) if len(group) > 1]
    if len(several) == 1:
        # The single seed's chance is taken for as large as that of one of the n others: V / n + V = (n + 1) V / n.
        several = [several[0] * math.sqrt(several[0].size + 1)]
    return crossed_chance(several, [by_video])


def bootstrap_of_difference(
    own: np.ndarray, other: np.ndarray, *, resamples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of `own` minus that of `other`, trained with other numbers of seeds, and its interval.

    As :func:`crossed_bootstrap`, but the seeds of the two are drawn apart: those of one have nothing to do with those
    of the other. A network of a single seed says nothing about its chance; it is taken for as large as the other's.

    Args:
        own, other: shape (seeds, videos) each, of the same videos; one of them with several seeds.

    Returns:
        (difference, low, high), in the unit of the values. Equal inputs and seed give equal results.

    Raises:
        ValueError: not the same videos, or one seed each.
    """
    own, other = np.asarray(own, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if own.ndim != 2 or other.ndim != 2 or own.shape[1] != other.shape[1] or own.shape[1] == 0:
        raise ValueError(f"need values of the same videos for each seed, got shapes {own.shape} and {other.shape}")
    if max(len(own), len(other)) < 2:
        raise ValueError("need several seeds of one of the two")
    generator = np.random.default_rng(seed)
    difference = float(own.mean() - other.mean())
    deviations = _resampled(own.mean(axis=0) - other.mean(axis=0), resamples, generator)
    for group, sign in ((own, 1.0), (other, -1.0)):
        known = group if len(group) > 1 else own if len(own) > 1 else other
        scale = sign * math.sqrt(len(known) / (len(known) - 1))
        deviations += scale * _resampled(known.mean(axis=1), resamples, generator, draws=len(group))
    return difference, *_ends(difference, deviations, chance_of_difference(own, other), confidence)


def _resampled(
    values: np.ndarray, resamples: int, generator: np.random.Generator, draws: int | None = None
) -> np.ndarray:
    """Means of resamples of `values`, of as many or of `draws` each, minus their mean: shape (resamples,)."""
    means, draws = np.empty(resamples), draws or values.size
    each = max(1, 1_000_000 // draws)  # resamples at a time: all would be 300 MB for 3,783 videos
    for first in range(0, resamples, each):
        part = means[first : first + each]
        part[:] = values[generator.integers(0, values.size, (part.size, draws))].mean(axis=1)
    return means - values.mean()


def t_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent values and its interval by Student's t distribution.

    For the mean over seeds where only their metrics are known: it holds the randomness of training. Of the choice of
    test videos, which all seeds share, it holds nothing.

    Raises:
        ValueError: fewer than two values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"need a vector of at least two values, got shape {values.shape}")
    mean, half = float(values.mean()), crossed_chance([values], []).reach(confidence=confidence)
    return mean, mean - half, mean + half


def ratio_interval(first: np.ndarray, second: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """Ratio of the sums (or means) of two measures of the same videos, with its confidence interval.

    Normal approximation for a ratio estimator: with r = sum(first) / sum(second), the residuals first - r * second have
    mean 0, and the standard error of r is that of their mean divided by the mean of `second`.

    Args:
        first, second: shape (videos,), for example each video's squared error and the variance of its target.

    Returns:
        (ratio, low, high); low and high are NaN for a single video.

    Raises:
        ValueError: the vectors are empty or differ in length.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"need two equally long, non-empty vectors, got shapes {first.shape} and {second.shape}")
    ratio = float(first.sum() / second.sum())
    if first.size == 1:
        return ratio, math.nan, math.nan
    error = (first - ratio * second).std(ddof=1) / (second.mean() * math.sqrt(first.size))
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * float(error)
    return ratio, ratio - half, ratio + half


@dataclass(frozen=True)
class Comparison:
    """Two models on the same videos. Accuracies and their difference are fractions."""

    n: int
    accuracy_first: float
    accuracy_second: float
    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    p_value: float


def compare_predictions(
    first: pd.DataFrame, second: pd.DataFrame, *, resamples: int = 10_000, seed: int = 0
) -> Comparison:
    """Compare two prediction tables (`videossl.common.results.PREDICTIONS_SCHEMA`) of the same test videos.

    Raises:
        ValueError: the tables have different videos or labels, so that they cannot be compared in pairs.
    """
    a, b = (frame.set_index("video")[["label", "correct"]].sort_index() for frame in (first, second))
    if not (a.index.is_unique and b.index.is_unique):
        raise ValueError("a video occurs more than once; each table must hold one run")
    if not a.index.equals(b.index):
        differing = a.index.symmetric_difference(b.index)
        raise ValueError(f"the runs saw different videos: {len(differing)} are in only one, e.g. '{differing[0]}'")
    if not (a["label"] == b["label"]).all():
        raise ValueError("the runs have different labels for the same videos")
    x, y = a["correct"].to_numpy(dtype=bool), b["correct"].to_numpy(dtype=bool)
    only_first, only_second = int((x & ~y).sum()), int((~x & y).sum())
    difference, low, high = paired_bootstrap(x, y, resamples=resamples, seed=seed)
    return Comparison(
        n=len(x),
        accuracy_first=float(x.mean()),
        accuracy_second=float(y.mean()),
        difference=difference,
        low=low,
        high=high,
        only_first=only_first,
        only_second=only_second,
        p_value=mcnemar_p(only_first, only_second),
    )
