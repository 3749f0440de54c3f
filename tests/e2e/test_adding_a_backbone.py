"""docs/adding_a_backbone.md, taken literally: its files are written as they stand there, planned, run and tested."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from documentation import block, write_files
from workflow_copy import Workflow, copy_workflow

PAGE = "adding_a_backbone"
NETWORKS_TEST, TASKS_TEST = "tests/backbones/test_backbones.py", "tests/pretext/test_tasks.py"
TABLE = "table_channel_separation"
DATA = {
    **{"generate_videos": 2, "listing": 2, "store_shard": 1, "manifest": 1},
    **{"store_train_shard": 2, "subset": 1, "sample": 1},
}


@pytest.fixture(scope="module")
def workflow(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow with the backbone of the documentation, and its configuration."""
    copied = copy_workflow(repository, tmp_path_factory.mktemp("backbone") / "copy")
    write_files(repository, PAGE, copied.root, "src/videossl/backbones/csn.py", "mine.yaml")
    (copied.root / "own.yaml").write_text("restrict: {backbone: [csn]}\n")
    return copied


def run_python(workflow: Workflow, *arguments: str) -> str:
    """What `python` prints in the copy; it must succeed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=workflow.root, env=workflow.environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_plan_is_that_of_the_page(repository: Path, workflow: Workflow) -> None:
    commands = block(repository, PAGE, "bash", 1)
    assert f"snakemake -n {TABLE} --configfile mine.yaml " in commands
    jobs = workflow.plan(TABLE, "--configfile", "mine.yaml")
    assert jobs == {**DATA, "pretrain": 6, "finetune": 10, "table": 1, TABLE: 1}
    page = (repository / f"docs/{PAGE}.md").read_text()
    assert int(re.search(r"# the plan: (\d+) jobs", commands)[1]) == jobs.total()
    assert f"Of the {jobs.total()} jobs, {sum(DATA.values())} make, list and store" in page
    own = workflow.plan(TABLE, "--configfile", "mine.yaml", "own.yaml")
    assert own == {**DATA, "pretrain": 2, "finetune": 5, "table": 1, TABLE: 1}


def test_its_cost_is_counted(repository: Path, workflow: Workflow) -> None:
    command, row = re.search(r"python (.*?) +# .*: (.*)", block(repository, PAGE, "bash")).groups()
    run_python(workflow, *command.split())
    table = "src/videossl/backbones/gflops.csv"
    before = (repository / table).read_text().splitlines()
    assert sorted((workflow.root / table).read_text().splitlines()) == sorted([*before, row])


def test_the_tests_take_it_up(repository: Path, workflow: Workflow) -> None:
    """The page's own test among them, and the line that one of the others needs."""
    for room in ("backbones", "pretext"):
        (workflow.root / "tests" / room).mkdir(parents=True)
    rate, own_test = (block(repository, PAGE, "python", number) for number in (1, 2))
    path = Path(shutil.copy(repository / NETWORKS_TEST, workflow.root / NETWORKS_TEST))
    path.write_text(f"{path.read_text()}\n\n{own_test}")
    path = Path(shutil.copy(repository / TASKS_TEST, workflow.root / TASKS_TEST))
    path.write_text(path.read_text().replace("RATES = {", f"RATES = {{\n{rate}", 1))
    chosen = "csn and (test_backbones or tdl)"
    said = run_python(workflow, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests", "-k", chosen)
    passed = re.findall(r"::(\w+)(?:\[(.*)\])? PASSED", said)
    assert ("test_csn_of_152_layers_is_the_published_one", "") in passed
    assert ("test_gradient_reaches_every_parameter", "csn") in passed
    assert ("test_loss_falls", "tdl-csn") in passed
    assert ("test_a_restored_training_goes_on_bit_for_bit", "tdl-csn") in passed


def test_it_runs_from_videos_to_the_table(workflow: Workflow) -> None:
    overlays = ("config/smoke.yaml", "mine.yaml", "own.yaml")
    (workflow.root / "own.yaml").write_text("restrict: {backbone: [csn], task: [rotnet]}\n")
    workflow.run(TABLE, "--configfile", *overlays, "--cores", "2", "--quiet", "rules", warm=True)
    results = workflow.root / "results/smoke"
    table = pd.read_parquet(results / "tables/channel_separation.parquet")
    assert set(table["backbone"]) == {"csn"} and set(table["status"]) == {"ok"}
    assert set(table["label"]) == {"RotNet, ir-CSN", "no pretraining, ir-CSN"}
    assert set(table["task"]) == {"scratch", "rotnet"}
    assert len(list((results / "pretrain/k400/50k/rotnet/csn").rglob("weights.pt"))) == 1
