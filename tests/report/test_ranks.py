"""Ranks: places by hand, the places that chance leaves open, and where a table shows them."""

from __future__ import annotations

import numpy as np
import pytest
from report_cells import cell, cell_by_video, table_spec
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.report.collect import collect
from videossl.report.document import Document
from videossl.report.ranks import Rank
from videossl.report.render import markdown
from videossl.report.renderings import inputs_of
from videossl.report.tables import build_grid

VIDEOS = 200


def spec_of(**changes):
    return table_spec(**{"rank": ["task"], "paper_table": None, "groups": {}, "baseline": False} | changes)


def right(share: float, seed: int = 0) -> np.ndarray:
    """Which videos are correct: the first ones, and of the rest each with a chance of 2 %."""
    return (np.arange(VIDEOS) < share * VIDEOS) | (np.random.default_rng(seed).random(VIDEOS) < 0.02)


def ranks_of(results) -> dict[tuple[str, ...], Rank | None]:
    grid = build_grid(results)
    return {
        (*labels, *column): entry.rank
        for labels, entries in grid.rows
        for column, entry in zip(grid.columns, entries, strict=True)
    }


def test_places_and_what_chance_leaves_open(tmp_path):
    shares = {"rotnet": 0.2, "prp": 0.5, "tdl": 0.51, "rspnet": 0.8}
    cells = [cell_by_video(tmp_path, right(share), task=task) for task, share in shares.items()]
    found = [entry.rank for entry in build_grid(collect(spec_of(), cells)).entries]
    assert sorted(found, key=lambda rank: rank.place) == [Rank(1, 1, 1), Rank(2, 2, 3), Rank(3, 2, 3), Rank(4, 4, 4)]
    (row,) = build_grid(collect(spec_of(), cells)).rows
    text = {column: entry.detail.partition("] ")[2] for column, entry in zip(shares, row[1], strict=False)}
    assert set(text.values()) == {"rank 1", "rank 2 (2–3)", "rank 3 (2–3)", "rank 4"}


def test_pairs_tell_apart_what_separate_intervals_do_not(tmp_path):
    """Twelve videos more of 200, and none less: the two intervals overlap, and that of the difference has no 0."""
    less = np.arange(VIDEOS) < 100
    more = np.arange(VIDEOS) < 112
    cells = [
        cell_by_video(tmp_path / "pairs", less, task="rotnet"),
        cell_by_video(tmp_path / "pairs", more, task="tdl"),
    ]
    results = collect(spec_of(), cells)
    low, high = (record.low for record in results.records), (record.high for record in results.records)
    assert max(low) < min(high)
    assert {entry.rank for entry in build_grid(results).entries} == {Rank(1, 1, 1), Rank(2, 2, 2)}
    alone = [
        cell(tmp_path / "alone", int(one.sum()), VIDEOS, task=task) for task, one in (("rotnet", less), ("tdl", more))
    ]
    assert {entry.rank for entry in build_grid(collect(spec_of(), alone)).entries} == {Rank(1, 1, 2), Rank(2, 1, 2)}


def test_equal_networks_share_their_place(tmp_path):
    cells = [cell_by_video(tmp_path, right(0.5), task=task) for task in ("rotnet", "tdl")]
    cells.append(cell_by_video(tmp_path, right(0.1), task="prp"))
    ranks = sorted((entry.rank for entry in build_grid(collect(spec_of(), cells)).entries), key=lambda one: one.place)
    assert ranks == [Rank(1, 1, 2), Rank(1, 1, 2), Rank(3, 3, 3)]


def test_only_what_differs_in_the_named_axes_is_compared(tmp_path):
    """Each target has ranks of its own, a missing cell and the network from scratch have none, and seeds are means."""
    cells = [
        cell_by_video(tmp_path, right(share, seed), task=task, target=target, seed=seed)
        for task, share, target in (("rotnet", 0.3, "ucf101"), ("tdl", 0.7, "ucf101"), ("rotnet", 0.9, "hmdb51"))
        for seed in (0, 1)
    ]
    cells += [cell(tmp_path, task="tdl", target="hmdb51", seed=seed) for seed in (0, 1)]
    cells += [cell_by_video(tmp_path, right(0.99), task="scratch", target=target) for target in ("ucf101", "hmdb51")]
    found = ranks_of(collect(spec_of(rows=["target"], columns=["task"], baseline=True), cells))
    assert sorted((rank.place, rank.first, rank.last) for rank in found.values() if rank) == [
        (1, 1, 1), (1, 1, 1), (2, 2, 2)
    ]  # fmt: skip
    assert sum(rank is None for rank in found.values()) == 3


def test_the_note_says_what_is_ranked(tmp_path):
    cells = [cell_by_video(tmp_path, right(share), task=task) for task, share in (("rotnet", 0.3), ("tdl", 0.7))]
    text = markdown(Document.of(collect(spec_of(), cells)))
    assert "rank 1" in text and "Rank: among the pretrained networks that differ only in task;" in text
    without = markdown(Document.of(collect(spec_of(rank=[]), cells)))
    assert "rank" not in without.lower()


def test_a_table_with_ranks_reads_single_videos(tmp_path):
    ranked = table(GRID, rows="subset", columns="task", rank="task")
    study = make_study(tmp_path, {"ranked": ranked, "plain": table(GRID)})
    assert len(inputs_of(study, "ranked")["predictions"]) == 3 and not inputs_of(study, "plain")["predictions"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"rank": "backbone"}, "`rank` names backbone"), ({"rank": "unknown"}, "rank")],
)
def test_a_rank_by_an_axis_that_is_not_shown_is_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        _ = make_study(tmp_path, {"a": table(GRID) | changes}).entries
