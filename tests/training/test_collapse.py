"""What a pretraining says of its features."""

from __future__ import annotations

import pytest
import torch
from runs import same_bits, train
from tiny import CPU, make_study, pretrain_arguments

from videossl.analysis.spectrum import dead_channels, effective_rank
from videossl.common.results import read_metrics
from videossl.data.loader import ClipDataset, prepare
from videossl.data.sampling import UniformClips
from videossl.data.selection import open_subset
from videossl.pretext.base import PretextTask
from videossl.stages.registry import stage
from videossl.training.checkpoint import load_torch
from videossl.training.collapse import STRIDE, collapse_metrics
from videossl.training.interrupt import Signals
from videossl.training.pretrain import build_task
from videossl.training.specs import COLLAPSE_METRICS

pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"))


def test_a_pretraining_measures_the_features_of_the_weights_that_it_saves(study, source, tmp_path):
    folder = train(study, "rotnet", source, tmp_path, 50)
    metrics = read_metrics(folder / "metrics.parquet").set_index("metric")
    assert (metrics.loc[list(COLLAPSE_METRICS), "split"] == "val").all()
    spec, _ = pretrain_arguments(study, "rotnet", 50)
    backbone = build_task(spec).backbone
    backbone.load_state_dict(load_torch(folder / "weights.pt")["backbone"])
    videos, store = open_subset(source.heldout)
    dataset = ClipDataset(store, videos, UniformClips(4, STRIDE, 1), spec.test_augmentation, spec.seed)
    with torch.no_grad():
        clips = torch.cat([prepare(dataset[0, place], "cpu")[:, 0] for place in range(len(videos))])
        features = backbone.eval()(clips).numpy()
    rank, dead, channels = (metrics.loc[name, "value"] for name in COLLAPSE_METRICS)
    assert rank == pytest.approx(effective_rank(features), rel=1e-3) and 1 <= rank <= len(videos) - 1
    assert (dead, channels) == (dead_channels(features), features.shape[1])
    assert set(metrics.loc[list(COLLAPSE_METRICS), "n"]) == {len(videos)}


def test_the_network_that_a_task_names_is_measured_and_saved(study, source, tmp_path, monkeypatch):
    """Such as a moving average. Here it is one without any weights, hence with the same features for all videos."""
    spec, _ = pretrain_arguments(study, "rotnet", 50)
    other = build_task(spec).backbone
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    monkeypatch.setattr(PretextTask, "pretrained", property(lambda task: other))
    folder = train(study, "rotnet", source, tmp_path, 50)
    assert same_bits(load_torch(folder / "weights.pt")["backbone"], dict(other.state_dict()))
    metrics = read_metrics(folder / "metrics.parquet").set_index("metric")["value"]
    assert metrics["dead_channels"] == metrics["feature_channels"]


def test_a_collapsed_network_is_seen_and_nothing_of_it_changes(study, source):
    spec, _ = pretrain_arguments(study, "rotnet", 50)
    videos, store = open_subset(source.heldout)
    ranks = []
    for collapsed in (False, True):
        backbone = build_task(spec).backbone
        if collapsed:  # the last layers' channels become constant
            with torch.no_grad():
                for name, parameter in backbone.named_parameters():
                    parameter.zero_() if "bn" in name or parameter.ndim > 1 else None
        before = {name: value.clone() for name, value in backbone.state_dict().items()}
        rows = collapse_metrics(spec, backbone, store, videos, CPU, torch.device("cpu"), Signals())
        assert same_bits(before, dict(backbone.state_dict()))
        ranks.append({row["metric"]: row["value"] for row in rows})
    assert ranks[0]["effective_rank"] >= 1 > ranks[1]["effective_rank"]
    assert ranks[1]["dead_channels"] == ranks[1]["feature_channels"]


def test_without_two_held_out_videos_nothing_is_said(study, source):
    spec, _ = pretrain_arguments(study, "rotnet", 50)
    videos, store = open_subset(source.heldout)
    backbone = build_task(spec).backbone
    assert collapse_metrics(spec, backbone, store, videos.iloc[:1], CPU, torch.device("cpu"), Signals()) == []


def test_an_entry_may_show_them(study):
    assert set(COLLAPSE_METRICS) <= set(study.metrics_of(study.pretraining[0]))
    assert not set(COLLAPSE_METRICS) & set(stage("pretrain").metrics_of(study, study.pretraining[0])[0])
