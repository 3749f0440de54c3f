"""Gains over the network from scratch: paired by seed and video, marked, and refused where there is no partner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from documentation import block
from report_cells import cell, cell_by_video, table_spec
from tiny import GRID, make_study, table

from videossl.analysis.statistics import bootstrap_of_difference, crossed_bootstrap, t_interval
from videossl.common.errors import UserError
from videossl.report.collect import FAILED, OK, PENDING, collect
from videossl.report.document import Document
from videossl.report.dry import check_layouts
from videossl.report.figures import draw
from videossl.report.gains import gains, is_paired
from videossl.report.over_seeds import over_seeds
from videossl.report.render import TABLE_SUFFIXES, markdown, write_table
from videossl.report.renderings import inputs_of
from videossl.report.tables import build_grid
from videossl.report.tally import tally
from videossl.study.study import load_study

VIDEOS = 120


def spec_of(**changes):
    return table_spec(**{"gain": True, "paper_table": None, "groups": {}} | changes)


def draws(seeds: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Correct videos of a pretrained network and of one from scratch, each (seeds, videos): much the same videos, of
    which pretraining adds about a tenth."""
    generator = np.random.default_rng(0)
    scratch = np.tile(generator.random(VIDEOS) < 0.5, (seeds, 1)) ^ (generator.random((seeds, VIDEOS)) < 0.05)
    return scratch | (generator.random((seeds, VIDEOS)) < 0.2), scratch


def by_seed(root: Path, own: np.ndarray, scratch: np.ndarray, **changes) -> list[dict]:
    cells = [cell_by_video(root, row, seed=seed, **changes) for seed, row in enumerate(own)]
    return cells + [cell_by_video(root, row, seed=seed, task="scratch") for seed, row in enumerate(scratch)]


def test_a_gain_of_several_seeds_is_paired_by_seed_and_video(tmp_path):
    own, scratch = draws()
    results = collect(spec_of(), by_seed(tmp_path, own, scratch))
    assert [record.identity["metric"] for record in results.records] == ["gain_top1"] * 3
    assert [record.value for record in results.records] == pytest.approx((own.mean(1) - scratch.mean(1)).tolist())
    mean, low, high = over_seeds(results.records)[:3]
    assert (mean, low, high) == crossed_bootstrap(own.astype(float) - scratch)
    assert low > 0
    (entry,) = build_grid(results).entries
    assert entry.text == f"+{100 * mean:.1f}* [+{100 * low:.1f}, +{100 * high:.1f}]"
    text = markdown(Document.of(results))
    assert "Gain in top-1 accuracy, percentage points" in text
    assert "paired seed by seed and video by video" in text and "hierarchical bootstrap" in text


def test_more_networks_from_scratch_are_compared_by_their_mean(tmp_path):
    own, scratch = draws()
    results = collect(spec_of(), by_seed(tmp_path, own[:1], scratch))
    (record,) = results.records
    assert record.value == pytest.approx(own[0].mean() - scratch.mean())
    assert (record.value, record.low, record.high) == pytest.approx(
        bootstrap_of_difference(own[:1].astype(float), scratch.astype(float))
    )
    (entry,) = build_grid(results).entries
    assert entry.text == f"+{100 * record.value:.1f}* [+{100 * record.low:.1f}, +{100 * record.high:.1f}]"
    text = markdown(Document.of(results))
    assert "the mean over more seeds of it than of pretrained networks" in text
    assert "as large as between the seeds from scratch" in text and "one seed, so" not in text
    pairs = tally(collect(spec_of(gain=False, baseline=True), by_seed(tmp_path, own[:1], scratch)).records)
    assert pairs == (1, 0, 1)


def test_a_lucky_network_from_scratch_does_not_make_the_others_worse(tmp_path):
    """The tally of a pretrained network beside one from scratch that is lucky, and beside three."""
    generator = np.random.default_rng(7)
    own, scratch = generator.random((1, 400)) < 0.2, generator.random((3, 400)) < np.array([[0.3], [0.18], [0.2]])
    spec = spec_of(gain=False, baseline=True)
    assert tally(collect(spec, by_seed(tmp_path / "one", own, scratch[:1])).records) == (0, 1, 1)
    assert tally(collect(spec, by_seed(tmp_path / "three", own, scratch)).records) == (0, 0, 1)


def test_a_gain_waits_for_all_networks_from_scratch(tmp_path):
    own, scratch = draws()
    cells = [*by_seed(tmp_path, own[:1], scratch[:2]), cell(tmp_path, None, task="scratch", seed=2)]
    (record,) = collect(spec_of(), cells).records
    assert (record.status, record.value) == (PENDING, None)


def test_pairs_cancel_what_is_common(tmp_path):
    """Without pairs the same difference would not be told from chance."""
    own, scratch = draws(1)
    paired = collect(spec_of(), by_seed(tmp_path / "paired", own, scratch)).records[0]
    cells = [cell(tmp_path, int(own.sum()), VIDEOS), cell(tmp_path, int(scratch.sum()), VIDEOS, task="scratch")]
    results = collect(spec_of(), cells)
    alone = results.records[0]
    assert is_paired(paired) and not is_paired(alone)
    assert paired.value == alone.value
    assert paired.low > 0 > alone.low and alone.high > paired.high
    assert "from the intervals of both networks (Newcombe)" in markdown(Document.of(results))


def test_newcombes_interval_is_the_published_one(tmp_path):
    """56 of 70 against 48 of 80: Newcombe (1998), Statistics in Medicine 17, 873-890, table II, example (a)."""
    cells = [cell(tmp_path, 56, 70), cell(tmp_path, 48, 80, task="scratch")]
    (record,) = collect(spec_of(), cells).records
    assert (record.value, record.low, record.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_seeds_without_predictions_have_a_t_interval_of_their_pairs(tmp_path):
    cells = [cell(tmp_path, 60 + 5 * seed, VIDEOS, seed=seed) for seed in range(3)]
    cells += [cell(tmp_path, 50 + 5 * seed, VIDEOS, seed=seed, task="scratch") for seed in range(3)]
    mean = over_seeds(collect(spec_of(), cells).records)
    assert mean[:3] == pytest.approx(t_interval(np.array([10, 10, 10]) / VIDEOS))


def test_a_loss_is_marked_and_no_difference_is_not(tmp_path):
    own, scratch = draws()
    for swapped, same in ((True, False), (False, True)):
        first, second = (scratch, own) if swapped else (scratch, scratch)
        (entry,) = build_grid(collect(spec_of(), by_seed(tmp_path / str(swapped), first, second))).entries
        assert entry.is_marked != same
        assert entry.main.startswith("+0.0" if same else "-") and entry.main.endswith("*") != same


def test_networks_that_agree_on_a_few_videos_are_not_shown_as_certainly_equal(tmp_path):
    same = np.arange(12) < 5
    for cells in (
        by_seed(tmp_path / "one", same[None], same[None]),
        by_seed(tmp_path / "two", *[np.stack([same] * 2)] * 2),
    ):
        mean = over_seeds(collect(spec_of(), cells).records)
        assert (mean.value, mean.low, mean.high) == pytest.approx((0, -1.96 / 12, 1.96 / 12), abs=1e-5)


def test_a_gain_is_missing_if_one_of_its_networks_is(tmp_path):
    cells = [
        cell(tmp_path, 60, seed=0),
        cell(tmp_path, seed=0, task="scratch"),
        cell(tmp_path, 60, seed=1),
        cell(tmp_path, seed=1, task="scratch", failed="out of memory"),
        cell(tmp_path, seed=2),
        cell(tmp_path, 30, seed=2, task="scratch"),
        cell(tmp_path, 60, seed=3),
        cell(tmp_path, 30, seed=3, task="scratch"),
    ]
    records = collect(spec_of(), cells).records
    assert [record.status for record in records] == [PENDING, FAILED, PENDING, OK]
    assert records[1].reason == "its network from scratch: out of memory"
    assert [record.value for record in records] == [None, None, None, pytest.approx(0.25)]


def test_the_paper_has_a_gain_where_it_prints_both_numbers(tmp_path):
    cells = [cell(tmp_path, 60), cell(tmp_path, 30, task="scratch")]
    own, scratch = sorted(collect(spec_of(gain=False), cells).records, key=lambda record: record.is_baseline)
    (known,) = gains([replace(own, paper=0.7), replace(scratch, paper=0.5)], "a")
    (unknown,) = gains([replace(own, paper=0.7), scratch], "a")
    assert (known.paper, unknown.paper) == (pytest.approx(0.2), None)


def test_every_format_and_the_data_have_the_gains(tmp_path):
    own, scratch = draws()
    results = collect(spec_of(), by_seed(tmp_path, own, scratch))
    write_table(results, [tmp_path / f"t{suffix}" for suffix in TABLE_SUFFIXES])
    frame = pd.read_parquet(tmp_path / "t.parquet")
    assert frame["metric"].tolist() == ["gain_top1"] * 3 and (frame["ci_low"] < frame["value"]).all()
    for suffix in (".md", ".tex", ".html"):
        assert "+" in (tmp_path / f"t{suffix}").read_text()


def test_a_figure_of_gains_has_a_star_where_0_is_excluded(tmp_path):
    own, scratch = draws()
    cells = by_seed(tmp_path, own, scratch)
    cells += [cell_by_video(tmp_path, row, seed=seed, subset="10k") for seed, row in enumerate(scratch)]
    layout = {"kind": "figure", "plot": "lines", "x": "subset", "series": "task", "rows": [], "columns": []}
    axes = draw(collect(spec_of(**layout), cells)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["*"]
    assert "percentage points" in axes.get_ylabel().replace("\n", " ")


ENTRY = table(GRID, rows="subset", columns="task", gain=True)


def test_the_networks_from_scratch_are_planned_and_read(tmp_path):
    """Also without `baseline`; single test videos are inputs of the rendering."""
    study = make_study(tmp_path, {"a": ENTRY | {"baseline": False}, "b": table(GRID)}, seeds=2)
    scratch = [cell for cell in study.cells_of["a"] if cell.is_scratch]
    assert {cell.seed for cell in scratch} == {0, 1}
    check_layouts(study)
    assert len(inputs_of(study, "a")["predictions"]) == len(study.cells_of["a"]) == 6
    one = make_study(tmp_path, {"a": ENTRY, "b": table(GRID)})
    assert len(inputs_of(one, "a")["predictions"]) == 3
    assert inputs_of(one, "b")["predictions"] == []


def test_more_seeds_from_scratch_are_planned_where_networks_are_trained(tmp_path):
    """Not for untrained networks, nor in a grid with seeds of its own; fewer than the others change nothing."""
    entries = {
        "a": ENTRY,
        "untrained": table(GRID | {"protocol": "knn"}),
        "own": table(GRID | {"seed": [4]}),
    }

    def seeds(name: str, **config) -> dict[bool, set[int]]:
        cells = make_study(tmp_path, entries, **config).cells_of[name]
        return {kind: {cell.seed for cell in cells if cell.is_scratch == kind} for kind in (True, False)}

    assert seeds("a", seeds_from_scratch=3) == {True: {0, 1, 2}, False: {0}}
    assert seeds("untrained", seeds_from_scratch=3) == {True: {0}, False: {0}}
    assert seeds("own", seeds_from_scratch=3) == {True: {4}, False: {4}}
    assert seeds("a", seeds_from_scratch=2, seeds=3) == {True: {0, 1, 2}, False: {0, 1, 2}}
    assert seeds("a", seeds_from_scratch=3, restrict={"seed": [0, 2]}) == {True: {0, 2}, False: {0}}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            table({**GRID, "protocol": "distill", "teachers": [{"task": "rotnet"}]}, gain=True),
            "protocol distill is not run",
        ),
        (ENTRY | {"chance": True}, "`gain` shows differences, which have no `chance`"),
        (ENTRY | {"quoted": True, "paper_table": "t"}, "no `quoted`"),
        (
            {
                "kind": "figure",
                "title": "F",
                "plot": "bars",
                "x": "subset",
                "series": "task",
                "grid": GRID,
                "gain": True,
            },
            "a figure of plot 'bars' has no `gain`",
        ),
    ],
)
def test_what_has_no_gain_is_refused(tmp_path, entry, message):
    with pytest.raises(UserError, match=message):
        make_study(tmp_path, {"a": entry})


def test_a_network_without_a_partner_is_refused_before_the_first_job(tmp_path):
    cells = [cell(tmp_path), cell(tmp_path, task="scratch", backbone="c3d")]
    with pytest.raises(UserError, match="none is planned with stage finetune, backbone r2plus1d, target ucf101"):
        collect(spec_of(), cells, read=False)


def test_the_entry_of_the_documentation_is_laid_out(repository, tmp_path, monkeypatch):
    """docs/adding_a_table.md: gains of the cells of its first entry, with three seeds."""
    monkeypatch.chdir(repository)
    for number in (0, 1):
        (tmp_path / f"{number}.yaml").write_text(block(repository, "adding_a_table", "yaml", number))
    (tmp_path / "seeds.yaml").write_text("seeds: 3")
    overlays = [str(tmp_path / name) for name in ("0.yaml", "1.yaml", "seeds.yaml")]
    study = load_study(["config/config.yaml", *overlays])
    check_layouts(study)
    assert len(study.cells_of["longer_pretraining_gains"]) == 3 * 5
    assert study.entries["longer_pretraining_gains"].gain and not study.entries["longer_pretraining"].gain
