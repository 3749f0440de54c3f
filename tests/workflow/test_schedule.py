"""The simulated schedule beside the order in which Snakemake has run the same jobs."""

from __future__ import annotations

import json

import pytest

from videossl.cli import run_command as run
from videossl.monitor.schedule import simulate
from videossl.study.study import load_study

MINE = """
only: [mine]
experiments:
  mine:
    kind: table
    title: Two milestones
    grid: {task: rotnet, backbone: r2plus1d, source: k400, subset: 50k, epochs: [50, 100], target: ucf101}
    rows: epochs
    columns: target
compute: {gpus: 1}
"""
FILES = ("config/smoke.yaml", "mine.yaml")


@pytest.fixture
def copy(workflow, monkeypatch):
    (workflow.root / "mine.yaml").write_text(MINE)
    monkeypatch.chdir(workflow.root)
    monkeypatch.setenv("PYTHONPATH", str(workflow.root / "src"))
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.setenv("COLUMNS", "1000")  # no message is broken into lines
    return workflow


def test_the_plan_places_the_pending_jobs(copy, capsys):
    assert run(["plan", "--gpus", "2", "--gpu-type", "h100", "--configfile", *FILES]) == 0
    text = capsys.readouterr().out
    assert "On 2 GPUs (h100: 1.7e+13 FLOPs per second of each" in text and "GPUs " in text and "% busy" in text
    rows = {line.split()[0]: line.split() for line in text.partition("On 2 GPUs")[2].splitlines() if line}
    assert (rows["pretrain"][1], rows["finetune"][1]) == ("2", "3")
    assert (rows["pretrain"][5], rows["finetune"][5]) == ("14", "18")  # files, as docs/scale.md counts them
    with pytest.raises(SystemExit):
        run(["plan", "--gpus", "0"])


def test_what_has_run_one_after_the_other_is_in_an_order_of_the_schedule(copy):
    copy.run("--cores", "1", "--configfile", *FILES, warm=True)
    study = load_study(["config/config.yaml", *FILES], copy.root)
    ended, hours = {}, {}
    for cell in study.all_cells:
        record = study.results / cell.path / "run.json"
        ended[cell] = record.stat().st_mtime
        hours[cell] = json.loads(record.read_text())["wall_seconds"] / 3600
    found = simulate(study, study.all_cells, hours, 1)
    real = sorted(ended, key=ended.__getitem__)
    planned = [job.cell for job in found.jobs]
    assert set(real) == set(planned) and len(real) == 5
    for order in (real, planned):
        place = {cell: number for number, cell in enumerate(order)}
        for cell in order:
            assert all(place[need] < place[cell] for need in study.dependencies(cell))
    # One after the other, so the schedule has no gaps; Snakemake needs time between jobs.
    assert found.busy == pytest.approx(1)
    assert found.hours <= (max(ended.values()) - min(ended.values())) / 3600 + hours[real[0]]
    longest = [cell for cell in planned if cell.stage == "pretrain"]
    assert planned[0] == longest[0]  # the chain of both milestones and a finetuning
