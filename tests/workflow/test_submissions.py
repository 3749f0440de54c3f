"""What jobs ask Slurm for: the very lines that the executor builds."""

from __future__ import annotations

import os
import time

import pytest
from submissions import Submission, submissions
from workflow_copy import Workflow, copy_workflow

MINE = """
only: [mine]
experiments:
  mine:
    kind: table
    title: Three tasks
    grid: {task: [rotnet, rspnet, prp], backbone: r2plus1d, source: k400, subset: 50k, epochs: 50, target: ucf101}
    rows: task
    columns: target
    baseline: false
subsets: {10k: 8, 30k: 8, 50k: 8, 100k: 8}
recipe_overrides: {all: {batch_size: 8}}
finetune: {batch_size: 8}
compute:
  {gpus: 1, threads: 2, workers: 1, memory: {cache: 500}, parallel: {rotnet: {gpus: 4, nodes: 2}, rspnet: {gpus: 4}}}
"""
SITE = """
cluster:
  {account: lab, cpu_partition: short, gpu_partition: gpu, gpu_model: a100, gpus_by: gpus, longest_minutes: 45}
"""
FILES = ("--configfile", "config/smoke.yaml", "mine.yaml")
FOLDER = "pretrain/k400/50k/{}/r2plus1d/seed0/epochs50"


@pytest.fixture(scope="module")
def copy(repository, tmp_path_factory) -> Workflow:
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("submissions") / "copy")
    (workflow.root / "mine.yaml").write_text(MINE)
    (workflow.root / "profiles/slurm/site.yaml").write_text(SITE)
    return workflow


@pytest.fixture(scope="module")
def first(copy) -> list[Submission]:
    """The first attempts of all jobs."""
    return submissions(copy, *FILES)


def pretraining(found: list[Submission], task: str) -> Submission:
    (one,) = [one for one in found if one.name == "pretrain" and one.wildcards["variant"] == task]
    return one


def of_devices(one: Submission) -> dict[str, str]:
    names = ("--nodes", "--ntasks", "--ntasks-per-node", "--ntasks-per-gpu", "--gpus", "--gres", "--cpus-per-task")
    return {name: value for name, value in one.options.items() if name in names}


def test_several_nodes_are_one_consistent_line(first):
    asked = of_devices(pretraining(first, "rotnet"))
    # Two threads for each of four processes on a node.
    assert asked == {"--nodes": "2", "--ntasks": "2", "--gres": "gpu:a100:4", "--cpus-per-task": "8"}


def test_several_gpus_are_on_one_node(first):
    asked = of_devices(pretraining(first, "rspnet"))
    assert asked == {"--nodes": "1", "--gpus": "a100:4", "--cpus-per-task": "8"}


def test_one_gpu_and_none(first):
    assert of_devices(pretraining(first, "prp")) == {"--gpus": "a100:1", "--cpus-per-task": "2"}
    for one in first:
        if one.name not in ("pretrain", "finetune"):
            assert of_devices(one) == {"--ntasks": "1", "--cpus-per-task": "1"}, one.name


def test_what_snakemake_itself_makes_is_not_submitted(first):
    assert not {"table", "figure", "claims", "metrics", "report"} & {one.name for one in first}


def test_the_site_is_in_every_line(first):
    assert {one.name for one in first} >= {"listing", "store_shard", "store_train_shard", "subset", "finetune"}
    for one in first:
        networks = one.name in ("pretrain", "finetune")
        assert one.options["-A"] == "lab" and one.options["-p"] == ("gpu" if networks else "short"), one.line
        assert "--requeue" in one.options and one.options["--signal"] == "URG@120"
        assert 0 < int(one.options["-t"]) <= 45  # limits.other_minutes is 60


def test_memory_is_what_the_processes_hold_and_the_frames_that_they_read(first):
    one, four = (int(pretraining(first, task).options["--mem"]) for task in ("prp", "rspnet"))
    assert four - one == 3 * (4000 + 2000)  # per node
    assert 6000 < one <= 6000 + 500
    assert {one.options["--mem"] for one in first if one.name not in ("pretrain", "finetune")} == {"4000"}


def test_another_attempt_asks_for_more_only_of_what_was_too_little(copy, first):
    logs = copy.root / ".snakemake/slurm_logs/rule_pretrain"
    texts = {
        "prp": "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks have been killed.",
        "rspnet": "slurmstepd: error: *** STEP 8.0 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***",
    }
    for task, text in texts.items():
        log = logs / f"k400_50k_{task}_r2plus1d_0_50/7.log"
        log.parent.mkdir(parents=True)
        log.write_text(f"{text}\n")
        os.utime(log, (time.time() + 600,) * 2)  # as if it had ended after Snakemake's start
    marker = copy.root / "results/smoke" / FOLDER.format("rotnet") / "FAILED"
    marker.parent.mkdir(parents=True)
    marker.write_text("UserError: the learning rate is too high\n")
    try:
        second = submissions(copy, *FILES, attempt=2)
    finally:
        marker.unlink()
    limits = {task: [int(pretraining(found, task).options["-t"]) for found in (first, second)] for task in texts}
    memory = {task: [int(pretraining(found, task).options["--mem"]) for found in (first, second)] for task in texts}
    assert memory["prp"][1] - memory["prp"][0] == 6000 and limits["prp"][0] == limits["prp"][1]
    assert memory["rspnet"][0] == memory["rspnet"][1] and limits["rspnet"][0] < limits["rspnet"][1]
    mistaken = pretraining(second, "rotnet")  # which would have 2 nodes with 4 GPUs each
    assert of_devices(mistaken) == {"--ntasks": "1", "--cpus-per-task": "1"}
    assert (mistaken.options["-p"], mistaken.options["-t"]) == ("short", "10")


def test_a_part_of_a_gpu_and_gpus_by_gres(copy):
    (copy.root / "gres.yaml").write_text(
        "cluster: {gpus_by: gres, share: {r2plus1d: 'shard:1'}}\ncompute: {parallel: {prp: {gpus: 2}}}\n"
    )
    found = submissions(copy, *FILES, "gres.yaml")
    assert of_devices(pretraining(found, "rspnet")) | {"--cpus-per-task": ""} == {
        "--nodes": "1", "--gres": "gpu:a100:4", "--cpus-per-task": ""
    }  # fmt: skip
    assert pretraining(found, "prp").options["--gres"] == "gpu:a100:2"
    (asked,) = {one.options["--gres"] for one in found if one.name == "finetune"}
    assert asked == "shard:1"


def test_a_group_of_jobs_shares_one_gpu(copy):
    (copy.root / "gres.yaml").write_text("cluster: {gpus_by: gres}\n")
    group = ("--groups", "finetune=small", "--group-components", "small=3")
    (found,) = [one for one in submissions(copy, *FILES, "gres.yaml", *group) if one.jobs > 1]
    assert found.jobs == 3
    assert of_devices(found) == {"--gres": "gpu:a100:1", "--cpus-per-task": "6"}
    assert int(found.options["--mem"]) > 3 * 6000 and found.options["-p"] == "gpu"
