"""Options that change how fast a step is computed, and nothing else but rounding."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from runs import assert_same_run, train
from tiny import CPU, make_study

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.training.session import channels_last, ready

CLIPS = torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return backbones.build("r2plus1d", width=0.05).eval()


def test_channels_last_is_another_order_of_the_same_numbers():
    expected = network()(CLIPS)
    module = network()
    assert ready(module, replace(CPU, channels_last=True), torch.device("cpu")) is module
    weight = module.conv1[0].spatial.weight
    assert weight.is_contiguous(memory_format=torch.channels_last_3d) and not weight.is_contiguous()
    assert module.trunk(CLIPS).is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(module(CLIPS), expected)


@pytest.mark.usefixtures("own_signals")
def test_runs_with_channels_last_repeat_to_the_bit(source, tmp_path):
    study, compute = make_study(tmp_path / "study"), replace(CPU, channels_last=True)
    runs = [train(study, "rspnet", source, tmp_path / name, 50, compute=compute) for name in ("one", "other")]
    assert_same_run(*runs)


def test_transformers_keep_their_order():
    module = backbones.build("videoswin", width=0.25, depths=[1, 1, 2])
    channels_last(module)
    assert all(p.is_contiguous() for p in module.parameters())


@pytest.mark.usefixtures("own_signals")
def test_half_precision_is_refused_without_a_gpu(source, tmp_path):
    with pytest.raises(UserError, match="precision is bf16, which needs a GPU"):
        train(make_study(tmp_path / "study"), "rotnet", source, tmp_path / "run", precision="bf16")
