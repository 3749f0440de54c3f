"""Training jobs with several processes: what starts them, and that their number is no part of a recipe."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

RUN = "results/smoke/pretrain/k400/50k/rotnet/r2plus1d/seed0/epochs50"
SMOKE = ("--configfile", "config/smoke.yaml")


def test_a_job_with_two_processes_and_a_plan_that_does_not_depend_on_them(workflow):
    (workflow.root / "two.yaml").write_text("compute: {processes: 2, threads: 1}\n")
    two = (*SMOKE, "two.yaml")
    workflow.run(f"{RUN}/weights.pt", *two, "--cores", "2", warm=True)
    run = (workflow.root / RUN / "run.json").read_text()
    assert '"processes": 2' in run
    assert not workflow.plan(f"{RUN}/weights.pt", *SMOKE)  # nothing to be done
    assert not workflow.plan(f"{RUN}/weights.pt", *two)


SHARED = """
subsets: {10k: 8, 30k: 8, 50k: 8, 100k: 8}
recipe_overrides: {all: {batch_size: 8}}
finetune: {batch_size: 8}
"""
"""Batches that eight processes can share."""
PROCESSES = "python processes.py --standalone --nproc-per-node"


def commands(workflow, text: str, *targets: str) -> set[str]:
    """What starts the scripts of a dry-run, with the script's name."""
    (workflow.root / "mine.yaml").write_text(text + SHARED)
    output = workflow.run("-n", "-p", *targets, *SMOKE, "mine.yaml").stdout
    lines = [line.partition("Shell command:")[2] for line in output.splitlines() if "Shell command:" in line]
    return {
        " ".join(part.rpartition("/")[2] for part in line.split(" --spec")[0].split())
        for line in lines
        if "run_stage.py pretrain" in line or "run_stage.py finetune" in line
    }


@pytest.mark.parametrize(
    ("text", "pretrain", "finetune"),
    [
        ("compute: {gpus: 1}", "python", "python"),
        ("compute: {gpus: 4}", f"{PROCESSES} 4", f"{PROCESSES} 4"),
        ("compute: {parallel: {rotnet: {gpus: 2}}}", f"{PROCESSES} 2", "python"),
        ("compute: {gpus: 1, parallel: {finetune: {gpus: 2}}}", "python", f"{PROCESSES} 2"),
        ("compute: {gpus: 4, nodes: 2, threads: 3}", "bash on_nodes.sh 2 4 12", "bash on_nodes.sh 2 4 12"),
    ],
)
def test_what_starts_a_training(workflow, text, pretrain, finetune):
    target = "results/smoke/finetune/ucf101/k400/50k/rotnet/r2plus1d/seed0/epochs200/metrics.parquet"
    found = commands(workflow, text, target)
    assert found == {f"{pretrain} run_stage.py pretrain", f"{finetune} run_stage.py finetune"}


def test_unknown_kinds_of_jobs_are_named(workflow):
    (workflow.root / "mine.yaml").write_text("compute: {parallel: {rotnett: {gpus: 2}}}\n")
    done = workflow.run("-n", *SMOKE, "mine.yaml", check=False)
    assert "unknown kind of job 'rotnett' in compute.parallel. Did you mean rotnet" in done.stdout


def run_on_nodes(repository: Path, tmp_path: Path, hosts: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """`on_nodes.sh` for two nodes with commands that stand for Slurm's, in a job of `hosts` nodes."""
    names = " ".join(f"gpu{number}" for number in range(hosts))
    for name, text in (
        ("squeue", "echo 'gpu[0-9]'"),
        ("scontrol", f'[ "$*" = "show hostnames gpu[0-9]" ]; printf "%s\\n" {names}'),
        ("srun", 'echo "srun $*"'),
    ):
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\nset -e\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return subprocess.run(
        ["bash", repository / "workflow/scripts/on_nodes.sh", "2", "4", "12", "script.py", "--recipe", '{"a": "b c"}'],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
    )


def test_several_nodes_meet_at_the_first(repository, tmp_path):
    done = run_on_nodes(repository, tmp_path, 2, SLURM_JOB_ID="20017")
    assert done.returncode == 0, done.stderr
    expected = (
        "srun --nodes 2 --ntasks 2 --ntasks-per-node 1 --cpus-per-task 12 --kill-on-bad-exit=1 python"
        f" {repository}/workflow/scripts/processes.py --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d"
        " --rdzv-id 20017 --rdzv-endpoint gpu0:20017 script.py --recipe"
        ' {"a": "b c"}'
    )
    assert done.stdout.strip() == expected


def test_a_job_of_another_size_is_refused(repository, tmp_path):
    done = run_on_nodes(repository, tmp_path, 1, SLURM_JOB_ID="20017")
    assert done.returncode == 2 and "compute.nodes is 2, and Slurm job 20017 has 1" in done.stderr
    done = run_on_nodes(repository, tmp_path, 2)
    assert done.returncode == 2 and "this is no Slurm job" in done.stderr
