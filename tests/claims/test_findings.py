"""The arithmetic behind verdicts: quantities with their errors, comparisons, and several comparisons together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from videossl.claims import Ask, Finding, Number
from videossl.claims.finding import (
    below,
    between,
    conjunction,
    every,
    exceeds,
    most,
    near,
    opposite,
    provided,
    some,
)
from videossl.claims.quantity import (
    CKA,
    COUNT,
    PERCENT,
    TIMES,
    Quantity,
    Undefined,
    absolute,
    best,
    mean,
    relative_decrease,
    share,
)

A, B = Ask("t", task="rotnet"), Ask("t", task="prp")
YES, NO, OPEN = Finding("supported", "y"), Finding("contradicted", "n"), Finding("undecided", "?")


def pair(a: Number, b: Number) -> tuple[Quantity, Quantity]:
    numbers = {A: a, B: b}
    return Quantity.of(numbers, A), Quantity.of(numbers, B)


def one(value: float, error: float | None = None) -> Quantity:
    return Quantity.of({A: Number(value, error)}, A)


def test_quantities_add_up():
    a, b = pair(Number(0.5), Number(0.2))
    assert (a - b).value == pytest.approx(0.3)
    assert mean([a, b]).value == pytest.approx(0.35)
    assert ((a - b) - (b - a)).slopes == {A: 2.0, B: -2.0}
    assert absolute(b - a).value == pytest.approx(0.3)
    assert best([b, a]) is a
    assert (a - b).chance is None


def test_ratios_are_relative_and_have_the_error_of_a_ratio():
    a, b = pair(Number(0.5, 0.03), Number(0.2, 0.02))
    assert relative_decrease(a, b).value == pytest.approx(0.6)
    assert share(b, a).value == pytest.approx(0.4)
    # The relative errors of a ratio add in squares: 0.4 * sqrt((0.02 / 0.2)^2 + (0.03 / 0.5)^2)
    assert (b / a).chance.error == pytest.approx(0.4 * np.hypot(0.1, 0.06))
    assert relative_decrease(a, b).chance.error == pytest.approx((b / a).chance.error)
    with pytest.raises(Undefined, match=r"RotNet.* is 0"):
        relative_decrease(*pair(Number(0.0), Number(0.2)))


def test_only_equal_units_are_added():
    with pytest.raises(ValueError, match="a sum of points and %"):
        one(0.5) + one(0.5).in_unit(PERCENT)


def test_without_intervals_the_value_decides_beyond_the_margin():
    def verdict(a, b):
        first, second = pair(Number(a), Number(b))
        return exceeds("x", first - second).verdict

    assert verdict(0.52, 0.5) == "supported"
    assert verdict(0.51, 0.5) == "supported"  # one point is clear, whatever the rounding
    assert verdict(0.505, 0.5) == verdict(0.5, 0.505) == verdict(0.5, 0.5) == "undecided"
    assert verdict(0.5, 0.52) == "contradicted"
    assert below("x", one(0.05), 0.02).verdict == "contradicted"
    assert below("x", one(-0.05), 0.02).verdict == "supported"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0.40, "supported"), (0.305, "supported"), (0.495, "supported")),  # within a quarter of 40
        *((0.505, "undecided"), (0.295, "undecided")),  # within a point of that
        *((0.52, "contradicted"), (0.28, "contradicted"), (-0.40, "contradicted")),
    ],
)
def test_a_stated_size_is_met_within_a_quarter(value, expected):
    assert near("x", one(value), 0.40).verdict == expected


def test_a_small_stated_size_is_met_within_a_point():
    assert [near("x", one(value), 0.01).verdict for value in (0.001, 0.019, 0.025, 0.031)] == [
        *("supported", "supported", "undecided", "contradicted"),
    ]


def test_with_an_interval_the_whole_interval_must_have_the_stated_size():
    assert near("x", one(0.40, 0.02), 0.40).verdict == "supported"
    assert near("x", one(0.40, 0.10), 0.40).verdict == "undecided"  # 0.2 to 0.6
    assert near("x", one(0.60, 0.02), 0.40).verdict == "contradicted"


def test_a_stated_range_is_met_within_it():
    assert [between("x", one(value), 0.15, 0.40).verdict for value in (0.15, 0.40, 0.405, 0.145, 0.42, 0.13)] == [
        *("supported", "supported", "undecided", "undecided", "contradicted", "contradicted"),
    ]


@pytest.mark.parametrize(
    ("finding", "evidence"),
    [
        (exceeds("the lead", one(0.1)), "the lead is +10.0 points"),
        (exceeds("the lead", one(0.1, 0.05)), "the lead is +10.0 points (95 % interval +0.2 to +19.8)"),
        (exceeds("the lead", one(-0.1), 0.05), "the lead is -10.0 points (the claim says more than 5 points)"),
        (below("the gain", one(0.03), 0.01), "the gain is +3.0 points (the claim says less than 1 point)"),
        (
            near("the decrease", one(0.39, 0.01).in_unit(PERCENT), 0.4),
            "the decrease is 39.0 % (95 % interval 37.0 to 41.0; the paper says about 40 %)",
        ),
        (between("the lead", one(0.1), 0.15, 0.4), "the lead is +10.0 points (the paper says 15 to 40 points)"),
        (near("the time", one(9.0).in_unit(TIMES), 10), "the time is 9.0 times (the paper says about 10 times)"),
        (exceeds("the mean CKA", one(0.123).in_unit(CKA)), "the mean CKA is +0.12"),
        (exceeds("the number", one(-2.0).in_unit(COUNT)), "the number is -2 blocks"),
    ],
)
def test_the_evidence_is_a_sentence_with_units(finding, evidence):
    assert finding.evidence == evidence


def test_independent_errors_add_in_squares():
    a, b = pair(Number(0.5, 0.03), Number(0.4, 0.04))
    assert (a - b).chance.error == pytest.approx(0.05)
    assert exceeds("x", a - b).verdict == "supported"  # 0.1 +- 0.098
    a, b = pair(Number(0.49, 0.03), Number(0.4, 0.04))
    assert exceeds("x", a - b).verdict == "undecided"


def videos(right: int, total: int = 100) -> Number:
    """A network with the first `right` of `total` videos right."""
    correct = pd.Series([number < right for number in range(total)], index=[f"v{n:03d}" for n in range(total)])
    return Number(right / total, 0.05, correct)


def test_the_same_videos_are_compared_one_by_one():
    a, b = pair(videos(60), videos(50))  # the second is right only where the first is
    assert (a - b).chance.error == pytest.approx(np.sqrt(np.var([1] * 10 + [0] * 90, ddof=1) / 100))
    assert exceeds("x", a - b).verdict == "supported"
    other = videos(50)
    a, b = pair(videos(60), replace(other, correct=other.correct.rename(lambda name: f"other {name}")))
    assert (a - b).chance.error == pytest.approx(np.hypot(0.05, 0.05))  # different videos


def test_networks_that_no_video_tells_apart_are_equal_only_up_to_one_video():
    """Ten videos on which two networks agree do not show that they are less than two points apart."""
    for total, expected in ((10, "undecided"), (1000, "supported")):
        a, b = pair(videos(total // 2, total), videos(total // 2, total))
        assert (a - b).chance.error == pytest.approx(1 / total)
        assert exceeds("x", a - b).verdict == "undecided"
        assert below("x", a - b, 0.02).verdict == expected


def test_all_some_and_most():
    assert every([YES, YES]).verdict == "supported"
    assert every([YES, OPEN]).verdict == "undecided"
    assert every([YES, OPEN, NO]).verdict == "contradicted"
    assert some([NO, YES]).verdict == "supported"
    assert some([NO, OPEN]).verdict == "undecided"
    assert some([NO, NO]).verdict == "contradicted"
    assert most([YES, YES, NO]).verdict == most([YES, YES, OPEN]).verdict == "supported"
    assert most([YES, NO]).verdict == most([YES, NO, NO]).verdict == "contradicted"  # half is not most
    assert most([YES, YES, OPEN, NO]).verdict == "undecided"
    assert [opposite(finding).verdict for finding in (YES, NO, OPEN)] == ["contradicted", "supported", "undecided"]


def test_several_comparisons_are_counted_in_words():
    assert every([YES, NO, NO]).evidence == "2 of 3 comparisons contradict it: n; n"
    assert every([YES, NO]).evidence == "1 of 2 comparisons contradicts it: n"
    assert every([YES, YES]).evidence == "both comparisons support it: y; y"
    assert every([YES, OPEN, YES]).evidence == "1 of 3 comparisons does not decide it: ?"
    assert every([YES]).evidence == "y"
    five = [Finding("supported", str(number), distance=number) for number in range(5)]
    assert every(five).evidence == "all 5 comparisons support it: the 4 closest to the limit: 0; 1; 2; 3"
    assert most([YES, NO, OPEN, YES]).evidence == (
        "4 comparisons, of which 2 support it and 1 contradict it: y (supported); n (contradicted); ? (undecided);"
        " y (supported)"
    )


def test_a_claim_of_several_parts_tells_the_verdict_of_each():
    found = conjunction({"order": YES, "size": NO})
    assert (found.verdict, found.evidence) == ("contradicted", "order: supported (y). size: contradicted (n)")
    assert conjunction({"order": YES, "size": OPEN}).verdict == "undecided"
    assert conjunction({"order": YES, "size": YES}).verdict == "supported"


def test_a_claim_whose_premise_fails_is_not_tested():
    assert provided(YES, NO) is NO
    for premise in (NO, OPEN):
        found = provided(premise, YES)
        assert (found.verdict, found.evidence) == (
            "undecided",
            f"These numbers do not test the claim: {premise.evidence}",
        )


def test_one_of_many_must_be_surer_than_one_alone():
    barely, clearly = exceeds("x", one(0.2, 0.1)), exceeds("x", one(0.4, 0.1))  # two and four standard errors
    assert barely.verdict == "supported"
    assert some([barely, NO]).verdict == "undecided"
    assert some([clearly, NO]).verdict == "supported"
    assert every([barely, barely]).verdict == "supported"  # where all must hold nothing is widened
    against = replace(barely, verdict="contradicted", distance=-0.2)
    assert every([YES, against]).verdict == "undecided"
    assert conjunction({"order": YES, "size": against}).verdict == "undecided"
    assert some([barely, NO]).evidence.endswith("to +39.6) (clear as the only comparison, but not as one of 2)")
