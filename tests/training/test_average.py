"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from videossl.training.average import WeightAverage, matching


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def moved(module: nn.Module, step: int) -> nn.Module:
    """`module` after a made-up step."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * step
    module.train()(torch.full((4, 3), float(step)) + torch.arange(4.0)[:, None])
    return module


@pytest.mark.parametrize("decay", [0.15, 0.9])
def test_it_follows_the_formula_with_a_bound_on_the_decay(decay):
    module = network()
    average = WeightAverage(module, decay)
    expected = {name: value.double().clone() for name, value in module.state_dict().items()}
    for step in range(1, 6):
        average.update(moved(module, step))
        used = min(decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            expected[name] = used * expected[name] + (1 - used) * value.double()
    for name, value in average.values.items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)
    assert average.values["1.num_batches_tracked"] == 5


def test_it_changes_the_network_only_when_it_is_applied():
    module = network()
    average = WeightAverage(module, 0.9)
    before = {name: value.clone() for name, value in moved(module, 1).state_dict().items()}
    average.update(module)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    average.apply(module)
    assert all(torch.equal(value, average.values[name]) for name, value in module.state_dict().items())
    assert not torch.equal(module[0].weight, before["0.weight"])


def test_a_restored_average_goes_on_bit_for_bit():
    module = network()
    average = WeightAverage(module, 0.9)
    average.update(moved(module, 1))
    state = {"values": {name: value.clone() for name, value in average.state()["values"].items()}, "steps": 1}
    other = WeightAverage(network(), 0.9)
    other.restore(state)
    moved(module, 2)
    for one in (average, other):
        one.update(module)
    assert other.steps == 2 and all(torch.equal(value, other.values[name]) for name, value in average.values.items())


def test_a_state_that_does_not_fit_is_told():
    average = WeightAverage(network(), 0.9)
    assert matching(None, {}) == "" == matching(average, {"average": average.state()})
    assert "it is a NoneType" in matching(average, {})
    values = {name: value for name, value in average.values.items() if name != "0.bias"}
    assert "0.bias" in matching(average, {"average": {"values": values, "steps": 1}})
