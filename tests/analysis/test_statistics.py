import numpy as np
import pandas as pd
import pytest

from videossl.analysis.statistics import (
    compare_predictions,
    mcnemar_p,
    paired_bootstrap,
    ratio_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, table I, method 3: the score interval
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_published_values(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_stays_in_range():
    low, high = wilson_interval(3, 40)
    assert wilson_interval(37, 40) == pytest.approx((1 - high, 1 - low))
    assert wilson_interval(0, 5)[0] == 0.0
    assert wilson_interval(5, 5)[1] == 1.0


def test_wilson_covers_the_true_proportion_about_as_often_as_it_says():
    draws = np.random.default_rng(0).binomial(101, 0.12, size=2000)
    hits = sum(low <= 0.12 <= high for low, high in (wilson_interval(int(k), 101) for k in draws))
    assert 0.93 <= hits / 2000 <= 0.975


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (5, 4), (-1, 4)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match="need n >= 1"):
        wilson_interval(successes, n)


def test_mcnemar_is_the_exact_binomial_test_of_discordant_pairs():
    # 2 * (C(12,0) + C(12,1) + C(12,2)) / 2^12
    assert mcnemar_p(10, 2) == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert mcnemar_p(2, 10) == pytest.approx(mcnemar_p(10, 2))
    assert mcnemar_p(0, 0) == 1.0


def test_bootstrap_keeps_the_pairs():
    rng = np.random.default_rng(1)
    easy = rng.random(400)
    # The second model is right on the same videos, less one in twenty: a small but certain difference.
    first, second = easy < 0.6, (easy < 0.6) & (np.arange(400) % 20 != 0)
    difference, low, high = paired_bootstrap(first, second, resamples=2000)
    assert difference == pytest.approx(first.mean() - second.mean())
    assert 0 < low < difference < high < 0.06
    assert paired_bootstrap(first, second, resamples=2000) == (difference, low, high)
    assert paired_bootstrap(first, first, resamples=10) == (0, 0, 0)


def test_bootstrap_refuses_unequal_lengths():
    with pytest.raises(ValueError, match="equally long"):
        paired_bootstrap(np.ones(3), np.ones(4))


def test_ratio_by_hand():
    """1 + 3 over 2 + 6: 0.5 exactly for both. 2 + 2: deviations 1, -1, standard error sqrt(2) / (4 sqrt(2)) = 1/4."""
    assert ratio_interval(np.array([1.0, 3.0]), np.array([2.0, 6.0])) == (0.5, 0.5, 0.5)
    ratio, low, high = ratio_interval(np.array([2.0, 2.0]), np.array([2.0, 6.0]))
    assert (ratio, low, high) == pytest.approx((0.5, 0.5 - 1.96 / 4, 0.5 + 1.96 / 4), abs=1e-4)


def test_ratio_interval_covers_the_true_ratio():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        second = generator.uniform(0.5, 1.5, 60)
        low, high = ratio_interval(0.3 * second + generator.normal(0, 0.1, 60), second)[1:]
        covered += low <= 0.3 <= high
    assert 0.93 < covered / 1000 < 0.97


def test_the_interval_of_a_single_video_is_unknown():
    ratio, low, high = ratio_interval(np.array([1.0]), np.array([2.0]))
    assert ratio == 0.5 and np.isnan(low) and np.isnan(high)
    with pytest.raises(ValueError, match="equally long"):
        ratio_interval(np.ones(3), np.ones(4))


def predictions(correct: list[bool], videos: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"video": videos, "label": range(len(videos)), "correct": correct})


def test_predictions_are_matched_by_video():
    first = predictions([True, True, False, True], ["a", "b", "c", "d"])
    second = predictions([True, False, False, True], ["a", "b", "c", "d"]).iloc[::-1]
    comparison = compare_predictions(first, second, resamples=100)
    assert (comparison.n, comparison.only_first, comparison.only_second) == (4, 1, 0)
    assert comparison.difference == pytest.approx(0.25)
    assert comparison.accuracy_second == 0.5


def test_predictions_of_other_videos_are_refused():
    first = predictions([True, True], ["a", "b"])
    with pytest.raises(ValueError, match="different videos"):
        compare_predictions(first, predictions([True, True], ["a", "x"]))
    with pytest.raises(ValueError, match="labels"):
        compare_predictions(first, first.assign(label=[5, 6]))
