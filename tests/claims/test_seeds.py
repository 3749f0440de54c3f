"""Claims on several seeds: intervals hold the randomness of training and the choice of test videos, in pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_cells import cell_by_video

from videossl.claims import Ask, Number
from videossl.claims.finding import exceeds, some
from videossl.claims.quantity import Quantity
from videossl.report.claim_numbers import measured_numbers
from videossl.report.claims import NOTES

A, B = Ask("t", task="rotnet"), Ask("t", task="prp")


def number(values: np.ndarray, seeds: tuple[int, ...] = (0, 1, 2)) -> Number:
    """The mean of values (seeds, videos) in [0, 1]."""
    by_seed = dict(zip(seeds, values.mean(axis=1).tolist(), strict=True))
    return Number(float(values.mean()), 0.03, pd.Series(values.mean(axis=0)), by_seed=by_seed if len(seeds) > 1 else {})


def lead(first: Number, second: Number) -> Quantity:
    numbers = {A: first, B: second}
    return Quantity.of(numbers, A) - Quantity.of(numbers, B)


@pytest.fixture
def correct():
    """Two networks of three seeds on 200 videos. Good seeds are good for both."""
    generator = np.random.default_rng(0)
    videos, seeds = generator.random(200), np.array([[-0.15], [0.0], [0.15]])
    return tuple((videos < level + seeds).astype(float) for level in (0.6, 0.5))


def test_the_interval_holds_both_sources(correct):
    first, second = correct
    difference = first - second[::-1]  # the seeds do not go together
    by_seed, by_video = difference.mean(axis=1), difference.mean(axis=0)
    both = lead(number(first), number(second[::-1]))
    assert both.chance.error == pytest.approx(np.sqrt(by_seed.var(ddof=1) / 3 + by_video.var(ddof=1) / 200))
    assert both.chance.error > 2 * np.sqrt(by_video.var(ddof=1) / 200)


def test_seeds_are_paired(correct):
    """What a seed does to both networks does not blur their difference; with other seeds it does."""
    first, second = correct
    paired, apart = lead(number(first), number(second)), lead(number(first), number(second, (3, 4, 5)))
    assert paired.value == apart.value and paired.chance.error < apart.chance.error / 2
    assert exceeds("the lead", paired).verdict == "supported"
    assert exceeds("the lead", apart).verdict == "undecided"


def test_one_seed_beside_several_adds_no_variance_of_its_own(correct):
    first, second = correct
    mixed = lead(number(first), number(second[:1], (0,)))
    by_video = first.mean(axis=0) - second[0]
    by_seed = first.mean(axis=1)
    assert mixed.chance.error == pytest.approx(np.sqrt(by_seed.var(ddof=1) / 3 + by_video.var(ddof=1) / 200))


def test_numbers_without_single_videos_have_the_seeds_too():
    known = {A: Number(0.5, 0.04, by_seed={0: 0.4, 1: 0.6})}
    assert Quantity.of(known, A).chance.error == pytest.approx(np.sqrt(0.04**2 + 0.02 / 2))
    assert Quantity.of({A: Number(0.5, by_seed={0: 0.4, 1: 0.6})}, A).chance is None  # such as a time


def test_three_seeds_decide_less_than_many_videos():
    """A lead of three standard errors: clear if the variance is known, but not if three seeds tell it."""
    spread = 0.1 / np.sqrt(3)  # standard error of the mean: 1/30
    seeds = {seed: 0.1 + spread * place for seed, place in enumerate((-1.0, 0.0, 1.0))}
    few, many = Quantity.of({A: Number(0.1, 0.0, by_seed=seeds)}, A), Quantity.of({A: Number(0.1, 1 / 30)}, A)
    assert few.chance.error == pytest.approx(many.chance.error)
    assert exceeds("the lead", few).verdict == "undecided" and exceeds("the lead", many).verdict == "supported"


def test_among_several_comparisons_three_seeds_decide_still_less():
    """Five standard errors are enough for one comparison (4.30), but not for one of two (6.21)."""
    spread = 0.1 * np.sqrt(3) / 5
    seeds = {seed: 0.1 + spread * place for seed, place in enumerate((-1.0, 0.0, 1.0))}
    lead = exceeds("the lead", Quantity.of({A: Number(0.1, 0.0, by_seed=seeds)}, A))
    assert lead.verdict == "supported" == lead.among(1) and lead.among(2) == "undecided"
    other = exceeds("another", Quantity.of({A: Number(0.0, 0.1)}, A))
    assert some([lead]).verdict == "supported" and some([lead, other]).verdict == "undecided"


def test_measured_numbers_know_their_seeds(tmp_path):
    rights = {0: np.arange(200) < 50, 3: np.arange(200) < 70}
    cells = [cell_by_video(tmp_path, right, epochs=100, seed=seed) for seed, right in rights.items()]
    paths = [Path(one["metrics"]) for one in cells]
    numbers = {ask: found for ask, found in measured_numbers(paths, {}).items() if ask.metric == "top1"}
    assert numbers and all(found.by_seed == {0: 0.25, 3: 0.35} for found in numbers.values())
    alone = measured_numbers(paths[:1], {})
    assert all(found.by_seed == {} for found in alone.values())


def test_the_note_says_what_intervals_hold():
    assert "of numbers of several seeds, the randomness of training (Student's t" in NOTES[0]
