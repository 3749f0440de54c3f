"""Attentive probe: attention over the frozen feature map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import CONFIG, CPU, GRID, changed, make_study, spec_of, table
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.intact import read_json
from videossl.common.results import read_metrics, read_predictions
from videossl.evaluation.attentive_probe import (
    AttentiveClassifier,
    FrozenTokens,
    attentive_probe,
    choose_rate,
    logits_of,
    train,
)
from videossl.evaluation.model import build_backbone
from videossl.study.contradictions import check_contradictions
from videossl.training.checkpoint import save_torch
from videossl.training.interrupt import Signals

pytestmark = pytest.mark.usefixtures("own_signals")
SETTINGS = {"rates": [1e-3, 1e-2], "epochs": 3, "batch_size": 8, "train_clips": 2}
DEVICE = torch.device("cpu")


def study_of(folder, **settings):
    grid = GRID | {"protocol": "attentive_probe", "task": "rspnet"}
    own = SETTINGS | settings
    return make_study(folder, {"a": table(grid, rows="task", columns="target")}, attentive_probe=own)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return study_of(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def spec(study):
    (cell,) = [one for one in study.of_stage("attentive_probe") if not one.is_scratch]
    return spec_of(study, cell)


@pytest.fixture
def signals():
    return Signals()


def tokens_with_a_marked_place(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (count, 2 clips, 9 places, 8): one place, anywhere, is marked, and has the class; the others say nothing.

    Their mean hardly shows the class, as each of the eight other places shows one at random.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    shown = rng.integers(0, 3, (count, 2, 9))
    marked = rng.integers(0, 9, (count, 2))
    np.put_along_axis(shown, marked[..., None], np.broadcast_to(labels[:, None, None], (count, 2, 1)), axis=2)
    tokens = 4 * np.eye(8)[shown]
    tokens[..., 7] = 4 * (np.arange(9) == marked[..., None])
    return tokens.astype(np.float16), labels


def test_attention_by_hand():
    """The pooled token of two heads, from the weights, without torch's layer."""
    torch.manual_seed(0)
    probe = AttentiveClassifier(128, 3, queries=2).double().eval()  # two heads of 64 channels
    with torch.no_grad():
        for parameter in probe.parameters():
            parameter.normal_(0, 0.2)
    tokens = torch.randn(4, 5, 128, dtype=torch.float64)
    keys = F.layer_norm(tokens, (128,), probe.norm1.weight, probe.norm1.bias)
    inner, bias = probe.attention.in_proj_weight.chunk(3), probe.attention.in_proj_bias.chunk(3)
    query, key, value = (F.linear(x, w, b) for x, w, b in zip((probe.queries, keys, keys), inner, bias, strict=True))
    heads = []
    for part in (slice(0, 64), slice(64, 128)):
        weights = (query[..., part] @ key[..., part].transpose(1, 2) / 8).softmax(dim=2)
        heads.append(weights @ value[..., part])
    found = probe.queries + probe.attention.out_proj(torch.cat(heads, dim=2))
    pooled = (found + probe.mlp(F.layer_norm(found, (128,), probe.norm2.weight, probe.norm2.bias))).mean(dim=1)
    torch.testing.assert_close(probe.pool(tokens), pooled)
    torch.testing.assert_close(probe(tokens), F.linear(pooled, probe.fc.weight, probe.fc.bias))


def test_the_order_of_tokens_means_nothing_and_their_values_do():
    torch.manual_seed(0)
    probe = AttentiveClassifier(16, 3, queries=1).eval()
    tokens = torch.randn(2, 6, 16)
    torch.testing.assert_close(probe(tokens), probe(tokens[:, torch.randperm(6)]), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(probe(tokens), probe(tokens * torch.linspace(-1, 1, 16)))


@pytest.mark.parametrize("name", backbones.names())
def test_tokens_are_the_places_of_every_networks_map(name):
    backbone = backbones.build(name, width=0.1 if name != "mvit" else 0.25)
    frozen = FrozenTokens(backbone).eval()
    clips = torch.randn(2, 3, 8, 32, 32)
    with torch.no_grad():
        tokens, found = frozen(clips), backbone.feature_map(clips)
    assert tokens.shape == (2, found[0, 0].numel(), backbone.map_channels)
    torch.testing.assert_close(tokens.mean(dim=2), torch.zeros(tokens.shape[:2]), rtol=0, atol=1e-4)
    place = np.unravel_index(tokens.shape[1] - 1, found.shape[2:])
    expected = F.layer_norm(found[(slice(None), slice(None), *place)], (backbone.map_channels,))
    torch.testing.assert_close(tokens[:, -1], expected)
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_attention_finds_what_a_mean_hides(spec, signals):
    tokens, labels = tokens_with_a_marked_place(240, 0)
    unseen, wanted = tokens_with_a_marked_place(120, 1)
    longer = changed(spec, epochs=20, batch_size=32)
    (probe,) = train(longer, [1e-2], tokens, labels, np.arange(240), 3, DEVICE, signals)
    assert (logits_of(probe, unseen, 50, DEVICE).argmax(axis=1) == wanted).mean() > 0.9
    means = np.broadcast_to(tokens.mean(axis=2, keepdims=True), tokens.shape)
    (blind,) = train(longer, [1e-2], means, labels, np.arange(240), 3, DEVICE, signals)
    assert (logits_of(blind, unseen.mean(axis=2, keepdims=True), 50, DEVICE).argmax(axis=1) == wanted).mean() < 0.75


def test_rates_are_chosen_on_validation_videos_alone(spec, signals):
    tokens, labels = tokens_with_a_marked_place(80, 0)
    held = np.arange(80) % 4 == 0
    several = changed(spec, rates=[1e-2, 1e-5], epochs=8)
    rate, tried = choose_rate(several, tokens, labels, held, 3, DEVICE, signals)
    assert list(tried) == [1e-5, 1e-2] and rate == 1e-2 and tried[1e-2] > tried[1e-5]
    for one, accuracy in tried.items():  # again, alone, and without the validation videos
        (probe,) = train(several, [one], tokens[~held], labels[~held], np.arange((~held).sum()), 3, DEVICE, signals)
        found = logits_of(probe, tokens[held], 8, DEVICE).argmax(axis=1)
        assert accuracy == pytest.approx((found == labels[held]).mean())
    equal = choose_rate(changed(spec, rates=[3e-9, 1e-9], epochs=1), tokens, labels, held, 3, DEVICE, signals)
    assert equal[0] == 1e-9  # neither has learned anything: the lower one


def test_a_run_leaves_its_files_and_the_network_as_it_was(study, spec, target, tmp_path):
    (cell,) = [one for one in study.of_stage("attentive_probe") if not one.is_scratch]
    backbone = build_backbone(changed(spec.features, seed=5), None)
    weights = tmp_path / "weights.pt"
    save_torch(
        weights, {"backbone": backbone.state_dict(), "spec": spec.features.backbone.model_dump(), "identity": {}}
    )
    before, folder = weights.read_bytes(), tmp_path / "run"
    attentive_probe(spec, cell.identity, manifest=target.manifest, weights=weights, folder=folder, compute=CPU)
    assert weights.read_bytes() == before
    metrics = read_metrics(folder / "metrics.parquet").set_index(["split", "metric"])
    predictions = read_predictions(folder / "predictions.parquet")
    assert metrics["value"]["test", "top1"] == pytest.approx(predictions["correct"].mean()) and len(predictions) == 10
    assert metrics["value"]["val", "learning_rate"] in SETTINGS["rates"]
    assert 0 <= metrics["value"]["val", "validation_top1"] <= 1
    samples = read_json(folder / "run.json", {}, "record of a run")["samples"]
    assert samples["test"] == 10 and 0 < samples["validation"] < samples["train"]
    assert not list(folder.glob(".tokens*"))  # the tokens are gone
    again = tmp_path / "again"
    attentive_probe(spec, cell.identity, manifest=target.manifest, weights=weights, folder=again, compute=CPU)
    assert (again / "predictions.parquet").read_bytes() == (folder / "predictions.parquet").read_bytes()


def test_the_stage_has_settings_of_its_own_and_a_baseline(study, spec, tmp_path):
    assert {cell.stage for cell in study.all_cells} == {"pretrain", "attentive_probe"}
    cells = {cell.task: cell for cell in study.of_stage("attentive_probe")}
    assert set(cells) == {"rspnet", "scratch"}
    assert spec_of(study, cells["scratch"]).features.estimated_statistics and not spec.features.estimated_statistics
    assert (spec.rates, spec.train_clips, spec.weight_decay) == ([1e-3, 1e-2], 2, 0.01)
    other = study_of(tmp_path, queries=2)
    assert spec_of(other, cells["rspnet"]).hash != spec.hash


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rates": []}, "attentive_probe.rates"),
        ({"rates": [0.1, 0.1]}, "attentive_probe.rates"),
        ({"queries": 0}, "attentive_probe.queries"),
        ({"query": 1}, "query"),
    ],
)
def test_invalid_settings_are_explained(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        study_of(tmp_path, **settings)


def test_a_target_without_validation_videos_is_refused(tmp_path):
    datasets = CONFIG["datasets"] | {"ucf101": CONFIG["datasets"]["ucf101"] | {"validation": 0.0}}
    grid = GRID | {"protocol": "attentive_probe", "task": "rspnet"}
    study = make_study(tmp_path, {"a": table(grid, rows="task", columns="target")}, datasets=datasets)
    with pytest.raises(UserError, match=r"datasets\.ucf101\.validation.*attentive probing chooses its learning rate"):
        check_contradictions(study)
