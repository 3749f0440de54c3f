"""Whole runs in two processes: their losses, milestones, evaluation, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
import torch
from runs import SCRIPT, assert_same_run, history, train, wait_for
from tiny import CPU, Data, finetune_arguments, make_study, pretrain_arguments
from two_processes import in_two_processes

from videossl.common.files import canonical_json
from videossl.common.results import read_metrics, read_predictions
from videossl.evaluation import evaluate as evaluation
from videossl.evaluation import finetune as finetuning
from videossl.evaluation.finetune import finetune
from videossl.study.study import Study
from videossl.training import collapse, inputs
from videossl.training import pretrain as pretraining
from videossl.training.checkpoint import load_torch


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@contextmanager
def double_precision() -> Iterator[None]:
    """Within, training computes in double precision.

    In single precision the least change of the initial weights, 1e-7 of them, changes the loss of these tiny networks
    by a tenth within four steps: they normalise over as few as four numbers.
    """
    task, classifier, clips = pretraining.build_task, finetuning.build_classifier, inputs.prepare
    with ExitStack() as stack:
        for owner, name, value in (
            (torch.Tensor, "float", torch.Tensor.double),
            (pretraining, "build_task", lambda spec: task(spec).double()),
            (finetuning, "build_classifier", lambda *given: classifier(*given).double()),
            (inputs, "prepare", lambda batch, device: clips(batch, device).double()),
            (pretraining, "prepare", lambda batch, device: clips(batch, device).double()),
            (collapse, "prepare", lambda batch, device: clips(batch, device).double()),
            (evaluation, "prepare", lambda batch, device: clips(batch, device).double()),
        ):
            stack.enter_context(mock.patch.object(owner, name, value))
        yield


def train_all(study: Study, source: Data, target: Data, folder: Path) -> None:
    """Two pretrainings and a finetuning, whose batches of eight come in two parts."""
    spec, identity = finetune_arguments(study, dropout=0.5, batch_size=8, accumulate=2, epochs=3)
    with double_precision():
        for task in ("rotnet", "rspnet"):
            train(study, task, source, folder / task, 50)
        finetune(spec, identity, manifest=target.manifest, weights=None, folder=folder / "finetune", compute=CPU)


def train_in_pieces(study: Study, source: Data, target: Data, folder: Path) -> None:
    """The same, and a pretraining as it is, straight and from milestone to milestone."""
    train_all(study, source, target, folder)
    train(study, "rspnet", source, folder / "straight", 100)
    first = train(study, "rspnet", source, folder / "first", 50)
    train(study, "rspnet", source, folder / "second", 100, previous=first)


@pytest.fixture(scope="module")
def trained(study, source, target, tmp_path_factory) -> tuple[Path, Path]:
    """The runs of one process, and of two."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    train_all(study, source, target, one)
    in_two_processes(train_in_pieces, study, source, target, two)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    return one, two


@pytest.mark.parametrize("run", ["rotnet", "rspnet", "finetune"])
def test_the_loss_curve_is_that_of_one_process(trained, run):
    expected, found = (history(folder / run) for folder in trained)
    assert len(expected) == (3 if run == "finetune" else 2) and expected[0]["loss"] != expected[1]["loss"]
    for one, two in zip(expected, found, strict=True):
        assert two == pytest.approx(one, rel=1e-5)


def test_milestones_in_two_processes(trained):
    _, two = trained
    assert_same_run(two / "second", two / "straight")


def test_every_test_video_is_evaluated_once_and_only_one_process_writes(trained):
    one, two = trained
    first, second = (read_predictions(folder / "finetune/predictions.parquet") for folder in (one, two))
    assert first["video"].tolist() == second["video"].tolist()
    assert second["probability_label"].to_numpy() == pytest.approx(first["probability_label"].to_numpy(), abs=1e-4)
    for run in ("rotnet", "finetune"):
        files = [sorted(path.name for path in (folder / run).iterdir()) for folder in (one, two)]
        assert files[0] == files[1]
        rows = [read_metrics(folder / run / "metrics.parquet").set_index("metric")["n"] for folder in (one, two)]
        assert rows[0].equals(rows[1])


@pytest.mark.usefixtures("own_signals")
def test_torchrun_is_stopped_and_goes_on(study, source, trained, tmp_path):
    """As a rule starts it; the scheduler's signal goes to all processes of the job."""
    recipe, identity = pretrain_arguments(study, "rspnet", 100)
    launcher = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, str(SCRIPT), "pretrain", "--spec", recipe.json_text, "--identity", canonical_json(identity)]
    inputs = {"subset": [str(source.subset)], "heldout": [str(source.heldout)]}
    command += ["--inputs", canonical_json(inputs), "--folder", str(tmp_path)]
    command += ["--device", "cpu", "--checkpoint-minutes", "1e-9"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    process = start()
    wait_for(process, (tmp_path / "checkpoint.pt").exists)
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert output.count("stopped by a signal; the checkpoint is written") == 1, output
    assert not (tmp_path / "FAILED").exists() and not (tmp_path / "weights.pt").exists()
    state = load_torch(tmp_path / "checkpoint.pt")
    assert 0 < 3 * state["epoch"] + state["step_in_epoch"] < 9
    process = start()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert output.count(f"resumed at epoch {state['epoch']}, step {state['step_in_epoch']}") == 1
    assert_same_run(tmp_path, trained[1] / "straight")
