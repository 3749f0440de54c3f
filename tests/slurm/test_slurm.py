"""The workflow on a real Slurm: every job through sbatch, and what befalls jobs on a cluster.

Each disturbance ends with the tensors of the undisturbed run, bit for bit, with no step trained twice and no more Slurm
jobs than it takes.
"""

from __future__ import annotations

from collections import Counter
from math import ceil

import pandas as pd
import pytest
from tensors import differing_tensors
from workflow_copy import Workflow

from slurm.case import EPOCHS, RUN, Case, untrained
from slurm.disturbances import without_node_daemon

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]  # one cluster for all files


@pytest.fixture(autouse=True, scope="module")
def started(study, disturbed):
    """All runs that can go on at the same time have begun before the first test waits for one."""


def states(case: Case) -> list[str]:
    """How Slurm's jobs of a case ended."""
    return [job["JobState"] for job in case.jobs]


def check_result(case: Case, undisturbed: Workflow) -> None:
    """The same tensors, and each epoch once."""
    assert case.epochs == list(range(1, EPOCHS + 1))
    for name in ("weights.pt", "state.pt"):
        assert differing_tensors(undisturbed.root / RUN / name, case.root / RUN / name) == []


def check_resumed(case: Case) -> None:
    """The last attempt went on at the very step at which the one before it had stopped."""
    epoch, step = case.stopped_at
    assert 1 <= epoch <= EPOCHS
    assert f"resumed at epoch {epoch}, step {step}\n" in case.log


def test_cancelled(disturbed, undisturbed):
    case = disturbed["cancelled"].result()
    assert states(case) == ["CANCELLED", "COMPLETED"]
    assert [job["TresPerNode"] for job in case.jobs] == ["gres:gpu:1"] * 2
    check_resumed(case)
    check_result(case, undisturbed)


def test_requeued(disturbed, undisturbed):
    case = disturbed["requeued"].result()
    assert states(case) == ["COMPLETED"]
    assert case.jobs[0]["Restarts"] == "1"
    check_resumed(case)
    check_result(case, undisturbed)


def test_without_controller(disturbed, undisturbed):
    case = disturbed["without_controller"].result()
    assert states(case) == ["COMPLETED", "COMPLETED"]
    check_resumed(case)
    check_result(case, undisturbed)


def test_out_of_time(disturbed, undisturbed):
    case = disturbed["out_of_time"].result()
    # On a busy machine the second attempt may run out of time as well.
    assert len(case.jobs) >= 2
    assert states(case) == ["TIMEOUT"] * (len(case.jobs) - 1) + ["COMPLETED"]
    # 0.9 minutes, and half of it more with each attempt, in full minutes.
    limits = [f"00:{ceil(0.9 * (1 + attempt) / 2):02}:00" for attempt in range(1, len(case.jobs) + 1)]
    assert [job["TimeLimit"] for job in case.jobs] == limits
    check_resumed(case)
    check_result(case, undisturbed)


def test_study(study, undisturbed):
    study.finish(seconds=400)
    table = pd.read_parquet(study.root / "results/smoke/tables/case.parquet")
    assert list(table["status"]) == ["ok"]
    jobs = {job["JobId"]: job["Comment"].removeprefix("rule_").split("_wildcards_")[0] for job in study.jobs}
    assert Counter(jobs.values()) == {
        **dict.fromkeys(("generate_videos", "listing"), 2),
        **dict.fromkeys(("store_shard", "manifest", "sample"), 1),
        "store_train_shard": 2,  # 16 videos, 8 in a shard
        **dict.fromkeys(("subset", "pretrain", "finetune"), 1),
    }
    assert set(states(study)) == {"COMPLETED"}
    for job in study.jobs:
        networks = jobs[job["JobId"]] in ("pretrain", "finetune")
        assert job["Partition"] == ("gpu" if networks else "cpu")
        assert job.get("TresPerJob") == ("gres:gpu:1" if networks else None)
        assert job["MinMemoryNode"] not in ("0", "")
        assert job["TimeLimit"] not in ("UNLIMITED", "00:30:00")  # the partition's own
    check_result(study, undisturbed)


def test_without_node_daemon(cluster, disturbed, study, undisturbed, folder):
    """Last, when nothing else runs: all jobs need the daemon."""
    for other in disturbed.values():
        other.exception()
    study.controller.wait(timeout=400)
    case = without_node_daemon(untrained(undisturbed, folder / "without_node_daemon", cluster))
    assert states(case) == ["COMPLETED"]
    assert case.jobs[0]["Restarts"] == "0"
    check_result(case, undisturbed)
