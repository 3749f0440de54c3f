"""`train.jsonl` and `run.json`."""

from __future__ import annotations

import json
import subprocess

import torch

from videossl.data.specs import SubsetSpec
from videossl.training import record
from videossl.training.history import History
from videossl.training.record import PACKAGES, code_version, write_run


def history_of(folder, epochs: int, rest: str = "") -> History:
    history = History(folder / "run")
    for epoch in range(1, epochs + 1):
        history.add({"epoch": epoch, "loss": 1 / epoch})
    if rest:
        with history.path.open("a") as handle:
            handle.write(rest)
    return history


def epochs(history: History) -> list[int]:
    return [json.loads(line)["epoch"] for line in history.path.read_text().splitlines()]


def test_an_epoch_is_a_line(tmp_path):
    history = history_of(tmp_path, 3)
    assert epochs(history) == [1, 2, 3]
    assert history.last() == {"epoch": 3, "loss": 1 / 3}
    assert History(tmp_path / "other").last() is None


def test_rewind_drops_later_epochs_and_half_written_lines(tmp_path):
    history = history_of(tmp_path, 4, rest='{"epoch": 5, "lo')
    history.rewind(3)  # three epochs are done: the fourth and fifth are trained again
    assert epochs(history) == [1, 2, 3]
    history.add({"epoch": 4})
    assert epochs(history) == [1, 2, 3, 4]


def test_rewind_mends_a_line_that_lacks_only_its_end(tmp_path):
    history = history_of(tmp_path, 1, rest='{"epoch": 2}')
    history.rewind(2)
    history.add({"epoch": 3})
    assert epochs(history) == [1, 2, 3]


def test_rewind_to_the_start_and_without_a_file(tmp_path):
    history = history_of(tmp_path, 2)
    history.rewind(0)
    assert epochs(history) == [] and history.last() is None
    History(tmp_path / "other").rewind(3)
    assert not (tmp_path / "other").exists()


def test_run_json_says_what_was_run_with_what(tmp_path):
    spec, identity = SubsetSpec(size=10, seed=0, data_version=1), {"stage": "pretrain"}
    write_run(
        tmp_path / "run.json",
        spec=spec,
        identity=identity,
        device=torch.device("cpu"),
        seconds=12.345,
        samples={"train": 3},
    )
    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["recipe"], run["identity"], run["samples"]) == (spec.values, identity, {"train": 3})
    assert run["recipe_hash"] == spec.hash
    assert set(run["packages"]) == set(PACKAGES) and run["packages"]["torch"] == torch.__version__
    assert (run["device"], run["wall_seconds"], run["gpu_hours"]) == ("cpu", 12.35, 0.0)
    assert run["device_name"] and run["code_version"] and run["python"]


def test_the_code_version_marks_changes_and_works_without_git(monkeypatch):
    uncached = code_version.__wrapped__  # a run keeps the version of its start
    answers = {"rev-parse": "0123456789ab", "status": ""}
    monkeypatch.setattr(record, "_git", lambda folder, command, *rest: answers[command])
    assert uncached() == "0123456789ab"
    answers["status"] = " M src/videossl/stages/finetune.py"
    assert uncached() == "0123456789ab+changes"

    def no_repository(*arguments):
        raise subprocess.CalledProcessError(128, "git")

    monkeypatch.setattr(record, "_git", no_repository)
    assert uncached() == record.__version__


def test_a_line_that_a_kill_left_half_written_is_no_epoch(tmp_path):
    history = history_of(tmp_path, 1, rest='{"epoch": 2, "lo')
    assert history.last() == {"epoch": 1, "loss": 1.0}
    assert [entry["epoch"] for entry in history.entries()] == [1]
