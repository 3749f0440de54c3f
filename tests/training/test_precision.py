"""What float32 and bfloat16 mean, and a GPU that is too small."""

from __future__ import annotations

import pytest
import torch
from one_number import batches, trainer_of
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from videossl.common.errors import OutOfMemory, UserError
from videossl.pretext.parts.losses import info_nce
from videossl.study.attempts import mistake_in
from videossl.study.study import load_study
from videossl.training import session
from videossl.training.failure import failure_noted, reason_of
from videossl.training.precision import bf16_problem, float32_products, use_ieee_float32


class Products(TorchDispatchMode):
    """Notes the type of every matrix product's result."""

    def __init__(self) -> None:
        super().__init__()
        self.types: list[torch.dtype] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        if function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm, torch.ops.aten.addmm):
            self.types.append(found.dtype)
        return found


def test_similarities_have_a_gradient_in_float32_as_well(tmp_path):
    """In bfloat16 training, the products of layers are in bfloat16 in both directions, those of `info_nce` in none."""
    layer, seen = torch.eye(8), {}
    draw = torch.Generator().manual_seed(0)
    clips, key, queue = (torch.randn(shape, generator=draw) for shape in ((4, 8), (4, 8), (8, 5)))

    def step(network, batch, generator):
        query = F.normalize((clips @ (layer * network.w.exp())).float(), dim=1)
        with torch.autocast("cpu", enabled=False):
            with Products() as forward:
                loss = info_nce(query, F.normalize(key, dim=1), F.normalize(queue, dim=0), 0.07)
            seen["forward"] = forward.types
        return loss, {}

    trainer = trainer_of(tmp_path, step=step)
    trainer.plan.precision = "bf16"
    trainer.module.train()
    with Products() as both:
        trainer._backward(0.0, torch.Generator())
    inside = len(seen["forward"])
    assert inside and set(seen["forward"]) == {torch.float32}
    # The layer's product forward, info_nce's backward, and the layer's backward, in this order. (The mode within
    # `step` took info_nce's forward ones away from this one.)
    assert both.types[0] == torch.bfloat16 and both.types[-1] == torch.bfloat16
    assert torch.float32 in both.types[1:-1] and set(both.types[1:-1]) == {torch.float32}
    assert trainer.module.w.grad is not None


def test_float32_is_ieee(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert float32_products() == "tf32"
    use_ieee_float32()
    assert float32_products() == "ieee"


@pytest.mark.parametrize(
    ("version", "named"), [(91002, "9.10.2"), (90800, "9.8.0"), (8907, "8.9.7"), (91401, "9.14.1")]
)
def test_bfloat16_is_refused_where_it_may_be_wrong(version, named, monkeypatch):
    assert f"cuDNN {named} may compute" in bf16_problem(version)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: version)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    with pytest.raises(UserError, match="issue 163539"):
        session.require_bf16(torch.device("cuda"))


def test_bfloat16_is_refused_on_a_gpu_without_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **asked: asked == {})  # only by emulation
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla V100")
    with pytest.raises(UserError, match=r"Tesla V100\) has no arithmetic in bfloat16.*set precision to fp32"):
        session.require_bf16(torch.device("cuda"))


def test_the_papers_scale_trains_in_bfloat16_and_the_reduced_ones_in_float32(paper_study, repository):
    """At their own sizes: setting the one must not bring back the other's."""

    def found(study):
        return {
            (recipe.precision, recipe.clip.size) for recipe in study.recipes.values()
        }, study.config.finetune.precision

    assert found(paper_study) == ({("bf16", 112)}, "bf16")
    assert found(load_study([repository / "config/config.yaml"])) == ({("fp32", 24)}, "fp32")


def test_bfloat16_is_taken_where_it_is_right():
    assert bf16_problem(91500) == bf16_problem(92000) == bf16_problem(None) == ""


def out_of_memory(network, batch, generator):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore")


@pytest.mark.parametrize(
    ("size", "parts", "advice"),
    [
        (32, 1, "32 videos in 1 part of 32. Set `accumulation_steps` to 2"),
        (12, 2, "12 videos in 2 parts of 6. Set `accumulation_steps` to 3"),
        (4, 2, "4 videos in 2 parts of 2. Use a GPU with more memory"),
    ],
)
def test_a_gpu_that_is_too_small_is_told_what_to_set(tmp_path, size, parts, advice):
    trainer = trainer_of(tmp_path, step=out_of_memory)
    trainer.plan.batch_size, trainer.plan.accumulation_steps = size, parts
    with pytest.raises(OutOfMemory) as told:
        trainer.run(1, batches, "test")
    assert advice in str(told.value) and str(told.value).endswith("Tried to allocate 2 GiB.")


def test_it_is_a_mistake_that_another_attempt_does_not_mend(tmp_path):
    with pytest.raises(OutOfMemory, match="too small"), failure_noted(tmp_path):
        raise OutOfMemory("the GPU is too small")
    assert mistake_in(tmp_path) == "the GPU is too small"


def test_an_evaluation_without_memory_is_told_as_well(tmp_path):
    with pytest.raises(OutOfMemory, match="Lower `batch_size`"), failure_noted(tmp_path):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert reason_of(tmp_path).startswith("OutOfMemory: the GPU has too little memory")
