"""Options that change how fast a step is computed, and nothing else but rounding."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from runs import assert_same_run, train
from tiny import CPU, make_study

from videossl.backbones import r2plus1d
from videossl.backbones import registry as backbones
from videossl.backbones.shufflenet import channel_shuffle
from videossl.common.errors import UserError
from videossl.training import seeding
from videossl.training.session import channels_last, pad_channels, ready, ready_for_tests

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


def test_on_a_gpu_grouped_convolutions_keep_torchs_order():
    for name, kept in (("shufflenet", True), ("mobilenet", True), ("r3d", False)):
        module = backbones.build(name, width=0.1)
        channels_last(module, torch.device("cuda"))  # only asked for its type
        assert all(p.is_contiguous() for p in module.parameters()) == kept, name


def test_tests_on_a_gpu_have_the_formats_of_training_and_on_a_cpu_nothing_changes():
    module, compute = network(), replace(CPU, channels_last=True, compile=True)
    ready_for_tests(module, compute, torch.device("cpu"))
    assert all(p.is_contiguous() for p in module.parameters()) and not module.conv1[0].padded
    ready_for_tests(module, compute, torch.device("cuda"))  # only asked for its type
    assert module.conv1[0].spatial.weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert module.conv1[0].padded
    torch.testing.assert_close(module(CLIPS), network()(CLIPS))


def test_the_shuffle_keeps_the_order():
    x = torch.arange(2.0 * 12 * 2 * 3 * 3).view(2, 12, 2, 3, 3)
    shuffled = channel_shuffle(x, 3)
    assert shuffled[0, :, 0, 0, 0].tolist() == x[0, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], 0, 0, 0].tolist()
    last = torch.channels_last_3d
    assert torch.equal(channel_shuffle(x.contiguous(memory_format=last), 3), shuffled)
    assert channel_shuffle(x.contiguous(memory_format=last), 3).is_contiguous(memory_format=last)
    assert shuffled.is_contiguous()


def one_step(padded: bool) -> dict[str, torch.Tensor]:
    """Output, gradients, statistics and state of a training step in double precision."""
    module = network().train().double()
    if padded:
        pad_channels(module)
    output = module(CLIPS.double())
    output.square().sum().backward()
    gradients = {f"gradient of {name}": p.grad for name, p in module.named_parameters()}
    return {"output": output.detach()} | gradients | module.state_dict()


def test_padded_channels_are_the_same_function_with_the_same_parameters():
    plain, padded = one_step(False), one_step(True)
    channels = {name: len(value) for name, value in plain.items() if name.endswith("spatial.weight")}
    assert any(number % 8 for number in channels.values())
    assert list(plain) == list(padded)
    for name, value in plain.items():
        torch.testing.assert_close(padded[name], value, rtol=1e-10, atol=1e-12, msg=name)


def test_padded_channels_are_the_same_function_in_a_test():
    module = network()
    expected = module(CLIPS)
    pad_channels(module)
    torch.testing.assert_close(module(CLIPS), expected)


def test_convolutions_see_multiples_of_eight(monkeypatch):
    seen, convolution = [], r2plus1d.F.conv3d
    module = network()
    pad_channels(module)
    monkeypatch.setattr(
        r2plus1d.F, "conv3d", lambda x, weight, *others: seen.append(weight.shape) or convolution(x, weight, *others)
    )
    module(CLIPS)
    assert seen and all(shape[0] % 8 == 0 or shape[1] % 8 == 0 for shape in seen)


def test_determinism_on_gpus_is_an_option(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda mode, *, warn_only: asked.append(mode))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    for name in ("benchmark", "deterministic"):
        monkeypatch.setattr(torch.backends.cudnn, name, False)
    seeding.fix_order(1, on_gpus=False)
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, asked) == (True, False, [])
    seeding.fix_order(1, on_gpus=True)
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, asked) == (False, True, [True])


def test_layers_without_a_fixed_order_are_named():
    assert seeding.unordered_layers(network()) == []
    assert seeding.unordered_layers(backbones.build("shufflenet", width=0.1))[0] == "maxpool (MaxPool3d)"


def test_transformers_keep_their_order():
    module = backbones.build("videoswin", width=0.25, depths=[1, 1, 2])
    channels_last(module, torch.device("cpu"))
    assert all(p.is_contiguous() for p in module.parameters())


@pytest.mark.usefixtures("own_signals")
def test_half_precision_is_refused_without_a_gpu(source, tmp_path):
    with pytest.raises(UserError, match="precision is bf16, which needs a GPU"):
        train(make_study(tmp_path / "study"), "rotnet", source, tmp_path / "run", precision="bf16")
