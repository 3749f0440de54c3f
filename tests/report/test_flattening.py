"""The note on finetunings that ended too early."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_cells import GROUPS, cell, identity, table_spec

from videossl.common.results import write_metrics
from videossl.report.collect import collect
from videossl.report.notes import notes


def told(root: Path, flattened: dict[str, float | None]) -> list[str]:
    cells = []
    for task, flat in flattened.items():
        one = cell(root, 60, task=task)
        if flat is not None:
            row = {"split": "test", "metric": "top1", "value": 0.5, "n": 120}
            curve = {"split": "train", "metric": "flattened", "value": flat, "n": 9}
            write_metrics(one["metrics"], identity(task=task), [row, curve])
        cells.append(one)
    spec = table_spec(paper_table=None, columns="task", rows="subset", baseline=False, groups=GROUPS)
    return [note for note in notes(collect(spec, cells)) if "flattened" in note]


def test_how_many_had_not_flattened_of_those_that_say(tmp_path):
    (note,) = told(tmp_path, {"rotnet": 0.0, "prp": 1.0, "rspnet": 0.0, "tdl": None})
    assert "The training curve of 2 of 3 finetunings had not flattened" in note
    assert "RotNet" in note and "RSPNet" in note and "PRP" not in note and "more than 5 % of the whole drop" in note


@pytest.mark.parametrize("flat", [1.0, None])
def test_nothing_is_said_if_all_had_or_none_knows(tmp_path, flat):
    assert told(tmp_path, {"rotnet": flat, "prp": flat}) == []
