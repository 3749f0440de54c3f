"""docs/adding_a_task.md, taken literally: its two files are written as they stand there, planned and run."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from documentation import block, write_files
from workflow_copy import Workflow, copy_workflow

SMOKE = ("--configfile", "config/smoke.yaml", "mine.yaml")


@pytest.fixture(scope="module")
def workflow(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow with the task of the documentation, and its configuration."""
    copied = copy_workflow(repository, tmp_path_factory.mktemp("task") / "copy")
    files = ("src/videossl/pretext/arrow.py", "config/recipes/arrow.yaml")
    write_files(repository, "adding_a_task", copied.root, *files)
    own_table = block(repository, "adding_a_task", "yaml", -1)
    (copied.root / "mine.yaml").write_text(own_table + "restrict: {task: [arrow]}\n")
    return copied


def test_it_is_in_the_plan(workflow: Workflow) -> None:
    own = re.compile(r"Pretraining arrow with r2plus1d on k400 50k to milestone (\d+)")
    planned = own.findall(workflow.run("-n", "table_pretext_sanity").stdout)
    assert planned == ["200"]
    every = "compute: {milestone_jobs: every}\nrestrict: {task: [arrow]}\n"
    (workflow.root / "every.yaml").write_text(every)
    planned = own.findall(workflow.run("-n", "table_pretext_sanity", "--configfile", "every.yaml").stdout)
    assert sorted(map(int, planned)) == [50, 100, 150, 200]
    assert workflow.plan("table_arrow_or_rotation", *SMOKE)["pretrain"] == 2  # two subsets


def test_it_is_in_the_table(workflow: Workflow) -> None:
    workflow.run("table_pretext_sanity", *SMOKE, "--cores", "2", "--quiet", "rules", warm=True)
    table = pd.read_parquet(workflow.root / "results/smoke/tables/pretext_sanity.parquet")
    assert table[["task", "metric", "chance", "status"]].to_numpy().tolist() == [["arrow", "pretext_top1", 0.5, "ok"]]
    assert "| Arrow of time | R(2+1)D |" in (workflow.root / "results/smoke/tables/pretext_sanity.md").read_text()
