"""Noise: its moments against the formulas, its constants, and that it depends on video and frame alone."""

import numpy as np
import pytest
from scipy import stats

from videossl.common.errors import UserError
from videossl.data.corruption import CONSTANTS, constant, corrupt, frame_generator
from videossl.data.settings import NOISES, SEVERITIES

PAIRS = [(noise, severity) for noise in NOISES for severity in SEVERITIES]
LEVEL = 0.5


def clipped_moments(distribution) -> tuple[float, float]:
    """Mean and standard deviation of a variable that is clipped to [0, 1]."""
    low, high = distribution.cdf(0), distribution.sf(1)
    mean = distribution.expect(lambda x: x, lb=0, ub=1) + high
    square = distribution.expect(lambda x: x**2, lb=0, ub=1) + high
    assert 0 <= low < 1
    return mean, np.sqrt(square - mean**2)


def expected_moments(noise: str, c: float, x: float) -> tuple[float, float]:
    """Of a value x in [0, 1] under noise of constant c."""
    if noise == "gaussian":
        return clipped_moments(stats.norm(x, c))
    if noise == "speckle":
        return clipped_moments(stats.norm(x, x * c))
    if noise == "impulse":  # 0 or 1 with probability c/2 each
        mean = (1 - c) * x + c / 2
        return mean, np.sqrt((1 - c) * x**2 + c / 2 - mean**2)
    counts = np.arange(0, int(20 * c) + 20)
    weights = stats.poisson(x * c).pmf(counts)
    values = np.minimum(counts / c, 1)
    mean = (weights * values).sum()
    return mean, np.sqrt((weights * values**2).sum() - mean**2)


@pytest.mark.parametrize("constants", CONSTANTS)
@pytest.mark.parametrize(("noise", "severity"), PAIRS)
def test_moments_follow_the_formula(noise, severity, constants):
    c = constant(noise, severity, constants)
    frame = np.full((200, 200, 3), round(255 * LEVEL), np.uint8)
    noisy = corrupt(frame, noise, c, np.random.default_rng(severity)).astype(float) / 255
    mean, deviation = expected_moments(noise, c, frame[0, 0, 0] / 255)
    assert noisy.mean() == pytest.approx(mean, abs=5 * deviation / np.sqrt(noisy.size))
    assert noisy.std() == pytest.approx(deviation, rel=0.02)


def test_published_constants():
    assert [constant("shot", severity) for severity in SEVERITIES] == [250, 100, 50, 30, 15]
    assert [constant("shot", severity, "imagenet-c") for severity in SEVERITIES] == [60, 25, 12, 5, 3]
    assert [constant("speckle", severity) for severity in SEVERITIES] == [0.15, 0.20, 0.25, 0.30, 0.35]
    for noise in ("gaussian", "impulse"):
        assert CONSTANTS["schiappa"][noise] == CONSTANTS["imagenet-c"][noise]


@pytest.mark.parametrize("noise", NOISES)
def test_noise_is_independent_by_frame_and_repeatable(noise):
    frame = np.full((20, 20, 3), 120, np.uint8)

    def draw(video="a", number=0, severity=3, seed=0):
        rng = frame_generator(seed, video, number, noise, severity)
        return corrupt(frame, noise, constant(noise, 3), rng)

    np.testing.assert_array_equal(draw(), draw())
    for other in (draw(number=1), draw(video="b"), draw(severity=2), draw(seed=1)):
        assert (other != draw()).any()


def test_black_stays_black_where_noise_is_multiplied():
    black = np.zeros((8, 8, 3), np.uint8)
    for noise in ("shot", "speckle"):
        assert not corrupt(black, noise, constant(noise, 5), np.random.default_rng(0)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gausian", 1), "unknown noise 'gausian'.*Did you mean gaussian"),
        (("shot", 6), "severity 6 of noise 'shot' must be one of 1, 2, 3, 4, 5"),
        (("shot", 1, "imagenet"), "Did you mean imagenet-c"),
    ],
)
def test_unknown_names_are_told(arguments, message):
    with pytest.raises(UserError, match=message):
        constant(*arguments)
