"""Batch normalisation of untrained networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import CPU, GRID, changed, make_study, spec_of, table
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from videossl.common.errors import UserError
from videossl.data.feature_file import read_features
from videossl.data.loader import ClipDataset, prepare
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.data.sampling import UniformClips
from videossl.evaluation.batch_statistics import estimate_statistics
from videossl.evaluation.features import extract
from videossl.evaluation.model import build_backbone
from videossl.stages.registry import stage
from videossl.training.interrupt import Signals

pytestmark = pytest.mark.usefixtures("own_signals")
PROTOCOLS = ("linear_probe", "knn", "retrieval")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    grids = [GRID | {"protocol": protocol, "task": "rspnet"} for protocol in PROTOCOLS]
    return make_study(tmp_path_factory.mktemp("study"), {"a": table(grids, rows=["subset", "protocol", "metric"])})


def cells_of(study, name):
    """The pretrained cell and the baseline."""
    return sorted(study.of_stage(name), key=lambda cell: cell.is_scratch)


def estimated(spec, target, backbone):
    rows = read_manifest(target.manifest)
    videos = target_videos(rows).train
    store = open_store(target.manifest, rows)
    used = estimate_statistics(spec, backbone, store, videos, CPU, torch.device("cpu"), Signals())
    return used, videos, store


class Plain(nn.Module):
    """Batch normalisation of the clips themselves, after dropout that would change everything."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout, self.bn = nn.Dropout(0.9), nn.BatchNorm3d(3)

    def forward(self, clips):
        return self.bn(self.dropout(clips)).mean(dim=(2, 3, 4))


@pytest.mark.parametrize("batch_size", [4, 100])
def test_statistics_are_the_means_over_batches_of_the_training_videos(study, target, batch_size):
    spec = changed(spec_of(study, cells_of(study, "features")[1]), batch_size=batch_size)
    network = Plain()
    used, videos, store = estimated(spec, target, network)
    size = min(batch_size, len(videos))
    order = np.random.default_rng(spec.seed).permutation(len(videos))
    dataset = ClipDataset(
        store, videos, UniformClips(spec.clip.frames, spec.stride, 1), spec.test_augmentation, spec.seed
    )
    clips = torch.cat([prepare(dataset[0, int(index)], "cpu")[:, :1].flatten(0, 1) for index in order])
    batches = clips.split(size)[: len(videos) // size]
    assert used == size * len(batches) and network.bn.num_batches_tracked == len(batches)
    by_channel = [batch.transpose(0, 1).flatten(1).double() for batch in batches]
    mean = torch.stack([values.mean(dim=1) for values in by_channel]).mean(dim=0)
    variance = torch.stack([values.var(dim=1) for values in by_channel]).mean(dim=0)
    torch.testing.assert_close(network.bn.running_mean.double(), mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.bn.running_var.double(), variance, rtol=1e-4, atol=1e-5)
    assert not any(module.training for module in network.modules()) and network.bn.momentum == 0.1


def test_weights_stay_and_networks_without_batch_normalisation_have_nothing_to_estimate(study, target):
    spec = spec_of(study, cells_of(study, "features")[1])
    backbone = build_backbone(spec, None)
    before = {name: value.clone() for name, value in backbone.named_parameters()}
    estimated(spec, target, backbone)
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_parameters())
    assert any(layer.running_mean.abs().max() > 0 for layer in backbone.modules() if isinstance(layer, _BatchNorm))
    assert estimated(spec, target, nn.Linear(2, 2))[0] == 0


def test_features_of_an_untrained_network_differ_between_videos(study, target, tmp_path):
    spec = spec_of(study, cells_of(study, "features")[1])
    spread = {}
    for name, one in (("estimated", spec), ("initial", changed(spec, estimated_statistics=False))):
        output = tmp_path / name / "features.npz"
        extract(one, manifest=target.manifest, weights=None, output=output, compute=CPU)
        spread[name] = float(read_features(output).test.std(axis=0).mean())
    assert spread["estimated"] > 20 * spread["initial"]


def test_only_specifications_of_untrained_networks_say_so(study):
    pretrained, scratch = (spec_of(study, cell) for cell in cells_of(study, "features"))
    assert "estimated_statistics" not in pretrained.values and scratch.values["estimated_statistics"] is True
    assert scratch.values == pretrained.values | {"estimated_statistics": True}
    for name in PROTOCOLS:
        for cell in study.of_stage(name):
            assert spec_of(study, cell).features == (scratch if cell.is_scratch else pretrained)
    works = [stage("features").work(study, cell).clips for cell in cells_of(study, "features")]
    assert works[1] - works[0] == study.videos("ucf101").finetuned


def test_one_video_has_no_statistics(study, target):
    spec = spec_of(study, cells_of(study, "features")[1])
    rows = read_manifest(target.manifest)
    videos, store = target_videos(rows).train.iloc[:1], open_store(target.manifest, rows)
    with pytest.raises(UserError, match="2 training videos or more, and the target has 1"):
        estimate_statistics(spec, build_backbone(spec, None), store, videos, CPU, torch.device("cpu"), Signals())
