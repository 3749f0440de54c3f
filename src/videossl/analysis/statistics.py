"""Confidence intervals for proportions, and paired comparisons of two models on the same videos."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

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
