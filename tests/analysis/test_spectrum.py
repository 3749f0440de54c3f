"""Effective rank and dead channels, by features whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest

from videossl.analysis.spectrum import DEAD, dead_channels, effective_rank


def with_eigenvalues(values: list[float], channels: int = 8) -> np.ndarray:
    """Features whose covariance has these eigenvalues up to a common factor, in random directions and not centred."""
    rng = np.random.default_rng(0)
    centred = rng.normal(size=(50, len(values)))
    left = np.linalg.qr(centred - centred.mean(axis=0))[0]
    right = np.linalg.qr(rng.normal(size=(channels, channels)))[0][: len(values)]
    return (left * np.sqrt(values)) @ right + rng.normal(size=channels)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_equal_eigenvalues_give_their_number(count):
    assert effective_rank(with_eigenvalues([2.5] * count)) == pytest.approx(count)


def test_unequal_eigenvalues_give_the_exponential_of_their_entropy():
    shares = np.array([0.7, 0.2, 0.1])
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert effective_rank(with_eigenvalues(list(30 * shares))) == pytest.approx(expected)
    assert effective_rank(100 * with_eigenvalues(list(30 * shares)).astype(np.float32)) == pytest.approx(
        expected, rel=1e-4
    )


def test_it_is_at_most_one_less_than_the_videos():
    few = np.random.default_rng(1).normal(size=(4, 100))
    assert 2.9 < effective_rank(few) < 3.0001


def test_features_that_are_all_the_same_have_no_rank_and_only_dead_channels():
    same = np.tile(np.arange(5.0), (10, 1))
    assert effective_rank(same) == 0.0 and dead_channels(same) == 5


def test_dead_channels_are_those_far_below_the_mean_deviation():
    features = np.random.default_rng(2).normal(size=(40, 10))
    assert dead_channels(features) == 0 == dead_channels(1e-9 * features)  # the unit means nothing
    features[:, 3] = 7.0
    features[:, 4] *= DEAD / 10
    features[:, 5] *= 10 * DEAD
    assert dead_channels(features) == 2
