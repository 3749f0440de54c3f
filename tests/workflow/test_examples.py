"""The example configurations: short, valid, and what they plan."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest
from documentation import block

from videossl.report.request import write_request
from videossl.study.study import load_study

EXAMPLES = sorted((Path(__file__).parents[2] / "config/examples").glob("*.yaml"))
OWN = "config/examples/own_dataset.yaml"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_study(path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    study = load_study(["config/config.yaml", path])
    assert study.evaluations and study.pretraining


def test_own_dataset_takes_under_twenty_lines_and_touches_no_other(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for line in (repository / OWN).read_text().splitlines() if line.split("#")[0].strip()]
    assert len(lines) < 20
    monkeypatch.chdir(repository)
    study = load_study(["config/config.yaml", OWN])
    assert study.datasets == ["asl24"]
    assert list(study.entries) == ["own_dataset"]
    assert "generated" not in study.config.scale.note
    epochs = study.config.epochs_of("r2plus1d", 200)
    assert f"{epochs} epochs at this scale" in (repository / "docs/own_dataset.md").read_text()


def test_own_dataset_is_planned_and_its_absence_is_told_before_the_first_job(repository: Path, workflow) -> None:
    jobs = workflow.plan("--configfile", OWN)
    data = {"listing": 1, "store_shard": 2, "manifest": 1, "subset": 1, "sample": 1}
    assert jobs == {**data, "pretrain": 2, "finetune": 5, "table": 1, "metrics": 1, "report": 1, "all": 1}
    assert f"# the plan: {sum(jobs.values())} jobs" in (repository / "docs/own_dataset.md").read_text()
    done = workflow.run("--cores", "1", "--configfile", OWN, check=False)
    assert done.returncode != 0
    assert "no folder data/asl24 and no folder data/asl24/splits" in done.stdout
    assert "datasets.asl24.root" in done.stdout


def test_a_table_is_rendered_before_its_cells_are_there(repository: Path, workflow, monkeypatch) -> None:
    """By the command of docs/results.md, from the request that a run writes when it starts."""
    monkeypatch.chdir(workflow.root)
    write_request(load_study(["config/config.yaml"], workflow.root), "subset_size")
    command = block(repository, "results", "sh").replace("subset_size.md", "subset_size.parquet subset_size.md")
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=workflow.root, env=workflow.environment, check=True)
    table = pd.read_parquet(workflow.root / "subset_size.parquet")
    assert len(table) and set(table["status"]) == {"pending"}
