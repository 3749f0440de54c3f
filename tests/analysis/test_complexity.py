"""Parameters and GFLOPs against Table 10 of the paper's supplement."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from videossl.analysis.complexity import count_gflops, count_parameters, network_metrics, paper_network
from videossl.backbones import registry
from videossl.common.errors import UserError
from videossl.common.results import IDENTITY, read_metrics, write_metrics
from videossl.stages.cells import Cell
from videossl.stages.registry import stage

# backbone: parameters in millions and GFLOPs, as printed in the supplement
PAPER = {
    "shufflenet": (4.59, 1.08),
    "mobilenet": (3.06, 1.12),
    "squeezenet": (1.89, 1.84),
    "c3d": (27.66, 77.22),
    "r3d": (14.36, 39.84),
    "r2plus1d": (14.37, 42.96),
}
EXACT = {
    "shufflenet": 4_589_840,
    "mobilenet": 3_061_733,
    "squeezenet": 1_889_573,
    "c3d": 27_661_440,
    "r3d": 14_361_792,
    "r2plus1d": 14_365_303,
}
NETWORK = dict.fromkeys(IDENTITY, "") | {"stage": "network", "protocol": "network", "epochs": 0, "seed": 0}


@pytest.fixture(scope="module")
def models():
    with torch.device("meta"):
        return {name: paper_network(name) for name in PAPER}


@pytest.mark.parametrize("name", PAPER)
def test_parameters_to_two_decimals(models, name):
    assert round(count_parameters(models[name]) / 1e6, 2) == PAPER[name][0]


@pytest.mark.parametrize("name", EXACT)
def test_parameters_exactly(models, name):
    assert count_parameters(models[name]) == EXACT[name]


@pytest.mark.parametrize(
    ("name", "channels", "without"), [("shufflenet", 1920, 3_606_288), ("mobilenet", 1280, 2_354_048)]
)
def test_parameters_of_the_embedding(name, channels, without):
    with torch.device("meta"):
        model, bare = registry.build(name), registry.build(name, embedding=0)
    assert count_parameters(bare) == without
    assert count_parameters(model) - count_parameters(bare) == channels * 512 + 512


def test_a_classifier_is_counted_where_the_paper_counts_one(models):
    counted = {name for name, model in models.items() if isinstance(model, nn.Sequential)}
    assert counted == {"mobilenet", "squeezenet"}
    for name in counted:
        linear = models[name][-1]
        assert (linear.in_features, linear.out_features) == (512, 101)


@pytest.mark.parametrize("name", PAPER)
def test_gflops_within_one_percent(models, name):
    assert count_gflops(models[name]) == pytest.approx(PAPER[name][1], rel=0.01)


def test_gflops_by_hand():
    """One clip of 2x4x4: conv 3 -> 5 (no bias), BN, ReLU, conv 5 -> 7, ReLU6, global pool, linear 7 -> 2."""
    model = nn.Sequential(
        nn.Conv3d(3, 5, 1, bias=False),
        nn.BatchNorm3d(5),
        nn.ReLU(),
        nn.Conv3d(5, 7, 1),
        nn.ReLU6(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(7, 2),
    )
    voxels = 2 * 4 * 4
    macs = voxels * 3 * 5 + voxels * 5 * 7 + 7 * 2
    elements = 3 * voxels * 5 + 3 * voxels * 7 + 2  # BN twice, ReLU; bias, ReLU6, pool; bias
    assert count_gflops(model, frames=2, size=4) * 1e9 == pytest.approx(2 * macs + 2 * elements)


def test_attention_is_counted():
    """A transformer's products, those of attention among them; frozen weights do not take another path."""

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(48, 4, 96, bias=False, batch_first=True).requires_grad_(False)

        def forward(self, x):  # (1, 3, 2, 4, 4) is two tokens of 48 numbers
            return self.layer(x.reshape(1, 2, 48))

    tokens, dim, hidden = 2, 48, 96
    macs = tokens * (4 * dim * dim + 2 * dim * hidden) + 2 * tokens * tokens * dim
    assert count_gflops(Tokens(), frames=2, size=4) * 1e9 == pytest.approx(2 * macs)


def test_counting_leaves_the_model_alone():
    model = registry.build("r2plus1d", width=0.05).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count_gflops(model, frames=4, size=32)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize("name", registry.names())
def test_metrics_of_any_backbone_can_be_written(tmp_path, name):
    path = tmp_path / "metrics.parquet"
    write_metrics(path, NETWORK | {"backbone": name}, network_metrics(name))
    values = read_metrics(path).set_index("metric")["value"]
    assert list(values.index) == ["parameters_millions", "gflops"]
    assert 1 < values["parameters_millions"] < 1000
    assert 1 < values["gflops"] < 10_000
    if name in PAPER:
        assert values["parameters_millions"] * 1e6 == EXACT[name]


def test_metrics_of_an_unknown_backbone():
    with pytest.raises(UserError, match="unknown backbone 'resnet'"):
        network_metrics("resnet")


def test_the_script_writes_the_metrics(tmp_path, monkeypatch, capsys):
    script = Path(__file__).parents[2] / "workflow/scripts/run_stage.py"
    output = tmp_path / "metrics.parquet"
    cell = Cell("network", "", "", "shufflenet", "", "", 0, "", "network", 0)
    spec = stage("network").spec(None, cell)  # which asks nothing of the study
    options = ["network", "--spec", spec.json_text, "--identity", json.dumps(cell.identity), "--inputs", "{}"]
    options += ["--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [str(script), *options])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["shufflenet: parameters_millions 4.59", "shufflenet: gflops 1.07"]
    frame = read_metrics(output)
    assert (frame["backbone"] == "shufflenet").all() and frame["split"].eq("").all() and frame["n"].eq(1).all()
