"""The controller is killed in the middle of a pretraining: its jobs end, and the same command gives the same bits."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tensors import differing_tensors
from workflow_copy import Workflow, copy_workflow

CONFIG = """
epochs: {50: 3, 100: 6, 150: 9, 200: 12}
subsets: {10k: 16, 30k: 16, 50k: 16, 100k: 16}
datasets: {k400: {generated: {videos: {train: 8, val: 2}}}}
compute: {checkpoint_minutes: 0.0001}
"""
RUN = "results/smoke/pretrain/k400/50k/rspnet/r2plus1d/seed0/epochs100"


def start(workflow: Workflow, target: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", target, "--configfile", "config/smoke.yaml", "k.yaml"]
    return subprocess.Popen(
        command,
        cwd=workflow.root,
        env=workflow.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )


def at_work(folder: Path) -> bool:
    """Whether processes work in a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder and (process / "cmdline").read_bytes():
                return True
    return False


def test_killed_run_ends_with_the_bits_of_an_undisturbed_one(repository, tmp_path):
    target, middle = f"{RUN}/weights.pt", f"{RUN}/checkpoint.pt"
    whole = copy_workflow(repository, tmp_path / "whole")
    (whole.root / "k.yaml").write_text(CONFIG)
    assert start(whole, target).wait(timeout=300) == 0
    # The same data, with Snakemake's records of it, and nothing trained.
    shutil.copytree(whole.root, tmp_path / "killed", symlinks=True)
    killed = Workflow(tmp_path / "killed")
    shutil.rmtree(killed.root / "results/smoke/pretrain")

    process = start(killed, target)
    deadline = time.monotonic() + 300
    while not (killed.root / middle).exists():
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.005)
    process.kill()
    process.wait()
    while at_work(killed.root):
        assert time.monotonic() < deadline, "a job outlives the run"
        time.sleep(0.1)
    assert not (killed.root / target).exists()

    assert start(killed, target).wait(timeout=300) == 0
    log = killed.root / (RUN.replace("smoke/", "smoke/logs/") + ".log")
    assert "resumed at epoch" in log.read_text()
    for name in ("weights.pt", "state.pt"):
        assert differing_tensors(*((w.root / target).with_name(name) for w in (whole, killed))) == []
