"""Learning rates against hand calculations; optimisers with the recipe's settings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from videossl.backbones import registry as backbones
from videossl.training.optim import base_learning_rate, build_optimizer, lr_factor, matrices_of, set_learning_rate
from videossl.training.settings import OptimizerSettings, Schedule


def schedule(**values) -> Schedule:
    return Schedule(**values)


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [(0, 1.0), (2, 0.5 + 0.5 * 0.5**0.5), (4, 0.5), (6, 0.5 - 0.5 * 0.5**0.5), (8, 0.0), (9, 0.0)],
)
def test_cosine(epoch, factor):
    assert lr_factor(schedule(name="cosine"), epoch, 8) == pytest.approx(factor, abs=1e-12)
    ends_at_a_tenth = lr_factor(schedule(name="cosine", final_lr_factor=0.1), epoch, 8)
    assert ends_at_a_tenth == pytest.approx(0.1 + 0.9 * factor)


@pytest.mark.parametrize(
    ("epoch", "factor"), [(0, 0.01), (0.5, 0.2575), (1, 0.505), (1.5, 0.7525), (2, 1.0), (6, 0.5), (10, 0.0)]
)
def test_warm_up_rises_linearly_and_the_cosine_takes_the_rest(epoch, factor):
    assert lr_factor(schedule(name="cosine", warmup_epochs=2), epoch, 10) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize(("epoch", "factor"), [(0, 1), (3.99, 1), (4, 0.2), (5.9, 0.2), (6, 0.04), (8, 0.04)])
def test_steps_are_shares_of_the_whole_training(epoch, factor):
    settings = schedule(name="step", milestones=[0.5, 0.75], gamma=0.2)
    assert lr_factor(settings, epoch, 8) == pytest.approx(factor)
    assert lr_factor(settings, 10 * epoch, 80) == pytest.approx(factor)


def test_warm_up_before_steps_and_constant():
    settings = schedule(name="step", milestones=[0.5], gamma=0.1, warmup_epochs=2)
    assert [lr_factor(settings, epoch, 8) for epoch in (0, 1, 2, 4)] == pytest.approx([0.01, 0.505, 1, 0.1])
    assert [lr_factor(schedule(name="constant"), epoch, 8) for epoch in (0, 4, 8)] == [1, 1, 1]
    assert lr_factor(schedule(name="cosine", warmup_epochs=8), 8, 8) == pytest.approx(1)  # nothing but warm-up


def test_the_rate_is_scaled_to_the_batch_size_it_is_stated_for():
    assert base_learning_rate(OptimizerSettings(lr=0.1), 32, 64) == pytest.approx(0.05)
    assert base_learning_rate(OptimizerSettings(lr=0.1), 128, 64) == pytest.approx(0.2)
    assert base_learning_rate(OptimizerSettings(lr=0.1), 32, None) == 0.1


def test_optimisers_have_the_recipes_settings_and_leave_frozen_parameters_alone():
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    module[0].requires_grad_(False)
    settings = OptimizerSettings(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01)
    (group,) = build_optimizer(module, settings).param_groups
    assert group["params"] == list(module[1].parameters())
    assert (group["lr"], group["momentum"], group["nesterov"], group["weight_decay"]) == (0.1, 0.8, True, 0.01)
    settings = OptimizerSettings(name="adamw", lr=0.2, betas=(0.8, 0.9), weight_decay=0.1)
    adamw = build_optimizer(module, settings)
    (group,) = adamw.param_groups
    assert isinstance(adamw, torch.optim.AdamW)
    assert (group["lr"], group["betas"], group["weight_decay"]) == (0.2, (0.8, 0.9), 0.1)
    set_learning_rate(adamw, 0.3)
    assert group["lr"] == 0.3


def test_weight_decay_of_matrices_alone():
    module = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 1), torch.nn.BatchNorm3d(2), torch.nn.Linear(2, 2))
    settings = OptimizerSettings(name="sgd", lr=0.1, weight_decay=0.5, decayed="matrices")
    decays = {id(p): g["weight_decay"] for g in build_optimizer(module, settings).param_groups for p in g["params"]}
    found = {name: decays[id(p)] for name, p in module.named_parameters()}
    assert {name for name, decay in found.items() if decay == 0.5} == {"0.weight", "2.weight"}
    assert {name for name, decay in found.items() if decay == 0.0} == {"0.bias", "1.weight", "1.bias", "2.bias"}
    assert len(build_optimizer(module, settings.model_copy(update={"decayed": "all"})).param_groups) == 1


TABLES = {
    "videoswin": {"relative_position_bias_table"},
    "vivit": {"cls_token", "position_embeddings"},
    "timesformer": {"cls_token", "position_embeddings", "time_embeddings"},
    "mvit": {"rel_pos_h", "rel_pos_w", "rel_pos_t"},
}
"""By backbone: its parameters with two or more dimensions that are looked up or added."""


@pytest.mark.parametrize("backbone", backbones.names())
def test_of_every_backbone_kernels_and_weights_of_layers_decay_and_nothing_else(backbone):
    """Against the kinds of layers, not names: every kernel of a convolution and every weight of a linear layer."""
    with torch.device("meta"):
        network = backbones.build(backbone)
    kernels = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d)
    }
    decayed = {id(parameter) for parameter in matrices_of(network)}
    assert decayed == kernels
    left = {name.split(".")[-1] for name, p in network.named_parameters() if p.ndim > 1 and id(p) not in decayed}
    assert left == TABLES.get(backbone, set())


class Odd(nn.Module):
    """Parameters with the names and shapes that transformers give them."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.pos_embed = nn.Parameter(torch.zeros(1, 7, 4))
        self.gate = nn.Parameter(torch.zeros(1, 4, 1))
        self.proj = nn.Parameter(torch.zeros(4, 3))
        self.transposed = nn.Parameter(torch.zeros(4, 3))


def test_tokens_embeddings_positions_and_stored_vectors_do_not_decay():
    module = Odd()
    decayed = {id(parameter) for parameter in matrices_of(module)}
    found = {name for name, parameter in module.named_parameters() if id(parameter) in decayed}
    assert found == {"attention.in_proj_weight", "attention.out_proj.weight", "proj", "transposed"}


def test_a_shared_matrix_decays_once():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    settings = OptimizerSettings(lr=0.1, weight_decay=0.5, decayed="matrices")
    decayed, others = build_optimizer(module, settings).param_groups
    assert [id(p) for p in decayed["params"]] == [id(module[0].weight)] and len(others["params"]) == 2
