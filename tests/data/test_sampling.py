"""Clip windows and the generators that place them."""

import numpy as np
import pytest

from videossl.data.sampling import (
    RandomClips,
    UniformClips,
    epoch_generator,
    random_window,
    sample_generator,
    step_seed,
    uniform_windows,
    window_indices,
)


def test_window_indices_are_a_stride_apart():
    assert window_indices(5, 4, 3).tolist() == [5, 8, 11, 14]


def test_random_windows_cover_all_starts_and_stay_inside():
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(500):
        window = random_window(20, 4, 2, rng)
        assert window.min() >= 0 and window.max() < 20
        assert np.diff(window).tolist() == [2, 2, 2]
        starts.add(int(window[0]))
    assert starts == set(range(14))  # the last window is 13, 15, 17, 19


@pytest.mark.parametrize("frames", [1, 3, 7])
def test_short_videos_are_looped_from_the_first_frame(frames):
    expected = [index % frames for index in range(0, 16, 2)]
    assert random_window(frames, 8, 2, np.random.default_rng(0)).tolist() == expected
    assert [window.tolist() for window in uniform_windows(frames, 8, 2, 3)] == [expected] * 3


def test_a_video_of_exactly_one_window_is_not_looped():
    assert random_window(15, 8, 2, np.random.default_rng(0)).tolist() == list(range(0, 15, 2))


def test_uniform_windows_begin_at_the_first_frame_and_end_at_the_last():
    windows = uniform_windows(100, 16, 2, 10)
    assert windows[0][0] == 0 and windows[-1][-1] == 99
    gaps = np.diff([window[0] for window in windows])
    assert gaps.min() >= 7 and gaps.max() <= 8


def test_a_single_uniform_window_is_the_middle_one():
    assert uniform_windows(100, 16, 1, 1)[0][0] == 42


def test_an_empty_video_is_an_error():
    with pytest.raises(ValueError, match="0 frames"):
        uniform_windows(0, 4, 1, 1)


def test_the_same_numbers_give_the_same_draws_and_others_give_others():
    numbers = [(s, e, i) for s in range(3) for e in range(6) for i in range(50)]
    draws = {key: sample_generator(*key).integers(2**60) for key in numbers}
    assert len(set(draws.values())) == len(numbers)
    assert all(sample_generator(*key).integers(2**60) == value for key, value in draws.items())


def test_the_kinds_of_generators_are_independent():
    assert sample_generator(1, 2, 0).integers(2**60) != epoch_generator(1, 2).integers(2**60)
    seeds = {step_seed(0, epoch, step) for epoch in range(10) for step in range(20)}
    assert len(seeds) == 200 and all(0 <= seed < 2**63 for seed in seeds)


def test_first_draws_of_neighbouring_samples_are_uniform_and_uncorrelated():
    draws = np.array([sample_generator(0, 3, index).random() for index in range(4000)])
    counts = np.histogram(draws, bins=10, range=(0, 1))[0]
    chi2 = ((counts - 400) ** 2 / 400).sum()
    assert chi2 < 27.9  # 99.9 % quantile, 9 degrees of freedom
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 4 / np.sqrt(4000)


def test_samplers_return_as_many_clips_as_they_say():
    rng = np.random.default_rng(0)
    for sampler in (RandomClips(8, 2), RandomClips(8, 2, 3), UniformClips(8, 2), UniformClips(8, 2, 4)):
        clips = sampler(40, rng).clips
        assert len(clips) == sampler.clips_per_video
        assert all(clip.shape == (8,) and clip.dtype == np.int64 for clip in clips)
