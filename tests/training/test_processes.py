"""Two processes compute what one does with the same batch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from tiny import CPU
from two_processes import in_two_processes

from videossl.backbones import registry as backbones
from videossl.common.distributed import join, local_rows
from videossl.pretext import registry as tasks
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
    ("byol", "r2plus1d", {"hidden": 16, "dim": 8, "clips": 3}),
    ("tclr", "r2plus1d", {"segments": 2, "hidden": 16, "dim": 8}),
    ("vjepa", "vit", {"predictor_depth": 1}),
    ("vjepa", "r2plus1d", {"tube": [2, 4, 4], "predictor_depth": 1}),
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
    frames = len(task.sampler(100, np.random.default_rng(0)).clips[0])
    clips = torch.randn(4, task.sampler.clips_per_video, 3, frames, 16, 16, generator=drawn, dtype=torch.float64)
    choices = torch.tensor([0, 1, 1, 0])
    found: dict[str, Any] = {}
    for number in range(2):
        torch.manual_seed(number)
        task.zero_grad()
        task.on_step_start()
        loss, _ = network(local_rows(clips), local_rows(choices), torch.Generator().manual_seed(number))
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
