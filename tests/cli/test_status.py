"""`videossl status` and the arguments of the command."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from run_records import run_record
from tiny import spec_of

from videossl.cli import run_command as run
from videossl.cli.plan import cells_of_targets, targets_of
from videossl.cli.status import curve
from videossl.common import places, progress
from videossl.common.errors import UserError
from videossl.common.progress import NOTE, noted_in, track
from videossl.common.results import write_metrics
from videossl.monitor.run_state import SILENT_SECONDS, cannot_be_run, failures, states
from videossl.study.study import load_study

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)


@pytest.fixture
def mine(tmp_path):
    """An overlay with results of its own, one table and two tasks."""
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        f"results_dir: {tmp_path / 'results'}\nonly: [subset_size]\nrestrict: {{task: [rotnet, rspnet]}}\n"
        "leave_out: null\n"
        "compute: {milestone_jobs: every}\n"
    )
    return overlay


@pytest.fixture
def study(mine):
    return load_study(["config/config.yaml", mine])


def folder_of(study, cell, **files):
    """The folder of a cell with these files."""
    folder = Path(study.config.results_dir) / cell.path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def finished(study, cell, recipe_hash=None):
    run = run_record(recipe_hash=recipe_hash or spec_of(study, cell).hash)
    folder = folder_of(study, cell, run__json=run)
    write_metrics(folder / "metrics.parquet", cell.identity, [{"split": "val", "metric": "loss", "value": 1.0, "n": 1}])
    return folder


def test_every_state_is_told_from_the_folders(study, mine, capsys):
    done, outdated, running, stopped, failed = study.pretraining[:5]
    finished(study, done)
    finished(study, outdated, recipe_hash="another")
    epochs = '{"epoch": 1, "loss": 2.5}\n{"epoch": 2, "loss": 1.25}\n{"epoch": 3, "lo'
    note = {"what": "training", "done": 30, "total": 90, "seconds": 60, "host": "node7", "pid": 1, "slurm_job": "42"}
    folder_of(study, running, train__jsonl=epochs, progress__json=json.dumps(note))
    folder_of(study, stopped, train__jsonl=epochs)
    folder_of(study, failed, FAILED="UserError: the loss became nan\n")
    found = states(study, study.all_cells)
    assert [found[cell].name for cell in (done, outdated, running, stopped, failed)] == [
        "done", "outdated", "running", "stopped", "failed"
    ]  # fmt: skip
    state = found[running]
    assert (state.epoch, state.loss, state.losses) == (2, 1.25, (2.5, 1.25))
    assert (state.seconds_left, state.where) == (120, "node7, Slurm job 42")

    assert run(["status", "--configfile", str(mine)]) == 0
    output = capsys.readouterr().out
    assert "1 done, 1 outdated, 1 running, 1 stopped" in output
    assert all(text in output for text in ("epoch 2/", "loss 1.250 █▁", "training 33 %", "2:00 left"))
    assert "UserError: the loss became nan" in output and f"logs/{failed.path}.log" in output


def test_what_needs_a_failed_cell_has_failed_with_its_reason(study, mine, capsys):
    first = study.pretraining[0]
    folder_of(study, first, FAILED="UserError: out of range\n")
    below = [cell for cell in study.all_cells if first in study.with_dependencies([cell]) and cell != first]
    assert len(below) == 4  # three further milestones and the finetuning
    found = states(study, study.all_cells)
    assert all(found[cell].name == "failed" and found[cell].upstream == first.path for cell in below)
    reasons = failures(study, study.all_cells)
    assert reasons[f"{study.config.results_dir}/{below[-1].path}"] == f"{first.path} failed: UserError: out of range"
    assert len(reasons) == 5

    run(["status", "--configfile", str(mine), "--format", "json"])
    records = json.loads(capsys.readouterr().out)
    assert {record["failed_cell"] for record in records if record["state"] == "failed"} == {first.path}
    assert sum(record["state"] == "pending" for record in records) == len(study.all_cells) - 5


def test_what_cannot_be_run_here_is_pending_with_its_reason(tmp_path, capsys):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"results_dir: {tmp_path / 'results'}\nonly: [vifm_zero_shot, vifm_distill_pairs]\n")
    given = ("--configfile", "config/paper.yaml", str(overlay))
    assert run(["status", *given]) == 0
    text = capsys.readouterr().out
    assert re.search(r"table_vifm_zero_shot +░+  15 pending: weights not provided\n", text)
    assert re.search(r"table_vifm_distill_pairs +░+  5 pending, 20 pending: weights not provided\n", text)
    assert "30 cells cannot be run here, pending: weights not provided" in text
    study = load_study(["config/config.yaml", *given[1:]])
    waiting = cannot_be_run(study, study.all_cells)
    assert len(waiting) == 30 and set(waiting.values()) == {"weights not provided"}
    assert cannot_be_run(study, study.pretraining) == {}
    done = next(cell for cell in waiting if cell.stage == "vifm")
    finished(study, done)  # made where the weights were
    assert set(waiting) - set(cannot_be_run(study, study.all_cells)) == {done}
    assert set(cells_of_targets(study, [])) == set(study.all_cells)
    assert cells_of_targets(study, ["table_vifm_zero_shot"]) == study.cells_of["vifm_zero_shot"]
    assert cells_of_targets(study, [f"{study.results}/{done.path}/weights.pt"]) == [done]


def test_a_note_that_is_too_old_is_no_sign_of_life(study):
    cell = study.pretraining[0]
    note = {"what": "training", "done": 10, "total": 20, "seconds": 100, "host": "a", "pid": 1, "slurm_job": ""}
    folder = folder_of(study, cell, progress__json=json.dumps(note), checkpoint__pt="")
    now = time.time()
    for age, name in ((SILENT_SECONDS, "running"), (SILENT_SECONDS + 40, "running"), (SILENT_SECONDS + 60, "stopped")):
        os.utime(folder / NOTE, (now - age, now - age))  # ten seconds a step
        assert states(study, [cell])[cell].name == name, age


def test_a_loop_leaves_a_note_while_it_runs(study, monkeypatch):
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    cell = study.pretraining[0]
    folder = folder_of(study, cell)
    with noted_in(folder):
        assert states(study, [cell])[cell].doing == "starting"
        for number in track(range(4), "letters"):
            state = states(study, [cell])[cell]
            assert (state.name, state.doing, state.done, state.total) == ("running", "letters", number, 4)
    assert list(folder.iterdir()) == []


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path):
    with noted_in(tmp_path / "no folder"):
        assert list(track("abc", "letters")) == ["a", "b", "c"]


def test_features_are_done_when_they_are_there(tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"results_dir: {tmp_path / 'results'}\nonly: [retrieval]\n")
    study = load_study(["config/config.yaml", overlay])
    first, second = study.of_stage("features")[:2]
    folder_of(study, first, features__npz="")
    assert [states(study, [cell])[cell].name for cell in (first, second)] == ["done", "pending"]


def test_the_matrix_has_a_sign_for_every_cell(study, mine, capsys):
    finished(study, study.pretraining[0])
    run(["status", "subset_size", "--configfile", str(mine)])
    matrix = capsys.readouterr().out.split("pretrain\n")[1].split("\n\n")[0].splitlines()
    assert matrix[0].split() == ["task", "backbone", "subset", "50", "100", "150", "200"]
    assert [line.split()[:3] for line in matrix[1:3]] == [["rotnet", "r2plus1d", size] for size in ("10k", "30k")]
    assert matrix[1].split()[3:] == ["✓", "·", "·", "·"] and len(matrix) == 1 + 2 * 3


def test_a_curve_is_as_high_as_its_values():
    assert curve([3.0, 2.0, 1.0]) == "█▅▁"
    assert curve([1.0, 1.0]) == "▁▁" and curve([]) == "" and curve([float("nan"), 2.0]) == "▁"
    assert len(curve(range(1000))) == 20 and curve(range(1000))[-1] == "█"


def test_unknown_table_names_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown table or figure 'subset_sise'.*Did you mean subset_size"):
        run(["status", "subset_sise"])


def test_bench_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="root of the repository"):
        run(["bench", "loader"])
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/run.py").touch()
    with pytest.raises(UserError, match="make bench"):
        run(["bench"])


def test_entries_are_meant_by_name_or_by_target(study):
    assert targets_of(study, ["subset_size", "table_subset_size", "all", "results/tables/a.md"]) == [
        "table_subset_size", "table_subset_size", "all", "results/tables/a.md"
    ]  # fmt: skip
    with pytest.raises(UserError, match="Did you mean table_subset_size"):
        targets_of(study, ["table_subset_sise"])


def test_a_profile_brings_its_overlays(capsys):
    run(["status", "--profile", "slurm", "--format", "csv", "subset_size"])
    assert "results/paper/logs/" in capsys.readouterr().out
    with pytest.raises(UserError, match="no profile 'slumr'"):
        run(["status", "--profile", "slumr"])


def test_it_works_in_any_folder_with_the_project_of_the_library(tmp_path, mine, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["status", "subset_size", "--configfile", mine.name]) == 0
    here = capsys.readouterr().out
    assert "table_subset_size" in here
    monkeypatch.chdir("/")
    assert run(["status", "subset_size", "--configfile", str(mine), "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out == here
    assert Path.cwd() == tmp_path
    assert run(["status", "--profile", "slurm", "--format", "csv", "networks"]) == 0  # of the project


def test_a_folder_without_a_workflow_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    with pytest.raises(UserError, match=r"no Snakefile or no config/config.yaml.*--snakefile"):
        run(["status"])
    with pytest.raises(UserError, match="--directory names nothere, which is not a folder"):
        run(["status", "--directory", "nothere", "--snakefile", str(REPOSITORY / "Snakefile")])
