"""When the curve of a training has flattened."""

from __future__ import annotations

import math

import pytest

from videossl.training.flattening import curve_metrics, has_flattened


def history(losses: list[float]) -> list[dict]:
    return [
        {"epoch": number, "loss": loss, "top1": number / 100, "samples": 10}
        for number, loss in enumerate(losses, start=1)
    ]


def values(losses: list[float]) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in curve_metrics(history(losses), len(losses))}


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ([2.0, 1.1, 1.04, 1.0], True),  # 0.04 of a drop of 1
        ([2.0, 1.1, 1.06, 1.0], False),
        ([2.0, 1.0, 0.9, 1.0], True),  # it rises at the end
        ([2.0, 2.0, 2.0, 2.0], False),  # nothing is learned
        ([2.0, 2.0, 2.0, 2.1], False),
        ([200.0, 110.0, 104.0, 100.0], True),  # the unit of the loss means nothing
    ],
)
def test_a_drop_in_the_last_quarter_beside_the_whole_one(loss, expected):
    assert has_flattened(loss) == expected


def test_quarters_are_means_over_epochs():
    found = values([3.0, 2.0, 1.0, 1.0, 0.9, 0.7, 0.5, 0.3])
    assert found == pytest.approx({"flattened": 0.0, "last_quarter_top1": 0.075, "third_quarter_top1": 0.055})
    rows = curve_metrics(history([3.0, 2.0, 1.0, 1.0, 0.9, 0.7, 0.5, 0.3]), 8)
    assert {row["n"] for row in rows} == {20} and {row["split"] for row in rows} == {"train"}


@pytest.mark.parametrize(("time", "expected"), [(0.1, 1.0), (0.5, 0.0)])
def test_a_fast_curve_flattens_and_a_slow_one_does_not(time, expected):
    """Exponential decay with a time of a tenth and of half of the training."""
    assert values([math.exp(-(place + 0.5) / 40 / time) for place in range(40)])["flattened"] == expected


@pytest.mark.parametrize("length", [5, 6, 7, 9])
def test_any_number_of_epochs_from_four_on_has_quarters(length):
    assert values([1.0 / number for number in range(1, length + 1)])["last_quarter_top1"] > 0


def test_without_quarters_or_a_whole_history_nothing_is_said():
    assert curve_metrics(history([1.0, 0.5, 0.2]), 3) == []
    lost = history([1.0, 0.5, 0.2, 0.1, 0.1])
    assert curve_metrics(lost[1:], 5) == [] == curve_metrics(lost, 6)
