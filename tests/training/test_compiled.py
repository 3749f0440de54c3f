"""Compiled networks: one graph each, the same numbers, and what becomes of errors."""

from __future__ import annotations

import pytest
import torch
from tiny import CPU
from two_processes import in_two_processes

from videossl.backbones import registry as backbones
from videossl.common.compiled import Compiled
from videossl.common.distributed import join
from videossl.pretext import registry as tasks
from videossl.training.compiled import compile_backbones
from videossl.training.session import ready

CLIPS = torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
SMALL = {
    "r2plus1d": {"width": 0.05},
    "shufflenet": {"width": 0.1},
    "videoswin": {"width": 0.25, "depths": [1, 1]},
    "vit": {"width": 0.125, "depth": 1, "tube": [2, 8, 8]},
}
CPU_DEVICE = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh_compiler(monkeypatch):
    """No code of another test, and none in C++, which would take minutes."""
    compiler = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, **options: compiler(function, backend="aot_eager", **options)
    )
    torch.set_num_threads(1)
    yield
    torch.compiler.reset()


def network(name: str = "r2plus1d") -> torch.nn.Module:
    torch.manual_seed(0)
    return backbones.build(name, **SMALL[name])


def graphs_and_breaks(module: torch.nn.Module) -> tuple[int, int]:
    found = torch._dynamo.explain(module.trunk)(CLIPS)
    return found.graph_count, found.graph_break_count


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_trunk_in_training_is_one_graph(name):
    assert graphs_and_breaks(network(name).train()) == (1, 0)


def explain_in_each() -> None:
    join(cuda=False)
    for name in ("r2plus1d", "videoswin"):
        module = network(name).train()
        ready(module, CPU, CPU_DEVICE)
        assert graphs_and_breaks(module) == (1, 0), name


def test_it_is_one_graph_with_two_processes_as_well():
    in_two_processes(explain_in_each)


def test_compiled_networks_give_the_same():
    expected, module = network().eval()(CLIPS), network().eval()
    before = set(module.state_dict())
    compile_backbones(module)
    torch.testing.assert_close(module(CLIPS), expected)
    assert module.trunk.fast is not None and set(module.state_dict()) == before


def step(name: str, backbone: str, compiled: bool, **options) -> dict[str, torch.Tensor]:
    """Loss, gradients and buffers of a training step."""
    task = tasks.build(name, network(backbone), options, frames=4).train()
    if compiled:
        compile_backbones(task)
    drawn = torch.Generator().manual_seed(1)
    clips = torch.randn(3, task.sampler.clips_per_video, 3, 4, 16, 16, generator=drawn)
    task.on_step_start()
    loss, _ = task(clips, torch.zeros(3, dtype=torch.long), torch.Generator().manual_seed(2))
    loss.backward()
    task.on_step_end()
    names = backbones.build(backbone, **SMALL[backbone]).heavy
    if compiled:
        assert all(getattr(task.backbone, name).fast is not None for name in names)
    gradients = {key: p.grad for key, p in task.named_parameters() if p.grad is not None}
    return {"loss": loss.detach()} | gradients | dict(task.named_buffers())


CASES = [
    ("tdl", "r2plus1d", {"queue_size": 5, "dim": 8}),
    ("videomae", "vit", {"tube": [2, 8, 8], "decoder_depth": 1}),
]


@pytest.mark.parametrize(
    ("name", "backbone", "options"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_training_step_is_the_same(name, backbone, options):
    expected, found = (step(name, backbone, compiled, **options) for compiled in (False, True))
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-5, msg=key)


def failing_compiler(monkeypatch, error: Exception) -> list[int]:
    """`torch.compile` with a backend that raises `error`; returns a list that grows with each try."""
    tries, compiler = [], torch._dynamo.optimize

    def backend(graph, inputs):
        tries.append(1)
        raise error

    monkeypatch.setattr(torch, "compile", lambda function, **options: compiler(backend)(function))
    return tries


def test_a_failing_compiler_is_done_without_and_says_why_once(monkeypatch, capsys):
    tries = failing_compiler(monkeypatch, RuntimeError("no C++ compiler\nmore lines"))
    expected, module = network().eval()(CLIPS), network().eval()
    compile_backbones(module)
    for _ in range(2):
        assert torch.equal(module(CLIPS), expected)
    said = "the trunk of R2Plus1D is not compiled: RuntimeError: no C++ compiler\n"
    assert capsys.readouterr().out == said and len(tries) == 1


def test_a_gpu_without_memory_is_no_reason_to_go_on_uncompiled(monkeypatch):
    failing_compiler(monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
    compiled = Compiled(network().trunk, "the trunk")
    with pytest.raises(torch.OutOfMemoryError):
        compiled(CLIPS)
    assert compiled.fast is not None


def test_an_error_of_the_computation_stays_one():
    compiled = Compiled(network().trunk, "the trunk")
    compiled.fast = lambda x: (_ for _ in ()).throw(RuntimeError("an illegal memory access"))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        compiled(CLIPS)
