"""How earlier attempts ended, from what Slurm and the job left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from videossl.study import costs
from videossl.study.attempts import NOTHING, forget_mistake, mistake_in, past_of, slurm_logs
from videossl.study.config import Config
from videossl.study.study import load_study

OOM = [
    "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.batch. Some of your processes may have been killed"
    " by the cgroup out-of-memory handler.",
    "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks have been OOM Killed.",
    "srun: error: n1: task 0: Out Of Memory",
    "slurmstepd: error: Job 7 exceeded memory limit (700 > 600), being killed",
]
OTHER = [
    "torch.OutOfMemoryError: CUDA out of memory.",
    "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***",
    "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO PREEMPTION ***",
]
TIME = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***"
# As written by the Slurm of tests/slurm.
STEP = "slurmstepd-n1: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***"


def logs(folder: Path, *texts: str) -> Path:
    """Logs of attempts, one second after the other."""
    for number, text in enumerate(texts):
        path = folder / f"{number}.log"
        path.write_text(f"before\n{text}\nafter\n")
        os.utime(path, (100 + number, 100 + number))
    return folder


@pytest.mark.parametrize("text", OOM)
def test_an_end_for_want_of_memory_is_known(tmp_path, text):
    past = past_of(2, None, logs(tmp_path, text), 0)
    assert (past.out_of_memory, past.out_of_time) == (1, 0)


@pytest.mark.parametrize("text", OTHER)
def test_other_ends_ask_for_no_more(tmp_path, text):
    assert past_of(2, None, logs(tmp_path, text), 0) == NOTHING


def test_only_the_attempts_of_this_run_count(tmp_path):
    found = logs(tmp_path, OOM[0], TIME, f"{STEP}\n{TIME}", OTHER[0])
    assert past_of(1, None, found, 0) == NOTHING
    assert past_of(4, None, found, 0)[1:] == (0, 2)
    assert past_of(9, None, found, 0)[1:] == (1, 2)
    assert past_of(9, None, found, since=101)[1:] == (0, 2)
    assert past_of(2, None, tmp_path / "none", 0) == NOTHING


def test_a_mistake_is_told_from_other_errors(tmp_path):
    assert mistake_in(tmp_path) == ""
    for text, mistake in (
        ("UserError: the batch is too large", "the batch is too large"),
        ("DamagedFile: weights.pt is damaged", "weights.pt is damaged"),
        ("RuntimeError: CUDA error", ""),
        ("OSError: [Errno 28] No space left on device", ""),
    ):
        (tmp_path / "FAILED").write_text(f"{text}\n")
        assert mistake_in(tmp_path) == mistake
        assert past_of(2, tmp_path, tmp_path, 0).mistake == mistake
        assert past_of(1, tmp_path, tmp_path, 0).mistake == ""
        forget_mistake(tmp_path)
        assert (tmp_path / "FAILED").exists() == (not mistake)


def test_logs_are_where_the_executor_puts_them():
    found = slurm_logs(Path("logs"), "finetune", ["ucf101", "vifm/xclip"])
    assert found == Path("logs/rule_finetune/ucf101_vifm_xclip")


def test_memory_grows_at_most_twice(repository, monkeypatch):
    monkeypatch.chdir(repository)
    config: Config = load_study(["config/config.yaml"]).config
    memory = [costs.memory_mb(config, trains=True, out_of_memory=count) for count in range(5)]
    assert [value / memory[0] for value in memory] == [1, 2, 3, 3, 3]
