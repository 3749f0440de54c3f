"""Features of a frozen backbone, and what is done with them: linear probe and retrieval."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from tiny import CONFIG, CPU, GRID, changed, make_study, spec_of, table

from videossl.common.errors import UserError
from videossl.common.results import read_metrics, read_predictions
from videossl.data.feature_file import Features, read_features
from videossl.evaluation.features import extract
from videossl.evaluation.model import build_backbone
from videossl.evaluation.probe import choose, fit, linear_probe, scores
from videossl.evaluation.retrieve import chance, retrieve
from videossl.training.checkpoint import save_torch

pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    grids = [GRID | {"protocol": protocol, "task": "rspnet"} for protocol in ("linear_probe", "retrieval")]
    return make_study(tmp_path_factory.mktemp("study"), {"a": table(grids, baseline=False)})


@pytest.fixture
def features(study, target, tmp_path):
    """The features file of a network that is not the seed's, and its weights."""
    (cell,) = study.of_stage("features")
    spec = spec_of(study, cell)
    backbone = build_backbone(changed(spec, seed=5), None)
    weights = tmp_path / "weights.pt"
    save_torch(weights, {"backbone": backbone.state_dict(), "spec": spec.backbone.model_dump(), "identity": {}})
    output = tmp_path / "features" / "features.npz"
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    extract(spec, manifest=target.manifest, weights=weights, output=output, compute=CPU)
    assert all(torch.equal(value, backbone.state_dict()[key]) for key, value in before.items())
    return output


@pytest.mark.parametrize("crop", ["center", "random"])
def test_features_see_clips_as_the_test_after_finetuning_does(tmp_path, crop):
    """`finetune.augment` prepares the clips of every evaluation."""
    finetune = CONFIG["finetune"] | {"augment": {"crop": crop, "resize_short": 20}}
    grids = [GRID | {"protocol": protocol, "task": "rspnet"} for protocol in ("linear_probe", "finetune")]
    study = make_study(tmp_path, {"a": table(grids)}, finetune=finetune)
    features, tested = (spec_of(study, study.of_stage(name)[0]) for name in ("features", "finetune"))
    assert features.test_augmentation == tested.test_augmentation
    assert (tested.test_augmentation.resize_short, tested.test_augmentation.crop) == (20, "center")
    assert (
        "resize_short"
        not in spec_of(make_study(tmp_path, {"a": table(grids)}), study.of_stage("features")[0]).json_text
    )


def cluster(labels: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """Features (N, 6) around one corner a class."""
    return (np.eye(6)[labels] + noise * np.random.default_rng(seed).normal(size=(len(labels), 6))).astype(np.float32)


def made_up(noise: float = 0.1) -> Features:
    train, test = np.tile(np.arange(4), 15), np.tile(np.arange(4), 10)
    held = np.arange(60) % 5 == 0
    ids = np.array([f"v{n}" for n in range(40)])
    return Features(cluster(train, noise), train, held, cluster(test, noise, 1), test, ids, "test", 4)


def test_features_are_means_over_clips_of_all_readable_videos(features, target):
    data = read_features(features)
    assert (len(data.test), data.classes, data.test_split) == (10, 3, "test")
    assert data.train.dtype == np.float32 and len(data.train) == len(data.train_labels) == len(data.validation)
    assert data.validation.any() and not data.validation.all()
    assert np.isfinite(data.train).all() and np.std(data.test, axis=0).max() > 0


def test_both_protocols_leave_their_files(features, study, tmp_path):
    (probe,), (retrieval,) = study.of_stage("linear_probe"), study.of_stage("retrieval")
    linear_probe(spec_of(study, probe), probe.identity, features=features, folder=tmp_path / "probe")
    retrieve(spec_of(study, retrieval), retrieval.identity, features=features, folder=tmp_path / "retrieval")
    metrics = read_metrics(tmp_path / "probe/metrics.parquet").set_index(["split", "metric"])["value"]
    predictions = read_predictions(tmp_path / "probe/predictions.parquet")
    assert metrics["test", "top1"] == pytest.approx(predictions["correct"].mean())
    assert metrics["val", "inverse_regularisation"] in study.config.linear_probe.inverse_regularisation
    recalls = read_metrics(tmp_path / "retrieval/metrics.parquet").set_index("metric")
    assert list(recalls.index) == [f"recall_at_{k}" for k in (1, 5, 10, 20, 50)]
    assert recalls["value"].is_monotonic_increasing and (recalls["n"] == 10).all()
    assert ((tmp_path / "probe/run.json").is_file(), (tmp_path / "retrieval/run.json").is_file()) == (True, True)


def test_the_probe_learns_what_is_linear_and_selects_on_validation_alone():
    data = made_up(noise=0.6)
    strengths = [1e-4, 1e-2, 1.0, 100.0]
    strength, tried = choose(data, strengths, 500)
    held = data.validation
    for value in strengths:  # each accuracy again, from a fit without the validation videos
        probe = fit(data.train[~held], data.train_labels[~held], value, 500)
        assert tried[value] == (scores(probe, data.train[held], 4).argmax(axis=1) == data.train_labels[held]).mean()
    assert len(set(tried.values())) > 1 and tried[strength] == max(tried.values())
    data = made_up()
    found = scores(fit(data.train, data.train_labels, strength, 500), data.test, 4).argmax(axis=1)
    assert (found == data.test_labels).mean() > 0.95


def test_of_equal_strengths_the_stronger_regularisation_wins():
    assert choose(made_up(noise=0.0), [10.0, 0.1, 1.0], 500)[0] == 0.1


def test_scores_have_a_column_a_class():
    data = made_up()
    two = data.train_labels < 2
    logits = scores(fit(data.train[two], data.train_labels[two], 1.0, 500), data.test, 4)
    assert logits.shape == (40, 4) and np.isfinite(logits).all()
    assert set(logits.argmax(axis=1)) <= {0, 1}
    known = data.test_labels < 2
    assert (logits.argmax(axis=1) == data.test_labels)[known].all()


def test_without_validation_videos_there_is_no_choice():
    data = made_up()
    with pytest.raises(UserError, match="validation videos, and the target has none"):
        choose(Features(**{**data.__dict__, "validation": np.zeros(60, bool)}), [1.0], 100)


def test_chance_of_retrieval_by_enumeration():
    """Of 4 gallery videos 1 has the first query's class and 2 the second's; drawing 2 of 4."""
    gallery = torch.tensor([0, 1, 1, 2])
    expected = (1 - 3 / 6) / 2 + (1 - 1 / 6) / 2
    assert chance(torch.tensor([0, 1]), gallery, 2) == pytest.approx(expected)
    assert chance(torch.tensor([0, 1]), gallery, 50) == pytest.approx(1.0)


def test_probing_imports_no_torch():
    """It takes as long as scikit-learn, and there are hundreds of such jobs."""
    code = "import sys; import videossl.evaluation.probe, videossl.training.failure; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
