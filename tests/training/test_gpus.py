"""Which GPU a process takes, without one: the agreement is about names."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from videossl.training import device, gpus

NAMES = ["GPU-a", "GPU-b"]
HOLD = """
import sys
from pathlib import Path
from videossl.training.gpus import claim
print(claim(sys.argv[2].split(","), sys.argv[3], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """A function that starts a process which claims a GPU and keeps it; returns what it prints, and how to end it."""
    running = []

    def start(job="", names=NAMES):
        command = [sys.executable, "-c", HOLD, str(tmp_path), ",".join(names), job]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def taken(process) -> int:
    lines = [process.stdout.readline()]
    while not lines[-1].strip().isdigit():
        lines.append(process.stdout.readline())
    return int(lines[-1])


def test_jobs_take_gpus_of_their_own_and_give_them_back_when_killed(hold):
    first, second = hold(), hold()
    numbers = taken(first), taken(second)
    assert set(numbers) == {0, 1}
    first.kill()
    first.wait()
    assert taken(hold()) == numbers[0]


def test_if_all_are_taken_the_least_used_is_shared(hold):
    holders = [hold() for _ in range(4)]
    assert sorted(taken(process) for process in holders) == [0, 0, 1, 1]


def test_processes_of_one_job_never_share(hold):
    alone = taken(hold())
    together = [hold("job:1"), hold("job:1")]
    assert {taken(process) for process in together} == {0, 1} and alone in (0, 1)


def test_a_fork_does_not_keep_it(tmp_path):
    """A loader's worker that outlives its job."""
    code = HOLD.replace("sys.stdin.read()", "import os, time\nif os.fork() == 0: time.sleep(60)")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), ",".join(NAMES), ""], stdout=subprocess.PIPE, text=True
    )
    assert taken(parent) == 0
    parent.wait()
    other = subprocess.run(
        [sys.executable, "-c", HOLD, str(tmp_path), ",".join(NAMES), ""],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert other.stdout == "0\n"


def test_the_chosen_device_is_the_claimed_one(monkeypatch, tmp_path):
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=NAMES[number]))
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(gpus, "locks_folder", lambda: tmp_path)
    found = [device.choose_device("auto"), device.choose_device("cuda")]
    assert found == chosen == [torch.device("cuda", 0), torch.device("cuda", 1)]
    gpus._let_go()
