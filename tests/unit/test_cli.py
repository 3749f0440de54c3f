"""`videossl plan` and `videossl status` on the study's own configuration."""

from __future__ import annotations

import pytest

from videossl.cli import run
from videossl.errors import UserError
from videossl.experiments import load_study


@pytest.fixture(autouse=True)
def in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)


def test_plan_lists_every_cell_of_a_table_and_all_pretraining(capsys):
    assert run(["plan", "subset_size"]) == 0
    lines = capsys.readouterr().out.splitlines()
    study = load_study(["config/config.yaml"])
    assert lines[0] == "table_subset_size: Effect of the pretraining subset's size (19 cells)"
    assert [line.strip() for line in lines[1:20]] == [cell.path for cell in study.cells_of["subset_size"]]
    assert lines[20] == "pretraining (72 jobs, one a milestone)"
    assert {line.strip() for line in lines[21:]} == {
        cell.path for cell in study.with_needs(study.cells_of["subset_size"]) if cell.stage == "pretrain"
    }


def test_unknown_table_names_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown table or figure 'subset_sise'.*Did you mean subset_size"):
        run(["status", "subset_sise"])


def test_status_tells_done_failed_running_and_pending_apart(tmp_path, capsys):
    results = tmp_path / "results"
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"results_dir: {results}\nonly: [subset_size]\n")
    study = load_study(["config/config.yaml", overlay])
    done, failed, running = (results / cell.path for cell in study.cells_of["subset_size"][:3])
    for folder in (done, failed, running):
        folder.mkdir(parents=True)
    (done / "metrics.parquet").touch()
    (done / "run.json").touch()
    (failed / "FAILED").write_text("UserError: the loss became nan\n")
    (running / "train.jsonl").write_text('{"epoch": 3, "loss": 1.25}\n')
    run(["status", "--configfile", str(overlay)])
    output = capsys.readouterr().out
    assert "table_subset_size: 1 done, 1 running, 1 failed, 88 pending" in output
    assert "(UserError: the loss became nan)" in output
    assert "epoch 3" in output


def test_bench_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="root of the repository"):
        run(["bench", "loader"])
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/run.py").touch()
    with pytest.raises(UserError, match="make bench"):
        run(["bench"])
