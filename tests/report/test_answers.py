"""The first screen: which task is best, whether it is significantly better than the others, and what it cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_cells import cell, cell_by_video, identity
from report_study import run_files

from videossl.report.best_task import Answer, answers
from videossl.report.collect import Results, collect
from videossl.report.site.answers import table
from videossl.report.site.run_description import Run
from videossl.report.spec import Spec
from videossl.study.titles import labels_a_class

ENTRY = {"name": "a", "title": "A", "rows": ["subset", "target", "backbone", "seed"], "columns": ["task"]}


def found(cells: list[dict], **changes) -> Results:
    return collect(Spec.parse(ENTRY | {"baseline": False} | changes), cells)


def only(cells: list[dict], **changes) -> Answer:
    (answer,) = answers([found(cells, **changes)])
    return answer


def right(share: float, n: int = 200, shift: int = 0) -> list[bool]:
    return [(video + shift) % n < round(share * n) for video in range(n)]


def test_the_best_task_is_compared_video_by_video(tmp_path):
    # VCOP is right wherever RotNet is, and on six videos more: paired, that is significant; unpaired it would not be.
    cells = [cell_by_video(tmp_path, right(share), task=task) for task, share in (("rotnet", 0.5), ("vcop", 0.55))]
    answer = only(cells)
    assert (answer.best.task, answer.rivals) == ("vcop", [])
    lead = answer.best.lead_over(answer.contenders[1])
    assert lead.value == pytest.approx(0.05)
    assert 0 < lead.low < 0.05 < lead.high

    # The same accuracies, right on other videos: not told apart.
    other = tmp_path / "other"
    cells = [cell_by_video(other, right(0.5), task="rotnet"), cell_by_video(other, right(0.55, shift=90), task="vcop")]
    assert only(cells).rivals == ["rotnet"]


def test_intervals_are_widened_for_the_number_of_tasks(tmp_path):
    rng = np.random.default_rng(1)
    first = rng.random(300) < 0.6
    second = first & (rng.random(300) > 0.1)
    cells = [cell_by_video(tmp_path, list(first), task="vcop"), cell_by_video(tmp_path, list(second), task="rotnet")]
    answer = only(cells)
    narrow, wide = (answer.best.lead_over(answer.contenders[1], count) for count in (1, 5))
    assert narrow.value == wide.value
    assert wide.low < narrow.low < narrow.high < wide.high


def test_only_equal_settings_are_compared_and_the_one_with_most_tasks_is_shown(tmp_path):
    cells = [cell(tmp_path, 90, task="vcop", subset="10k"), cell(tmp_path, 30, task="vcop")]
    assert answers([found(cells)]) == []  # one task in either setting
    cells += [cell(tmp_path, 40, task=task) for task in ("rotnet", "prp")]
    cells += [cell(tmp_path, 20, task="rotnet", subset="10k"), cell(tmp_path, task="cvrl")]
    answer = only(cells)
    assert answer.setting["subset"] == "50k"
    assert [one.task for one in answer.contenders] == ["rotnet", "prp", "vcop"]
    assert answer.rivals == ["prp", "vcop"]


def test_few_labels_are_shown_and_all_of_them_only_if_there_is_no_other_number(tmp_path):
    """With all labels, low-shot finetuning is the finetuning itself, which has a line of its own."""
    low_shot = {"stage": "low_shot", "protocol": "low_shot"}
    every = [cell(tmp_path, 50 + n, task=t, labels="all", **low_shot) for n, t in enumerate(("rotnet", "vcop", "prp"))]
    few = [cell(tmp_path, 40 + n, task=task, labels="5", **low_shot) for n, task in enumerate(("rotnet", "vcop"))]
    assert only([*every, *few]).setting["labels"] == "5"
    assert only(every).setting["labels"] == "all"
    words = [labels_a_class(number) for number in ("1", "5", "all")]
    assert words == ["1 label a class", "5 labels a class", "all labels"]


def test_numbers_of_other_kinds_are_no_contenders(tmp_path):
    plain = [cell(tmp_path, 30, task="rotnet"), cell(tmp_path, 40, task="vcop")]
    others = [
        cell(tmp_path, 100, task="prp", complexity="C3"),
        cell(tmp_path, 110, task="cvrl", teachers="a+b", stage="distill", protocol="distill"),
    ]
    spec = {"rows": ["subset", "complexity", "teachers"]}
    answer = only([*plain, *others], **spec)
    assert [one.task for one in answer.contenders] == ["vcop", "rotnet"]


def test_a_row_says_what_it_is_worth_and_what_it_cost(tmp_path):
    cells = [cell(tmp_path, n, task=task, seed=seed) for seed in (0, 1) for task, n in (("rotnet", 100), ("vcop", 40))]
    cells += [cell(tmp_path, 24, task="scratch", seed=seed) for seed in (0, 1)]
    trained = tmp_path / "trained"
    trained.mkdir()
    run_files(trained, identity(stage="pretrain", task="rotnet", protocol="", target=""), predictions=False)
    for one in cells:
        run_files(Path(one["run_dir"]), {key: one[key] for key in identity()}, predictions=False)
        if one["task"] == "rotnet":
            one["pretrainings"] = [str(trained)]
    answer = only(cells, baseline=True)
    runs = {one["run_dir"]: Run(one["run_dir"], one, ()) for one in cells} | {str(trained): Run(str(trained), {}, ())}
    target, how, best, accuracy, scratch, verdict, cost = [
        cell.text for cell in table([answer], runs, {}).rows[0].cells
    ]
    assert (target, how, best, accuracy, scratch) == ("UCF101", "Finetuning", "RotNet", "83.3", "20.0")
    assert verdict == "yes, than the other"
    each = runs[str(trained)].record["wall_seconds"]
    assert cost == f"{each / 60:.1f} min + {each / 60:.1f} min"
    details = dict(table([answer], runs, {}).rows[0].cells[4].details)
    assert details["ci"].startswith("+63.3 [")
    assert "2 seeds" in dict(table([answer], runs, {}).rows[0].cells[1].details)["note"]


@pytest.mark.parametrize(
    ("scratch", "verdict"),
    [(0.2, "yes, than the other"), (0.6, "not than no pretraining"), (0.9, "not than no pretraining")],
)
def test_a_best_task_that_is_no_better_than_no_pretraining_says_so(tmp_path, scratch, verdict):
    shares = {"rotnet": 0.6, "vcop": 0.3, "scratch": scratch}
    cells = [cell_by_video(tmp_path, right(share), task=task) for task, share in shares.items()]
    answer = only(cells, baseline=True)
    assert table([answer], {}, {}).rows[0].cells[5].text == verdict
