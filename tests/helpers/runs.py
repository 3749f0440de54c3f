"""Training runs of the tiny study, and when two of them count as the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tiny import CPU, Data, changed, pretrain_arguments

from videossl.common.files import canonical_json
from videossl.common.intact import SEAL
from videossl.study.study import Study
from videossl.training.checkpoint import load_torch
from videossl.training.pretrain import pretrain
from videossl.training.session import Compute

SCRIPT = Path(__file__).parents[2] / "workflow" / "scripts" / "run_stage.py"
DEADLINE = 120.0  # seconds; a started run that shows nothing for so long has failed


def train(
    study: Study,
    task: str,
    data: Data,
    folder: Path,
    epochs: int = 200,
    *,
    previous: Path | None = None,
    compute: Compute = CPU,
    **spec: Any,
) -> Path:
    """Pretrain up to the milestone called `epochs` in this process; `spec` replaces keys of the spec."""
    recipe, identity = pretrain_arguments(study, task, epochs, **spec)
    pretrain(
        recipe,
        identity,
        subset=data.subset,
        heldout=data.heldout,
        folder=folder,
        previous=None if previous is None else previous / "state.pt",
        compute=compute,
    )
    return folder


def start(
    study: Study,
    task: str,
    data: Data,
    folder: Path,
    *,
    workers: int = 0,
    launcher: Sequence[str | Path] = (sys.executable,),
    checkpoint_minutes: float = 1e-9,
    environment: Mapping[str, str] | None = None,
    **spec: Any,
) -> subprocess.Popen:
    """Start a pretraining as its rule does, in a process group of its own; checkpoints at every step."""
    recipe, identity = pretrain_arguments(study, task)
    recipe = changed(recipe, **spec)
    inputs = {"subset": [str(data.subset)], "heldout": [str(data.heldout)]}
    command = [*launcher, SCRIPT, "pretrain", "--spec", recipe.json_text, "--identity", canonical_json(identity)]
    command += ["--inputs", canonical_json(inputs), "--folder", folder]
    command += ["--device", "cpu", "--threads", "1", "--workers", workers, "--checkpoint-minutes", checkpoint_minutes]
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=environment,
    )


def wait_for(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds while the process lives."""
    until = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "the run shows no progress"
        time.sleep(0.01)


def stopped_in_mid_epoch(process: subprocess.Popen, folder: Path) -> Callable[[], bool]:
    """A condition: the last checkpoint is from within an epoch, not the first; the process is then left stopped."""

    def look() -> bool:
        if not (folder / "checkpoint.pt").exists():
            return False
        os.kill(process.pid, signal.SIGSTOP)
        state = load_torch(folder / "checkpoint.pt")
        if state["epoch"] >= 1 and state["step_in_epoch"] >= 1:
            return True
        os.kill(process.pid, signal.SIGCONT)
        return False

    return look


def tensors(value: Any, name: str = "") -> dict[str, Any]:
    """All leaves of nested dictionaries and lists, by their path."""
    if isinstance(value, dict):
        return {k: v for key, entry in value.items() for k, v in tensors(entry, f"{name}/{key}").items()}
    if isinstance(value, list):
        return {k: v for key, entry in enumerate(value) for k, v in tensors(entry, f"{name}/{key}").items()}
    return {name: value}


def same_bits(first: Any, second: Any) -> bool:
    """Whether two states have the same structure and every tensor the same bits."""
    one, other = tensors(first), tensors(second)
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )


def same_weights(first: Path, second: Path) -> bool:
    """Whether two pretraining runs ended with the same network."""
    one, other = (load_torch(folder / "weights.pt")["backbone"] for folder in (first, second))
    return same_bits(one, other)


def assert_same_run(first: Path, second: Path) -> None:
    """Two run folders hold the same weights and training state, bit for bit."""
    assert same_weights(first, second)
    one, other = (load_torch(folder / "state.pt") for folder in (first, second))
    for part in ("recipe_hash", "epoch", "step_in_epoch", "module", "optimizer"):
        assert same_bits(one[part], other[part]), part


def history(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's train.jsonl without the time that they took."""
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("seconds", SEAL)} for line in lines]
