from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from videossl.analysis.statistics import (
    Chance,
    bootstrap_of_difference,
    chance_of_difference,
    compare_predictions,
    crossed_bootstrap,
    crossed_chance,
    mcnemar_p,
    paired_bootstrap,
    ratio_interval,
    t_interval,
    two_sided_p,
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


def crossed(generator: np.random.Generator, seeds: int, videos: int, of_seed: float, of_both: float) -> np.ndarray:
    """Values (seeds, videos) with mean 0: a part of each seed, one of each video (deviation 1), and one of the pair."""
    parts = ((of_seed, (seeds, 1)), (1.0, (1, videos)), (of_both, (seeds, videos)))
    return sum(deviation * generator.normal(size=shape) for deviation, shape in parts)


def coverage(
    tries: int, values_of: Callable[[], np.ndarray], interval: Callable[[np.ndarray], Sequence[float]]
) -> float:
    """How often the interval (its last two numbers) of values with mean 0 contains 0."""
    ends = (interval(values_of())[-2:] for _ in range(tries))
    return sum(low <= 0 <= high for low, high in ends) / tries


def of_crossed(values: np.ndarray) -> Sequence[float]:
    return crossed_bootstrap(values, resamples=400)


def test_crossed_interval_covers_the_true_mean_about_as_often_as_it_says():
    """Where seeds vary much: videos alone, or seeds and videos taken for one sample, would cover it far less often."""
    generator = np.random.default_rng(0)

    def values() -> np.ndarray:
        return crossed(generator, seeds=5, videos=60, of_seed=0.2, of_both=1.0)

    assert 0.92 <= coverage(400, values, of_crossed) <= 0.99
    assert coverage(400, values, lambda table: of_crossed(table.mean(axis=0, keepdims=True))) < 0.9


def test_crossed_interval_has_the_variance_of_both_sources():
    values = crossed(np.random.default_rng(1), seeds=6, videos=300, of_seed=0.3, of_both=0.5)
    mean, low, high = crossed_bootstrap(values)
    error = np.sqrt(values.mean(axis=1).var(ddof=1) / 6 + values.mean(axis=0).var(ddof=1) / 300)
    assert mean == pytest.approx(values.mean())
    chance = crossed_chance([values.mean(axis=1)], [values.mean(axis=0)])
    assert chance.error == pytest.approx(error)
    assert high - low == pytest.approx(2 * chance.reach(), rel=0.05)
    assert crossed_bootstrap(values) == (mean, low, high)


def test_three_seeds_cover_the_true_mean_as_often_as_they_say():
    """As in the study: three seeds, which vary more than the videos do. The normal quantile would cover it in 81 %."""
    generator = np.random.default_rng(7)

    def values() -> np.ndarray:
        return crossed(generator, seeds=3, videos=100, of_seed=0.5, of_both=0.5)

    def normal(table: np.ndarray) -> Sequence[float]:
        reach = 1.96 * crossed_chance([table.mean(axis=1)], [table.mean(axis=0)]).error
        return table.mean() - reach, table.mean() + reach

    assert 0.92 <= coverage(600, values, of_crossed) <= 0.99
    assert coverage(600, values, normal) < 0.88


def test_the_freedom_is_satterthwaites():
    seeds, videos = np.array([0.1, 0.2, 0.4]), np.random.default_rng(8).random(50)
    of_seeds, of_videos = seeds.var(ddof=1) / 3, videos.var(ddof=1) / 50
    assert crossed_chance([seeds], []).freedom == pytest.approx(2)
    both = crossed_chance([seeds], [videos])
    assert both.freedom == pytest.approx(2 * (of_seeds + of_videos) ** 2 / of_seeds**2)
    assert crossed_chance([seeds, seeds], []).freedom == pytest.approx(4)
    assert crossed_chance([seeds], [], known=of_videos) == pytest.approx(both)
    own, other = np.tile(seeds[:, None], 9), np.tile([[0.5], [0.9]], 9)
    expected = (of_seeds + 0.04) ** 2 / (of_seeds**2 / 2 + 0.04**2)  # Welch's; 0.08 is the variance of the two
    assert chance_of_difference(own, other).freedom == pytest.approx(expected)


def test_reach_and_p_value_are_students():
    # Tables of t with two degrees of freedom: 4.3027 leaves out 5 %, 6.2053 a half of that, 2.9200 10 %.
    assert Chance(4.0, 2).reach() == pytest.approx(2 * 4.3027, abs=1e-3)
    assert Chance(4.0, 2).reach(2) == pytest.approx(2 * 6.2053, abs=1e-3)
    assert Chance(4.0).reach() == pytest.approx(2 * 1.95996, abs=1e-4)
    assert two_sided_p(-2.92, 2) == two_sided_p(2.92, 2) == pytest.approx(0.1, abs=1e-4)
    assert two_sided_p(1.95996, np.inf) == pytest.approx(0.05, abs=1e-5)


def test_with_one_seed_only_videos_are_resampled():
    generator = np.random.default_rng(2)
    first, second = generator.random((2, 150)) < [[0.7], [0.5]]
    paired = paired_bootstrap(first, second)
    crossed_alone = crossed_bootstrap((first.astype(float) - second)[None])
    assert crossed_alone[0] == pytest.approx(paired[0])
    assert crossed_alone[1:] == pytest.approx(paired[1:], abs=0.01)
    assert crossed_chance([np.array([0.2])], [first]) == pytest.approx((first.var(ddof=1) / 150, np.inf))
    both = (first.var(ddof=1) + second.var(ddof=1)) / 150
    assert crossed_chance([], [first, second]) == pytest.approx((both, np.inf))


def test_equal_seeds_add_nothing_and_equal_videos_leave_the_seeds():
    videos = np.random.default_rng(3).random(80)
    assert crossed_bootstrap(np.tile(videos, (3, 1)))[1:] == pytest.approx(
        crossed_bootstrap(videos[None])[1:], abs=0.004
    )
    _, low, high = crossed_bootstrap(np.tile([[0.1], [0.4], [0.7]], (1, 50)))
    # One draw in 27 takes the lowest seed three times; 4.3027 is the quantile of t with two degrees of freedom.
    reach = 0.3 * np.sqrt(3 / 2) * 4.3027 / 1.95996
    assert (low, high) == pytest.approx((0.4 - reach, 0.4 + reach), abs=1e-4)


def test_the_difference_of_one_seed_to_several_has_the_variance_of_both_trainings():
    values = crossed(np.random.default_rng(4), seeds=9, videos=400, of_seed=0.3, of_both=0.2)
    own, other = values[:1] + 0.5, values[1:]
    difference, low, high = bootstrap_of_difference(own, other)
    of_videos = (own.mean(axis=0) - other.mean(axis=0)).var(ddof=1) / 400
    chance = chance_of_difference(own, other)
    assert chance.error == pytest.approx(np.sqrt(of_videos + other.mean(axis=1).var(ddof=1) * (1 + 1 / 8)))
    assert 7 <= chance.freedom < 9  # eight seeds tell the seeds' chance
    assert difference == pytest.approx(own.mean() - other.mean())
    assert high - low == pytest.approx(2 * chance.reach(), rel=0.15)
    turned = bootstrap_of_difference(other, own)
    assert turned == pytest.approx((-difference, -high, -low), abs=0.02)


def test_a_lucky_seed_does_not_decide_but_a_large_difference_does():
    """Networks of 30, 20 and 22 % are no proof that one of 21 % is worse, as the first of them alone would be."""
    generator = np.random.default_rng(5)
    other = generator.random((3, 400)) < np.array([[0.30], [0.20], [0.22]])
    own = generator.random((1, 400)) < 0.21
    assert crossed_bootstrap(own.astype(float) - other[:1])[2] < 0
    _, low, high = bootstrap_of_difference(own, other)
    assert low < 0 < high
    assert bootstrap_of_difference(generator.random((1, 400)) < 0.6, other)[1] > 0


def test_differences_of_two_groups_cover_the_true_one_about_as_often_as_they_say():
    generator = np.random.default_rng(6)

    def values() -> np.ndarray:
        return crossed(generator, seeds=9, videos=60, of_seed=0.2, of_both=0.5)

    def of_groups(table: np.ndarray) -> Sequence[float]:
        return bootstrap_of_difference(table[:4], table[4:], resamples=400)

    assert 0.9 <= coverage(300, values, of_groups) <= 0.99


@pytest.mark.parametrize(
    ("own", "other", "message"),
    [((1, 5), (3, 4), "the same videos"), ((5,), (3, 5), "the same videos"), ((1, 5), (1, 5), "several seeds")],
)
def test_a_difference_of_groups_refuses_what_cannot_be_compared(own, other, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_of_difference(np.ones(own), np.ones(other))


@pytest.mark.parametrize("shape", [(3,), (0, 4), (3, 0), (1, 2, 3)])
def test_crossed_interval_refuses_what_is_no_table(shape):
    with pytest.raises(ValueError, match="for each seed and video"):
        crossed_bootstrap(np.zeros(shape))


def test_t_interval_is_students():
    # 1, 2, 3: standard error 1 / sqrt(3), and 4.3027 the quantile of t with two degrees of freedom
    assert t_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2.0, 2 - 2.4841, 2 + 2.4841), abs=1e-4)
    with pytest.raises(ValueError, match="at least two"):
        t_interval(np.array([1.0]))
