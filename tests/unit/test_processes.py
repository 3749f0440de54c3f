"""Two processes train as one with the same batch does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from runs import SCRIPT, assert_same_run, history, train, wait_for
from tiny import CPU, Data, finetune_arguments, make_study, pretrain_arguments
from two_processes import in_two_processes

from videossl.backbones import registry as backbones
from videossl.downstream.finetune import finetune
from videossl.experiments import Study
from videossl.files import canonical_json
from videossl.pretext import registry as tasks
from videossl.processes import join, own
from videossl.results import read_metrics, read_predictions
from videossl.training.checkpoint import load_torch
from videossl.training.session import ready

SMALL = {
    "r2plus1d": {"width": 0.05},
    "shufflenet": {"width": 0.1, "dropout": 0.5},
    "videoswin": {"width": 0.25, "depths": [1, 1, 2], "drop_path": 0.5},
    "vit": {"width": 0.125, "depth": 2, "tube": [2, 8, 8]},
}
CELLS = [
    ("rotnet", "shufflenet", {}),
    ("vcop", "r2plus1d", {}),
    ("prp", "r2plus1d", {"rates": [1, 2]}),
    ("cvrl", "r2plus1d", {"hidden": 16, "dim": 8}),
    ("tdl", "r2plus1d", {"queue_size": 5, "dim": 8}),
    ("rspnet", "videoswin", {"queue_size": 5, "dim": 8}),
    ("rspnet", "r2plus1d", {"queue_size": 5, "dim": 8}),
    ("videomae", "vit", {"tube": [2, 8, 8], "decoder_depth": 1}),
]


def two_steps(cell: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """Loss, gradients and buffers of two steps with this process's share of four videos, in double precision: so that
    what is left of a difference is none of rounding.
    """
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):  # tasks leave half precision by it
        return _two_steps(*cell)


def _two_steps(name: str, backbone: str, options: dict[str, Any]) -> dict[str, Any]:
    torch.manual_seed(0)
    task = tasks.build(name, backbones.build(backbone, **SMALL[backbone]), options, frames=8).double().train()
    network = ready(task, CPU, torch.device("cpu"))
    drawn = torch.Generator().manual_seed(1)
    frames = {"rspnet": 16, "prp": 2 * 8 + 4 * 2}.get(name, 8)
    clips = torch.randn(4, task.sampler.clips_per_video, 3, frames, 16, 16, generator=drawn, dtype=torch.float64)
    choices = torch.tensor([0, 1, 1, 0])
    found: dict[str, Any] = {}
    for number in range(2):
        torch.manual_seed(number)
        task.zero_grad()
        task.on_step_start()
        loss, _ = network(own(clips), own(choices), torch.Generator().manual_seed(number))
        loss.backward()
        task.on_step_end()
        found[f"loss{number}"] = loss.detach()
    found |= {f"gradient of {key}": p.grad for key, p in task.named_parameters() if p.grad is not None}
    return found | dict(task.named_buffers())


def save_steps(folder: Path) -> None:
    join(cuda=False)
    found = {str(cell): two_steps(cell) for cell in CELLS}
    torch.save(found, folder / f"{os.environ['RANK']}.pt")


@pytest.fixture(scope="module")
def shared_steps(tmp_path_factory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("steps")
    in_two_processes(save_steps, folder)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0]}-{cell[1]}")
def test_two_steps_of_every_task_are_those_of_one_process(shared_steps, cell):
    """Gradients, running statistics, queues and their positions; the loss is the mean of the two."""
    torch.set_num_threads(1)
    expected = two_steps(cell)
    first, second = (steps[str(cell)] for steps in shared_steps)
    assert first["loss0"] != second["loss0"]
    for name, value in expected.items():
        if name.startswith("loss"):
            torch.testing.assert_close((first[name] + second[name]) / 2, value, msg=name)
        else:
            assert torch.equal(first[name], second[name]), name
            scale = value.abs().max().item() if value.is_floating_point() else 1
            torch.testing.assert_close(first[name], value, rtol=1e-6, atol=1e-9 + 1e-7 * scale, msg=name)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


def train_all(study: Study, source: Data, target: Data, folder: Path) -> None:
    """Two pretrainings, one of them also from milestone to milestone, and a finetuning."""
    for task in ("rotnet", "rspnet"):
        train(study, task, source, folder / task, 100)
    first = train(study, "rspnet", source, folder / "rspnet50", 50)
    train(study, "rspnet", source, folder / "rspnet100", 100, previous=first)
    spec, identity = finetune_arguments(study, dropout=0.5)
    finetune(
        spec,
        identity,
        manifest=target.manifest,
        weights=folder / "rspnet" / "weights.pt",
        folder=folder / "finetune",
        compute=CPU,
    )


@pytest.fixture(scope="module")
def trained(study, source, target, tmp_path_factory) -> tuple[Path, Path]:
    """The runs of one process, and of two."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    train_all(study, source, target, one)
    in_two_processes(train_all, study, source, target, two)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    return one, two


@pytest.mark.parametrize("run", ["rotnet", "rspnet", "finetune"])
def test_the_loss_curve_is_that_of_one_process(trained, run):
    """In single precision rounding grows from step to step, most with batch normalisation over a few numbers."""
    expected, found = (history(folder / run) for folder in trained)
    assert len(expected) == (2 if run == "finetune" else 3)
    assert found[0]["loss"] == pytest.approx(expected[0]["loss"], rel=2e-3)
    for one, two in zip(expected, found, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=2e-2)
        assert (two["epoch"], two["lr"], two["samples"]) == (one["epoch"], one["lr"], one["samples"])


def test_milestones_in_two_processes(trained):
    _, two = trained
    assert_same_run(two / "rspnet100", two / "rspnet")


def test_every_test_video_is_evaluated_once_and_only_one_process_writes(trained):
    one, two = trained
    first, second = (read_predictions(folder / "finetune/predictions.parquet") for folder in (one, two))
    assert first["video"].tolist() == second["video"].tolist()
    assert second["probability_label"].to_numpy() == pytest.approx(first["probability_label"].to_numpy(), abs=0.05)
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
    command = [*launcher, str(SCRIPT), "--recipe", canonical_json(recipe), "--identity", canonical_json(identity)]
    command += ["--manifest", str(source.manifest), "--subset", str(source.subset)]
    command += ["--output", str(tmp_path / "weights.pt"), "--device", "cpu", "--checkpoint-minutes", "1e-9"]

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
    assert_same_run(tmp_path, trained[1] / "rspnet")
