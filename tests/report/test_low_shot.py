"""Tables and figures of low-shot finetuning."""

from __future__ import annotations

import pytest
from report_cells import cell, table_spec

from videossl.common.errors import UserError
from videossl.common.files import write_json
from videossl.common.intact import sealed
from videossl.report import layout
from videossl.report.collect import collect
from videossl.report.notes import notes
from videossl.report.spec import Spec
from videossl.report.tables import build_grid

LABELS = ("10", "1", "all", "5")


def cells_of(root):
    found = []
    for place, labels in enumerate(LABELS):
        for task, extra in (("rspnet", 20), ("scratch", 0)):
            own = {"task": task, "stage": "low_shot", "protocol": "low_shot", "labels": labels}
            found.append(cell(root, 30 + 10 * place + extra, **own))
    return found


def test_rows_are_in_the_order_of_their_numbers_with_the_baseline_of_the_same_labels(tmp_path):
    spec = table_spec(paper_table=None, rows="labels", columns="task", groups={})
    grid = build_grid(collect(spec, cells_of(tmp_path)))
    assert [label for label, _ in grid.rows] == [("1",), ("5",), ("10",), ("all",)]
    values = [[round(120 * entry.value) for entry in entries] for _, entries in grid.rows]
    assert values == [[40, 60], [60, 80], [30, 50], [50, 70]]  # no pretraining, RSPNet


def test_a_table_without_the_axis_is_refused(tmp_path):
    spec = table_spec(paper_table=None, rows="subset", columns="task")
    with pytest.raises(UserError, match="cells that differ in labels"):
        build_grid(collect(spec, cells_of(tmp_path)))


def test_the_figure_has_a_line_over_labels_and_one_without_pretraining(tmp_path):
    entry = {"name": "gain", "kind": "figure", "title": "A figure", "plot": "lines", "x": "labels", "series": "task"}
    results = collect(Spec.parse(entry), cells_of(tmp_path))
    (view,) = layout.views(results, layout.by_panel_axis(results))
    assert layout.x_values(view) == ["1", "5", "10", "all"]
    assert [(x, round(120 * entry.value)) for x, entry in layout.entries(view, "rspnet")] == [
        ("1", 60), ("5", 80), ("10", 50), ("all", 70),
    ]  # fmt: skip
    ((series, baseline),) = layout.baselines(view, layout.x_values(view))
    assert series is None and [round(120 * entry.value) for _, entry in baseline] == [40, 60, 30, 50]


def test_classes_with_too_few_videos_are_named_below(tmp_path):
    cells = cells_of(tmp_path)
    for one in cells:
        asked = 0 if one["labels"] == "all" else int(one["labels"])
        short = {"diving": 7} if asked == 10 else {}
        labelled = {"asked": asked, "videos": 37, "classes": 4, "checksum": "c", "short": short}
        write_json(tmp_path / one["run_dir"] / "run.json", sealed({**RUN, "labelled": labelled}))
    spec = table_spec(paper_table=None, rows="labels", columns="task")
    found = [text for text in notes(collect(spec, cells)) if "fewer than" in text]
    assert found == ["UCF101: classes with fewer than 10 labelled videos, all of which are used (1 of 4): diving (7)."]


RUN = {
    "identity": {}, "recipe": {}, "recipe_hash": "", "code_version": "", "python": "", "packages": {}, "device": "cpu",
    "device_name": "", "wall_seconds": 1.0, "gpu_hours": 0.0, "samples": {},
}  # fmt: skip
