"""`videossl plan` asks Snakemake."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from workflow_copy import jobs_of

from videossl.cli import run_command as run
from videossl.common.errors import UserError
from videossl.monitor.pending import pending_jobs
from videossl.study.study import load_study


@pytest.fixture
def copy(workflow, monkeypatch):
    monkeypatch.chdir(workflow.root)
    monkeypatch.setenv("PYTHONPATH", str(workflow.root / "src"))
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.setenv("COLUMNS", "1000")  # no message is broken into lines
    return workflow


def test_the_pending_cells_are_those_of_the_dry_run(copy, capsys):
    study = load_study(["config/config.yaml", "config/smoke.yaml"])
    needed = study.with_dependencies(study.cells_of["training_time"])
    arguments = ("--configfile", "config/smoke.yaml")
    assert run(["plan", "training_time", "--format", "json", *arguments]) == 0
    records = json.loads(capsys.readouterr().out)
    assert {record["path"] for record in records} == {cell.path for cell in needed}
    assert sum(record["on_critical_path"] for record in records) == 5
    assert all(record["hours"] > 0 and record["estimated_from"] == "FLOPs" for record in records)

    run(["plan", "table_training_time", *arguments])
    text = capsys.readouterr().out
    jobs = copy.plan("table_training_time", *arguments)
    assert f"all cells  {jobs['pretrain'] + jobs['finetune']:>4}" in text
    assert f"{jobs['store_shard']} store_shard" in text and "1 table" in text
    assert "Critical path: 5 jobs one after the other" in text


def test_models_without_weights_are_in_the_plan(copy, capsys):
    arguments = ("--configfile", "config/paper.yaml")
    assert run(["plan", "vifm_zero_shot", "--format", "json", *arguments]) == 0
    records = json.loads(capsys.readouterr().out)
    assert sorted(record["stage"] for record in records) == ["vifm"] * 5 + ["zero_shot"] * 10
    assert {record["state"] for record in records} == {"pending: weights not provided"}
    assert {record["hours"] for record in records} == {None}

    run(["plan", "table_vifm_distill_pairs", "--cells", *arguments])
    text = capsys.readouterr().out
    assert text.count("  pending: weights not provided\n") == 20
    assert "20 jobs cannot be run here, pending: weights not provided" in text
    assert "all cells     5" in text  # those that can be run


def test_what_is_done_is_not_pending(copy, capsys):
    target = "results/smoke/pretrain/k400/50k/rotnet/r2plus1d/seed0/epochs50/weights.pt"
    copy.run(target, "--configfile", "config/smoke.yaml", "--cores", "2", "--quiet", warm=True)
    run(["plan", target, "--configfile", "config/smoke.yaml"])
    assert "Nothing is pending." in capsys.readouterr().out

    further = target.replace("epochs50", "epochs100")
    run(["plan", further, "--configfile", "config/smoke.yaml", "--format", "csv"])
    records = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [record["epochs"] for record in records] == ["100"]
    assert records[0]["estimated_from"] == "measured"


PRETRAINED = Path("results/smoke/pretrain/k400/50k/rotnet/r2plus1d/seed0/epochs50/weights.pt")
CHANGED = "recipe_overrides:\n  rotnet: {optimizer: {weight_decay: 0.5}}\n"


def same_as_the_dry_run(copy, *configfiles):
    """The run folders of the pending cells, once the plan agrees with `snakemake --dry-run` on them and all others."""
    target = "table_training_time"
    study = load_study(["config/config.yaml", *configfiles])
    pending = pending_jobs(study, [target], configfiles)
    printed = copy.run(target, "--dry-run", "--printshellcmds", "--configfile", *configfiles).stdout
    folders = {f"{study.config.results_dir}/{cell.path}" for cell in pending.cells}
    assert folders == set(re.findall(r"--folder (\S+)", printed))
    counts = Counter(cell.stage for cell in pending.cells) + Counter(pending.others)
    assert counts == {rule: number for rule, number in jobs_of(printed).items() if rule != target}
    assert folders  # the finetunings at least
    return folders


def test_the_plan_is_snakemakes_in_every_state(copy):
    smoke, folder = "config/smoke.yaml", str(PRETRAINED.parent)
    nothing_done = same_as_the_dry_run(copy, smoke)
    assert folder in nothing_done

    copy.run(str(PRETRAINED), "--configfile", smoke, "--cores", "2", "--quiet", warm=True)
    half_done = same_as_the_dry_run(copy, smoke)
    assert nothing_done - half_done == {folder}

    Path("changed.yaml").write_text(CHANGED)
    assert folder in same_as_the_dry_run(copy, smoke, "changed.yaml")

    shutil.rmtree(".snakemake")  # as in a copy on another machine: the runs' own records decide
    assert same_as_the_dry_run(copy, smoke) == half_done
    assert folder in same_as_the_dry_run(copy, smoke, "changed.yaml")

    with PRETRAINED.open("ab") as file:  # damaged: marked as incomplete
        file.write(b"more")
    assert same_as_the_dry_run(copy, smoke) == nothing_done


def test_what_snakemake_refuses_is_told_in_its_words(copy):
    with pytest.raises(UserError, match="no table or figure needs the cell pretrain/k400/100k/rotnet"):
        run(["plan", "results/pretrain/k400/100k/rotnet/r2plus1d/seed0/epochs200/weights.pt"])
