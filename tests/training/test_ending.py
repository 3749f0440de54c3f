"""A job that fails ends, whatever its workers and threads do: with a message, a checkpoint and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from runs import start, wait_for
from tiny import make_study
from warm import shared

from videossl.common.progress import NOTE
from videossl.stages.registry import stages
from videossl.study.study import Study
from videossl.training.checkpoint import load_torch
from videossl.training.interrupt import EXIT_INTERRUPTED

SICK = Path(__file__).parents[1] / "helpers/sick_job.py"
TORCHRUN = (Path(sys.executable).with_name("torchrun"), "--standalone", "--nproc-per-node", "2")
PROGRAMS = Path(__file__).parents[2] / "workflow/warm"
WARM = (sys.executable, "-SE", PROGRAMS / "client.py")
ENDS = 60.0
"""Seconds that stand for "ends": the jobs take some, mostly for their start."""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Five epochs of three steps."""
    return make_study(tmp_path_factory.mktemp("study"))


@dataclass
class Job:
    """A pretraining with three workers and something wrong in it."""

    study: Study
    source: object
    folder: Path
    started: list[subprocess.Popen] = field(default_factory=list)

    def start(self, sicknesses: str, workers: int = 3, *, warm: bool = False, **changes) -> subprocess.Popen:
        """`warm`: in a fork of a warm interpreter, which saves its start."""
        if warm:
            changes |= {"launcher": WARM, "environment": warm_environment()}
        (self.folder / "pids").mkdir(exist_ok=True)
        launcher = (*changes.pop("launcher", (sys.executable,)), SICK, sicknesses, self.folder / "pids")
        process = start(
            self.study, "rspnet", self.source, self.folder / "run", workers=workers, launcher=launcher, **changes
        )
        self.started.append(process)
        return process

    def workers(self) -> list[int]:
        """Process numbers of all workers that were started."""
        return [int(path.name) for path in (self.folder / "pids").iterdir()]

    def ended(self, process: subprocess.Popen) -> str:
        """What it said; fails unless it, and all its workers, end."""
        output, _ = process.communicate(timeout=ENDS)
        until = time.monotonic() + ENDS
        while alive := [number for number in self.workers() if living(number)]:
            assert time.monotonic() < until, f"workers {alive} outlive the job"
            time.sleep(0.05)
        return output

    def noted(self) -> str:
        """The reason in the run folder."""
        return (self.folder / "run/FAILED").read_text()

    def steps(self) -> int:
        """Steps of the checkpoint."""
        state = load_torch(self.folder / "run/checkpoint.pt")
        return 3 * state["epoch"] + state["step_in_epoch"]


@cache
def warm_environment() -> dict[str, str]:
    """Where jobs find a warm interpreter that has started: its own start takes none of their time."""
    environment = {**os.environ, **shared()}
    subprocess.run([*WARM, os.devnull], env=environment, check=True)
    return environment


def living(number: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def job(study, source, tmp_path) -> Job:
    made = Job(study, source, tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    for number in made.workers():
        if living(number):
            os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("also", ["", "+workers_hang", "+thread_goes_on+exit_hangs"])
def test_an_error_in_a_step_ends_the_job(job, also):
    process = job.start(f"step_fails{also}")
    output = job.ended(process)
    assert process.returncode == 1 and "RuntimeError: CUDA out of memory" in output
    assert job.noted() == "RuntimeError: CUDA out of memory.\n" and job.steps() == 7
    assert len(job.workers()) == 3


@pytest.mark.parametrize(
    ("sickness", "code", "reason"),
    [
        ("worker_raises", 1, "ValueError: in two lines\n"),
        ("worker_tells", 2, "UserError: the shard is damaged; make it again\n"),
        ("worker_is_killed", 2, "UserError: a loader worker was killed"),
        ("worker_has_no_memory", 2, "UserError: a loader worker ran out of shared memory (/dev/shm)"),
        ("worker_exits", 2, "UserError: a loader worker was killed"),
        ("worker_has_no_files", 2, "UserError: a loader worker was killed"),
    ],
)
def test_an_error_in_a_worker_ends_the_job_with_the_last_state_saved(job, sickness, code, reason):
    """In the first epoch, when nothing else would have saved one: six steps, of two workers' batches by turns."""
    alone = sickness in ("worker_raises", "worker_is_killed")
    process = job.start(sickness, workers=2, warm=not alone, batch_size=2, checkpoint_minutes=1000)
    output = job.ended(process)
    assert process.returncode == code and job.noted().startswith(reason), output
    assert ("Traceback" in output) == (code == 1) or sickness == "worker_has_no_files"  # one of Python's own threads
    assert job.steps() == 4 if "raises" in sickness or "tells" in sickness else job.steps() <= 4


def test_an_error_after_the_training_ends_the_job(job):
    process = job.start("evaluation_fails+thread_goes_on", batch_size=4)
    output = job.ended(process)
    assert process.returncode == 1 and job.noted() == "RuntimeError: the test failed\n", output
    assert job.steps() == 15 and len(job.workers()) > 3  # those of the evaluation too


def test_a_full_disk_at_the_very_end(job):
    process = job.start("writing_fails+exit_hangs")
    output = job.ended(process)
    assert process.returncode == 2 and "error: No space left on device: run.json" in output and job.steps() == 15


def test_a_job_that_succeeds_waits_for_nothing(job):
    process = job.start("thread_goes_on+exit_hangs")
    output = job.ended(process)
    assert process.returncode == 0 and (job.folder / "run/run.json").exists(), output


@pytest.mark.parametrize(
    ("sickness", "number"),
    [("", signal.SIGINT), ("workers_hang", signal.SIGTERM), ("thread_goes_on+exit_hangs", signal.SIGTERM)],
)
def test_a_signal_to_all_processes_saves_a_checkpoint(job, sickness, number):
    """Twice, as by an impatient user; also while the training waits for workers that have gone silent."""
    process = job.start(sickness, epochs=300, stop=300)
    least = 9 if sickness == "workers_hang" else 1  # where the training waits in vain
    wait_for(process, lambda: (job.folder / "run/checkpoint.pt").exists() and job.steps() >= least)
    for _ in range(2):
        os.killpg(process.pid, number)
    output = job.ended(process)
    assert process.returncode == EXIT_INTERRUPTED and "Traceback" not in output, output
    assert not (job.folder / "run/FAILED").exists() and job.steps() >= least


def test_workers_end_with_a_job_that_is_killed(job):
    process = job.start("workers_hang", epochs=300, stop=300)
    wait_for(process, lambda: (job.folder / "run/checkpoint.pt").exists() and job.steps() == 9)
    process.kill()  # this process alone
    job.ended(process)
    assert process.returncode == -signal.SIGKILL and len(job.workers()) == 3


@pytest.mark.parametrize("sickness", ["second_process_fails", "second_process_is_killed+workers_hang"])
def test_when_one_of_several_processes_fails_all_end(job, sickness):
    process = job.start(sickness, launcher=TORCHRUN)
    output = job.ended(process)
    assert process.returncode and len(job.workers()) == 6, output
    assert job.noted() == "RuntimeError: CUDA out of memory.\n" if "fails" in sickness else job.noted()


def test_an_error_in_a_fork_of_the_warm_interpreter_ends_the_job(job):
    process = job.start("step_fails+workers_hang+thread_goes_on+exit_hangs", warm=True)
    output = job.ended(process)
    assert process.returncode == 1 and "RuntimeError: CUDA out of memory" in output and job.steps() == 7


def test_a_fork_of_the_warm_interpreter_that_is_killed_is_missed(job):
    process = job.start("workers_hang", warm=True)
    wait_for(process, lambda: (job.folder / "run/checkpoint.pt").exists() and job.steps() == 9)
    os.kill(json.loads((job.folder / "run" / NOTE).read_text())["pid"], signal.SIGKILL)
    job.ended(process)
    assert process.returncode == 137


def test_every_job_with_a_loader_ends_this_way(repository):
    """One script runs all that have one."""
    assert "run_and_end(lambda: run(arguments))" in (repository / "workflow/scripts/run_stage.py").read_text()
    with_loader = [stage.name for stage in stages() if stage.runs_on != "cpu"]
    assert len(with_loader) >= 9 and {"pretrain", "finetune", "features"} <= set(with_loader)
