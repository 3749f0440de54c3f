"""What pending cells are expected to take."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_records import run_record
from tiny import GRID, make_study, table

from videossl.monitor.estimate import CALCULATED, MEASURED, UNKNOWN, Estimator, critical_path
from videossl.study.costs import job_seconds
from videossl.study.study import Study


@pytest.fixture
def study(tmp_path) -> Study:
    entries = {
        "main": table(GRID | {"subset": ["10k", "50k"]}),
        "far": table(GRID | {"protocol": "retrieval"}, metric="recall_at_1"),
    }
    return make_study(tmp_path, entries, results_dir=str(tmp_path / "results"), compute={"device": "cpu"})


def ran(study: Study, cell, seconds: float, device: str = "cpu", gpu_hours: float = 0.0) -> None:
    """Leave the record of a finished cell."""
    folder = Path(study.config.results_dir) / cell.path
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(run_record(wall_seconds=seconds, gpu_hours=gpu_hours, device=device))


def cell_of(study: Study, stage: str, task: str, subset: str = "50k", epochs: int = 200):
    wanted = (stage, task, subset, epochs)
    return next(c for c in study.all_cells if (c.stage, c.task, c.subset, c.epochs) == wanted)


def test_without_history_operations_count(study):
    cell = cell_of(study, "pretrain", "rotnet")
    estimate = Estimator(study).of(cell)
    assert estimate.source == CALCULATED
    assert estimate.hours == estimate.device_hours == pytest.approx(job_seconds(cell, study) / 3600)


def test_a_milestone_is_measured_on_another_subset_of_the_same_task(study):
    """The record of the milestone 100 counts from the start: 50 and 100 together."""
    small = [cell_of(study, "pretrain", "rotnet", "10k", epochs) for epochs in (50, 100)]
    ran(study, small[1], 3 * sum(job_seconds(cell, study) for cell in small))
    pending = cell_of(study, "pretrain", "rotnet", "50k", 200)
    estimate = Estimator(study).of(pending)
    assert estimate.source == MEASURED
    assert estimate.hours == pytest.approx(3 * job_seconds(pending, study) / 3600)


def test_another_task_is_calculated_at_the_measured_pace_of_its_stage(study):
    first = cell_of(study, "pretrain", "rotnet", epochs=50)
    ran(study, first, 2 * job_seconds(first, study))
    estimator, pending = Estimator(study), cell_of(study, "pretrain", "rspnet")
    assert estimator.pace == {"pretrain": (pytest.approx(2.0), 1)}
    assert estimator.of(pending).source == CALCULATED
    assert estimator.of(pending).hours == pytest.approx(2 * job_seconds(pending, study) / 3600)
    finetuning = cell_of(study, "finetune", "rspnet")  # of another stage
    assert estimator.of(finetuning).hours == pytest.approx(job_seconds(finetuning, study) / 3600)


def test_finished_on_another_kind_of_device_says_nothing(study):
    ran(study, cell_of(study, "pretrain", "rotnet", epochs=50), 1e6, device="cuda:0", gpu_hours=300.0)
    assert Estimator(study).of(cell_of(study, "pretrain", "rotnet")).source == CALCULATED


def test_what_runs_no_network_is_known_by_its_like_alone(study):
    first, second = (cell_of(study, "retrieval", task) for task in ("rotnet", "rspnet"))
    assert Estimator(study).of(first).source == UNKNOWN and Estimator(study).of(first).hours is None
    ran(study, first, 36.0)
    assert Estimator(study).of(second).hours == pytest.approx(0.01)


def test_device_hours_are_of_all_gpus_together(tmp_path, study):
    values = study.config.model_copy(
        update={"compute": study.config.compute.model_copy(update={"gpus": 4, "device": "cuda"})}
    )
    four = Study(values)
    estimate = Estimator(four).of(cell_of(four, "pretrain", "rotnet"))
    assert estimate.device_hours == pytest.approx(4 * estimate.hours)


def test_the_critical_path_is_the_longest_chain(study):
    cells = study.all_cells
    path = critical_path(study, cells, {cell: 1.0 + 5 * (cell.subset == "10k") for cell in cells})
    assert [(cell.stage, cell.epochs) for cell in path] == [
        ("pretrain", 50), ("pretrain", 100), ("pretrain", 200), ("finetune", 200)
    ]  # fmt: skip
    assert {cell.subset for cell in path} == {"10k"}
    assert critical_path(study, [], {}) == []
