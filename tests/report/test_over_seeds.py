"""Means over seeds: their intervals hold both sources of chance where the results of single videos are stored."""

from __future__ import annotations

import numpy as np
import pytest
from report_cells import cell, cell_by_video, table_spec

from videossl.analysis.statistics import crossed_bootstrap, crossed_chance
from videossl.report.by_video import Term, values_by_video
from videossl.report.collect import collect
from videossl.report.document import Document
from videossl.report.over_seeds import ONE_SEED, SEEDS_ALONE, SEEDS_AND_VIDEOS, OverSeeds, over_seeds
from videossl.report.render import markdown
from videossl.report.tables import build_grid

VIDEOS = 90


@pytest.fixture
def right():
    """Which of the videos three seeds classify correctly: (3, videos)."""
    generator = np.random.default_rng(0)
    return generator.random((3, VIDEOS)) < np.array([[0.4], [0.5], [0.6]])


def records(cells, **changes):
    return collect(table_spec(baseline=False, **changes), cells)


def test_several_seeds_with_predictions_hold_both_sources_of_chance(tmp_path, right):
    results = records([cell_by_video(tmp_path, row, seed=seed) for seed, row in enumerate(right)])
    mean = over_seeds(results.records)
    assert (mean.value, mean.low, mean.high) == crossed_bootstrap(right)
    assert mean.holds == SEEDS_AND_VIDEOS
    middle = results.records[1]
    assert mean.low < middle.low and middle.high < mean.high  # the seeds differ more than chance over videos makes them
    (entry,) = build_grid(results).entries
    assert entry.text == f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"
    text = markdown(Document.of(results))
    assert "it holds the randomness of training and the choice of test videos (hierarchical bootstrap;" in text
    assert "not stored" not in text and "one seed" not in text


def test_single_seeds_are_in_the_data(tmp_path, right):
    frame = records([cell_by_video(tmp_path, row, seed=seed) for seed, row in enumerate(right)]).frame()
    assert frame["seed"].tolist() == [0, 1, 2]
    assert frame["value"].tolist() == pytest.approx(right.mean(axis=1).tolist())


def test_without_the_predictions_of_one_seed_only_seeds_are_held(tmp_path, right):
    cells = [cell_by_video(tmp_path, row, seed=seed) for seed, row in enumerate(right[:2])]
    cells.append(cell(tmp_path, int(right[2].sum()), VIDEOS, seed=2))
    mean = over_seeds(records(cells).records)
    assert mean.holds == SEEDS_ALONE
    assert mean.value == pytest.approx(right.mean())


def test_other_test_videos_or_another_metric_are_not_averaged_by_video(tmp_path, right):
    cells = [cell_by_video(tmp_path, row, seed=seed) for seed, row in enumerate(right[:2])]
    cells.append(cell_by_video(tmp_path, right[2][:-1], seed=2))
    assert over_seeds(records(cells).records).holds == SEEDS_ALONE
    folder, value = cells[0]["run_dir"], float(right[0].mean())
    assert values_by_video([Term(folder, "top1", value, "test")]).sum() == right[0].sum()
    assert values_by_video([Term(folder, "top1", value + 0.01, "test")]) is None  # not what the videos' mean is
    assert values_by_video([Term(folder, "top5", value, "test")]) is None
    assert values_by_video([Term(folder, "top1", value, "val")]) is None
    assert values_by_video([Term(folder, "top1", value, "test", "gaussian", 1)]) is None
    assert values_by_video([]) is None


def test_one_seed_has_its_own_interval(tmp_path, right):
    (record,) = records([cell_by_video(tmp_path, right[0])]).records
    assert over_seeds([record]) == (record.value, record.low, record.high, ONE_SEED, np.inf)
    text = markdown(Document.of(records([cell_by_video(tmp_path, right[0])])))
    assert "95 % Wilson interval over the test videos; one seed, so the randomness of training is not in it" in text


def test_intervals_of_shares_end_at_their_limits(tmp_path):
    cells = [cell(tmp_path, correct, 100, seed=seed) for seed, correct in enumerate((100, 90))]
    mean = over_seeds(records(cells).records)
    assert (mean.low, mean.high) == (pytest.approx(0.95 - 12.706 * 0.05, abs=1e-4), 1.0)


def test_the_mean_over_tasks_is_averaged_over_seeds_video_by_video(tmp_path, right):
    tasks = ("rotnet", "prp")
    cells = [
        cell_by_video(tmp_path, np.roll(row, place), seed=seed, task=task)
        for seed, row in enumerate(right)
        for place, task in enumerate(tasks)
    ]
    results = records(cells, average=True, paper_table=None)
    mean = over_seeds([record for record in results.records if record.members])
    both = (right.astype(float) + np.roll(right, 1, axis=1)) / 2
    assert (mean.value, mean.low, mean.high) == pytest.approx(crossed_bootstrap(both))
    assert mean.holds == SEEDS_AND_VIDEOS


def test_an_interval_among_several_is_widened_by_its_own_distribution():
    # 5 % and a half of that: 4.3027 and 6.2053 of t with two degrees of freedom, 1.9600 and 2.2414 of the normal one.
    few = OverSeeds(0.0, -4.3027, 4.3027, SEEDS_AND_VIDEOS, 2.0).among(2)
    many = OverSeeds(1.0, 1 - 1.96, 1 + 1.96, ONE_SEED).among(2)
    assert (few.low, few.high) == pytest.approx((-6.2053, 6.2053), abs=1e-3)
    assert (many.low, many.high) == pytest.approx((1 - 2.2414, 1 + 2.2414), abs=1e-3)
    assert OverSeeds(0.5, None, None, ONE_SEED).among(2).low is None


def test_the_mean_of_seeds_knows_its_freedom(tmp_path, right):
    cells = [cell_by_video(tmp_path, row, seed=seed) for seed, row in enumerate(right)]
    mean = over_seeds(records(cells).records)
    expected = crossed_chance([right.mean(axis=1)], [right.mean(axis=0)]).freedom
    assert 2 < expected < 100 and mean.freedom == pytest.approx(expected)
