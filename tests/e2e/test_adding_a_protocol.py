"""docs/adding_a_protocol.md, taken literally: its file is written as it stands there, planned and run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from documentation import block, write_files
from workflow_copy import Workflow, copy_workflow

SMOKE = ("--configfile", "config/smoke.yaml", "mine.yaml")
TABLE = "table_means_of_classes"


@pytest.fixture(scope="module")
def workflow(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow with the protocol of the documentation, and its table."""
    copied = copy_workflow(repository, tmp_path_factory.mktemp("protocol") / "copy")
    write_files(repository, "adding_a_protocol", copied.root, "src/videossl/stages/nearest_mean.py")
    (copied.root / "mine.yaml").write_text(block(repository, "adding_a_protocol", "yaml"))
    return copied


def test_it_is_in_the_plan(workflow: Workflow) -> None:
    jobs = workflow.plan(TABLE, *SMOKE)
    assert (jobs["nearest_mean"], jobs["features"]) == (3, 3)  # two networks and the baseline
    assert jobs["pretrain"] and not jobs["finetune"]


def test_it_is_run_and_shown(workflow: Workflow) -> None:
    workflow.run(TABLE, *SMOKE, "--cores", "2", "--quiet", "rules", warm=True)
    table = pd.read_parquet(workflow.root / "results/smoke/tables/means_of_classes.parquet")
    assert set(table["task"]) == {"rotnet", "rspnet", "scratch"} and set(table["status"]) == {"ok"}
    assert table["value"].between(0, 1).all() and (table["ci_low"] <= table["value"]).all()
    text = (workflow.root / "results/smoke/tables/means_of_classes.md").read_text()
    assert "| RSPNet |" in text and "no pretraining" in text
    assert not workflow.plan(TABLE, *SMOKE)
