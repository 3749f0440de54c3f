"""Options that change how fast a step is computed, and nothing else but rounding."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from runs import assert_same_run, train
from tiny import CPU, make_study

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.training import compiled
from videossl.training.compiled import compile_backbones
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


def test_compiled_networks_give_the_same(monkeypatch):
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function: compiler(function, backend="aot_eager"))
    expected, module = network()(CLIPS), network()
    before = set(module.state_dict())
    compile_backbones(module)
    torch.testing.assert_close(module(CLIPS), expected)
    assert module.trunk.fast is not None and set(module.state_dict()) == before


def test_a_failing_compiler_is_done_without_and_says_why(monkeypatch, capsys):
    calls = []

    def no_compiler(function):
        def fail(x):
            calls.append(1)
            raise RuntimeError("no C++ compiler\nmore lines")

        return fail

    monkeypatch.setattr(compiled.torch, "compile", no_compiler)
    expected, module = network()(CLIPS), network()
    compile_backbones(module)
    for _ in range(2):
        assert torch.equal(module(CLIPS), expected)
    said = "the trunk of R2Plus1D is not compiled: RuntimeError: no C++ compiler\n"
    assert capsys.readouterr().out == said and len(calls) == 1


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
