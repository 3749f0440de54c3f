"""The numbers to read first: the best gain over no pretraining on each target."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import GRID, make_study, table

from videossl.common.results import write_metrics, write_predictions
from videossl.report.best_task import answers
from videossl.report.headlines import headlines
from videossl.report.record import results_of
from videossl.report.request import request_of
from videossl.stages.cells import Cell
from videossl.study.study import Study

N = 40
GRIDS = [GRID, {**GRID, "task": "scratch", "source": "none", "subset": "none", "epochs": 0}]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return make_study(tmp_path, {"main": table(GRID, baseline=True)})


def finished(study: Study, task: str, right: int) -> None:
    """The finetuning of a task has so many of N test videos right."""
    (cell,) = [cell for cell in study.evaluations if cell.task == task]
    write(study, cell, right)


def write(study: Study, cell: Cell, right: int) -> None:
    folder = study.results / cell.path
    folder.mkdir(parents=True)
    rows = [{"split": "test", "metric": "top1", "value": right / N, "n": N, "chance": 0.1}]
    write_metrics(folder / "metrics.parquet", cell.identity, rows)
    videos = [
        {"split": "test", "video": f"v{number:02d}", "label": 1, "prediction": int(number < right), "clips": 1,
         "probability_label": 0.5}
        for number in range(N)
    ]  # fmt: skip
    write_predictions(folder / "predictions.parquet", cell.identity, videos)


def test_the_best_task_is_named_with_its_paired_interval(study: Study) -> None:
    for task, right in (("scratch", 10), ("rotnet", 20), ("rspnet", 30)):
        finished(study, task, right)
    line, counts = headlines(study)
    assert counts == "of 2 finetuned networks 2 are significantly better than from scratch, 0 worse"
    assert line.startswith("UCF101: rspnet +50.0 (+3") and line.endswith("best of 2")
    low, high = (float(part) for part in line.partition("(")[2].partition(")")[0].split(" to "))
    assert 30 < low < 50 < high < 70  # 20 of 40 videos differ: the standard error is 7.9 points


def test_unfinished_cells_are_left_out(study: Study) -> None:
    assert headlines(study) == []
    finished(study, "rotnet", 20)
    assert headlines(study) == []  # nothing to compare it with
    finished(study, "scratch", 24)
    line, counts = headlines(study)
    assert counts == "of 1 finetuned networks 0 are significantly better than from scratch, 1 worse"
    assert line.startswith("UCF101: RotNet -10.0 (") and line.endswith("best of 1")


def test_the_ending_names_the_task_of_the_reports_first_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    networks = {**GRID, "backbone": ["r2plus1d", "shufflenet"], "target": ["ucf101", "hmdb51"]}
    entries = {
        "later": table(networks, columns="task", rows=["target", "backbone"], baseline=True),
        "first": table({**networks, "seed": [1, 0]}, rows=["target", "backbone", "seed"], baseline=True),
        "gain": table({**networks, "subset": "30k"}, rows=["target", "backbone"], gain=True),
    }
    study = make_study(tmp_path, entries)
    right = {
        # Of these networks, ShuffleNet gains most, and R(2+1)D is the most accurate: one setting is chosen.
        ("r2plus1d", "ucf101"): {"scratch": 24, "rotnet": 28, "rspnet": 29},
        ("shufflenet", "ucf101"): {"scratch": 4, "rotnet": 20, "rspnet": 18},
        # Equally accurate.
        ("r2plus1d", "hmdb51"): {"scratch": 10, "rotnet": 20, "rspnet": 20},
        ("shufflenet", "hmdb51"): {"scratch": 10, "rotnet": 20, "rspnet": 20},
    }
    for cell in study.evaluations:
        more = 10 if cell.subset == "30k" else 0  # shown only as gains, which the first screen leaves out
        write(study, cell, right[cell.backbone, cell.target][cell.task] + more)
    shown = [results_of(request_of(study, name), {}) for name in study.entries]
    for results in (shown, shown[::-1]):  # whatever the order of the tables
        screen = answers(results)
        assert len(screen) == 2
        for line, answer in zip(headlines(study)[:-1], screen, strict=True):
            title = {"rotnet": "RotNet", "rspnet": "rspnet"}[answer.best.task]
            dataset = study.config.datasets[answer.setting["target"]].title
            gain = 100 * answer.best.lead_over(answer.scratch).value
            assert line.startswith(f"{dataset}: {title} {gain:+.1f} (")
            assert answer.setting["subset"] == "50k" and "50k" in line and "2 seeds" in line


def test_networks_are_counted_seed_by_seed_and_only_beside_one_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    networks = {**GRID, "task": ["rotnet", "rspnet"], "backbone": ["r2plus1d", "shufflenet"]}
    study = make_study(tmp_path, {"main": table(networks, rows=["backbone"], baseline=True)}, seeds=2)
    right = {"rotnet": 11, "rspnet": 25, "scratch": 10}
    for cell in study.evaluations:
        if (cell.task, cell.backbone) != ("scratch", "r2plus1d"):
            write(study, cell, right[cell.task] - 8 * (cell.task == "rotnet"))
    assert headlines(study)[-1] == "of 2 finetuned networks 1 are significantly better than from scratch, 1 worse"
