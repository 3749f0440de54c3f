"""The workflow run from other folders, from a checkout that cannot be written, and from one with an odd path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_copy import Workflow, copy_workflow, jobs_of

TARGET = "table_training_time"
CELLS = {"pretrain": 2, "finetune": 5, "table": 1, TARGET: 1}
DATA = "results/smoke/data/k400/listing.parquet"
SMOKE = ("--configfile", "smoke.yaml")
WITHOUT_POWERS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all")
"""Root without its power to write where it may not."""


@pytest.fixture
def desk(repository: Path, tmp_path: Path) -> Path:
    """A folder of the user's, with overlays."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "mine.yaml").write_text("results_dir: out\nrestrict: {task: [rotnet]}\n")
    shutil.copy(repository / "config/smoke.yaml", folder)
    return folder


def cells(jobs: dict[str, int]) -> dict[str, int]:
    """What is trained and shown, of a plan."""
    return {rule: jobs[rule] for rule in CELLS}


def videossl(workflow: Workflow, folder: Path, *arguments: str, starter: tuple[str, ...] = ()) -> str:
    """What the command prints in `folder`."""
    if not starter:
        return workflow.command("videossl.cli", *arguments, folder=folder).stdout
    command = [*starter, sys.executable, "-m", "videossl.cli", *arguments]
    done = subprocess.run(command, cwd=folder, env=workflow.environment, text=True, capture_output=True)
    return done.stdout + done.stderr


def in_a_line(said: str) -> str:
    """What a command says, without its line breaks, which depend on the length of paths."""
    return " ".join(said.split())


def test_every_form_of_call_plans_the_same(workflow, desk):
    snakefile = ("--snakefile", str(workflow.root / "Snakefile"))
    relative = ("-s", os.path.relpath(snakefile[1], desk))
    mine = ("--configfile", "mine.yaml")
    for folder, *arguments in (
        (desk, TARGET, *snakefile, *mine),
        (desk, TARGET, *relative, *mine, "--directory", "../third"),
        (workflow.root, TARGET, "--directory", str(desk), "--configfile", str(desk / "mine.yaml")),
    ):
        assert cells(workflow.plan(*arguments, folder=folder)) == CELLS, arguments
    last = workflow.run(*snakefile, "-n", "--quiet", "rules", *mine, "--", TARGET, folder=desk)
    assert cells(jobs_of(last.stdout)) == CELLS
    assert workflow.plan(TARGET, "--directory", str(desk)) == workflow.plan(TARGET)
    profile = ("--profile", str(workflow.root / "slurm"))
    assert workflow.plan(TARGET, *snakefile, *profile, folder=desk) == workflow.plan(TARGET, "--profile", "slurm")


def test_the_commands_work_in_any_folder(workflow, desk):
    plan = videossl(workflow, desk, "plan", "training_time", "--configfile", "mine.yaml")
    assert "Critical path: 3 jobs" in plan
    elsewhere = ("--directory", str(desk), "--configfile", str(desk / "mine.yaml"))
    assert videossl(workflow, Path("/"), "plan", "training_time", *elsewhere) == plan
    assert "7 pending" in videossl(workflow, Path("/"), "status", "training_time", *elsewhere)


def read_only(workflow: Workflow) -> tuple[str, ...]:
    """Make the checkout of `workflow` read-only; returns what starts a command that heeds it."""
    root = os.geteuid() == 0
    if root and not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and there is no setpriv to take that away")
    for folder, _, files in os.walk(workflow.root, topdown=False):
        for path in [Path(folder), *(Path(folder) / name for name in files)]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
    return WITHOUT_POWERS if root else ()


@pytest.fixture
def locked(workflow: Workflow):
    """What starts commands that cannot write the checkout; it can be removed afterwards."""
    (workflow.root / ".cache").mkdir()
    starter = read_only(workflow)
    (workflow.root / ".cache").chmod(0o755)
    yield starter
    subprocess.run(["chmod", "-R", "u+w", workflow.root], check=True)


def test_a_read_only_checkout_works_from_another_folder(workflow, desk, locked):
    snakefile, before = str(workflow.root / "Snakefile"), set(workflow.root.rglob("*.pyc"))
    done = workflow.run(DATA, "-s", snakefile, *SMOKE, "--cores", "1", folder=desk, starter=locked)
    assert (desk / DATA).is_file() and "Traceback" not in done.stdout
    assert set(workflow.root.rglob("*.pyc")) == before
    again = workflow.run(DATA, "-s", snakefile, *SMOKE, "-n", "--quiet", "rules", folder=desk, starter=locked)
    assert not jobs_of(again.stdout)
    doctor = in_a_line(videossl(workflow, desk, "doctor", *SMOKE, starter=locked))
    assert f"working folder: {desk} can be written" in doctor and "MISSING working folder" not in doctor


def test_in_a_read_only_checkout_one_sentence_says_what_to_do(workflow, desk, locked):
    said = f"working folder: {workflow.root} cannot be written (Permission denied)"
    for arguments in (("-n",), ("--cores", "1")):
        done = workflow.run(DATA, *arguments, check=False, starter=locked)
        assert done.returncode and "Traceback" not in done.stdout
        assert said in done.stdout and f"`snakemake --snakefile {workflow.root}/Snakefile`" in done.stdout
    doctor = in_a_line(videossl(workflow, workflow.root, "doctor", starter=locked))
    assert f"MISSING {said}" in doctor and "MISSING results: results cannot be written" in doctor


def test_odd_letters_in_the_path_of_the_checkout(repository, desk, tmp_path):
    odd = copy_workflow(repository, tmp_path / 'it\'s a "clone" $HOME é [1]')
    odd.run(DATA, "-s", str(odd.root / "Snakefile"), *SMOKE, "--cores", "1", folder=desk)
    assert (desk / DATA).is_file()
    assert not odd.plan(DATA, "-s", str(odd.root / "Snakefile"), *SMOKE, folder=desk)
    table = "results/smoke/networks/c3d/metrics.parquet"
    odd.run(table, "--configfile", "config/smoke.yaml", "--cores", "1")
    assert (odd.root / table).is_file()

    braces = copy_workflow(repository, tmp_path / "a {clone}")
    done = braces.run("-n", check=False)
    assert "has a brace in its path, which Snakemake takes for a wildcard: rename" in done.stdout
    assert "Traceback" not in done.stdout


def test_mistakes_in_overlays_are_one_message(workflow):
    (workflow.root / "bad.yaml").write_text("subsets:\n  10k: [4\ncompute: {}\n")
    done = workflow.run("-n", "--configfile", "bad.yaml", check=False)
    (message,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert "bad.yaml is not valid YAML: line 3, column 8: expected ',' or ']', but got ':'" in message
    assert len(done.stdout.splitlines()) < 4
    done = workflow.run("-n", "--configfile", "config/smoke.yaml", TARGET, check=False)
    assert "name targets before it" in done.stdout and "Traceback" not in done.stdout
