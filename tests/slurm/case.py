"""One run of the workflow through Slurm, and the hold on its training that the disturbances need."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import torch
from workflow_copy import Workflow

from slurm.cluster import Cluster, processes_in, wait_until

CONFIG = """
only: [case]
experiments:
  case:
    kind: table
    title: One pretraining and its finetuning
    grid: {task: rspnet, backbone: r2plus1d, source: k400, subset: 50k, epochs: 50, target: ucf101}
    rows: task
    columns: target
    baseline: false
datasets:
  k400: {shards: 1, generated: {videos: {train: 8, val: 2}}}
epochs: {50: 24, 100: 25, 150: 26, 200: 27}
subsets: {10k: 16, 30k: 16, 50k: 16, 100k: 16}
compute: {gpus: 1}
"""
CONFIGFILES = ("--configfile", "config/smoke.yaml", "case.yaml")
EPOCHS = 24
RUN = Path("results/smoke/pretrain/k400/50k/rspnet/r2plus1d/seed0/epochs50")
WEIGHTS = RUN / "weights.pt"
# As typed, but for what a cluster without accounting needs, and waits that suit jobs of seconds.
PROFILE = (
    *("--profile", "slurm"),
    *("--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5"),
)


class Case:
    """A copy of the workflow whose jobs go through Slurm, and its controller."""

    def __init__(self, workflow: Workflow, cluster: Cluster) -> None:
        self.workflow, self.cluster = workflow, cluster
        self.root = workflow.root
        self.controller: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, target: str = str(WEIGHTS)) -> None:
        """Start `snakemake --profile slurm` for `target`; its output goes to a file."""
        command = [sys.executable, "-m", "snakemake", target, *PROFILE, *CONFIGFILES, *arguments]
        with self.output.open("ab") as output:
            self.controller = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.workflow.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, seconds: float = 200) -> None:
        """Wait for the controller; it must have succeeded."""
        code = self.controller.wait(timeout=seconds)
        assert code == 0, f"snakemake ended with {code}:\n{self.output.read_text()[-6000:]}"

    def kill_controller(self) -> None:
        """SIGKILL to Snakemake, if it still runs; its Slurm jobs know nothing of it."""
        if self.controller and self.controller.poll() is None:
            os.killpg(self.controller.pid, signal.SIGKILL)
            self.controller.wait()

    @property
    def output(self) -> Path:
        """What the controllers printed."""
        return self.root / "controller.log"

    @property
    def jobs(self) -> list[dict[str, str]]:
        """Slurm's jobs of this case."""
        return self.cluster.jobs(self.root)

    @property
    def log(self) -> str:
        """What the last attempt of the training has printed; Snakemake removes it at the start of another."""
        path = self.root / str(RUN).replace("smoke/", "smoke/logs/")
        try:
            return path.with_name(f"{path.name}.log").read_text()
        except FileNotFoundError:
            return ""

    @property
    def epochs(self) -> list[int]:
        """The trained epochs, as the history has them."""
        history = self.root / RUN / "train.jsonl"
        return [json.loads(line)["epoch"] for line in history.read_text().splitlines()] if history.exists() else []

    def hold_training(self, epoch: int = 1) -> Held:
        """Wait until an epoch is done, and stop the training after it: what follows hits it there, however fast this
        machine is."""
        wait_until(lambda: len(self.epochs) >= epoch, f"epoch {epoch} in {self.root}", seconds=150, pause=0.02)
        (pid,) = self.training_processes()
        os.kill(pid, signal.SIGSTOP)
        assert len(self.epochs) < EPOCHS, "the training ended before it could be held"
        return Held(pid)

    def position(self) -> tuple[int, int]:
        """Epoch and step of the checkpoint."""
        state = torch.load(self.root / RUN / "checkpoint.pt", weights_only=True)
        return state["epoch"], state["step_in_epoch"]

    def training_processes(self) -> list[int]:
        """The processes that train in this case's folder."""
        found = processes_in(self.root)
        return [
            pid for pid, words in found.items() if any(word.endswith("scripts/run_stage.py") for word in words[1:2])
        ]


def untrained(undisturbed: Workflow, root: Path, cluster: Cluster) -> Case:
    """A case with the same data, and Snakemake's records of them, in which nothing is trained yet."""
    shutil.copytree(undisturbed.root, root, symlinks=True)
    shutil.rmtree(root / RUN)
    return Case(Workflow(root), cluster)


class Held:
    """A training process that is stopped (SIGSTOP): signals wait for it. Slurm sends SIGCONT before those that end a
    job or warn of its end, and so releases it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def release(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def has_pending(self, number: signal.Signals) -> bool:
        """Whether a signal has reached the process and waits until it goes on."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return False
        masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
        return any(mask >> (number - 1) & 1 for mask in masks)

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._state in ("", "Z")

    @property
    def stopped(self) -> bool:
        """Whether it is still held."""
        return self._state == "T"

    @property
    def _state(self) -> str:
        """The kernel's letter for what the process does; empty if there is none."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", maxsplit=1)[-1].split()[0]
        except OSError:
            return ""

    def let_end(self, seconds: float = 150) -> None:
        """Wait until Slurm has told it to stop, and until it has."""
        wait_until(lambda: self.ended or self.has_pending(signal.SIGTERM), "SIGTERM to the training", seconds)
        if not self.ended:
            self.release()
        wait_until(lambda: self.ended, "the training to end")
