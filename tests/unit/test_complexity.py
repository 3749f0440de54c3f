"""Parameters and GFLOPs against Table 10 of the paper's supplement."""

import pytest
import torch
from torch import nn

from videossl.analysis.complexity import count_gflops, count_parameters
from videossl.backbones import registry

# backbone: parameters in millions and GFLOPs, as printed
PAPER = {"shufflenet": (4.59, 1.08), "r2plus1d": (14.37, 42.96)}


@pytest.fixture(scope="module")
def models():
    with torch.device("meta"):
        return {name: registry.build(name) for name in PAPER}


@pytest.mark.parametrize("name", PAPER)
def test_parameters_to_two_decimals(models, name):
    assert round(count_parameters(models[name]) / 1e6, 2) == PAPER[name][0]


@pytest.mark.parametrize(("name", "exact"), [("shufflenet", 4_589_840), ("r2plus1d", 14_365_303)])
def test_parameters_exactly(models, name, exact):
    assert count_parameters(models[name]) == exact


def test_shufflenet_without_its_linear_layer_has_3_606_million():
    with torch.device("meta"):
        model = registry.build("shufflenet", embedding=0)
    assert count_parameters(model) == 4_589_840 - (1920 * 512 + 512) == 3_606_288


@pytest.mark.parametrize("name", PAPER)
def test_gflops_within_one_percent(models, name):
    assert count_gflops(models[name]) == pytest.approx(PAPER[name][1], rel=0.01)


def test_gflops_by_hand():
    """One clip of 2x4x4: conv 3 -> 5, 1x1x1 (no bias), BN, ReLU, global pool, linear 5 -> 2."""
    model = nn.Sequential(
        nn.Conv3d(3, 5, 1, bias=False),
        nn.BatchNorm3d(5),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(5, 2),
    )
    voxels = 2 * 4 * 4
    macs = voxels * 3 * 5 + 5 * 2
    elements = 2 * voxels * 5 + voxels * 5 + voxels * 5  # BN twice, ReLU, pool
    assert count_gflops(model, frames=2, size=4) * 1e9 == pytest.approx(2 * macs + 2 * elements)


def test_counting_leaves_the_model_alone():
    model = registry.build("r2plus1d", width=0.05).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count_gflops(model, frames=4, size=32)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())
