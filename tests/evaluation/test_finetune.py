"""Finetuning from end to end: what is tested, what is reported, and that one follows from the other."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from runs import same_bits
from tiny import CPU, GRID, Data, changed, finetune_arguments, make_study, spec_of, table

from videossl.common.errors import Interrupted, UserError
from videossl.common.results import read_metrics, read_predictions
from videossl.data.loader import ClipDataset, prepare
from videossl.data.manifest import Target, open_store, read_manifest, target_videos
from videossl.data.sampling import UniformClips
from videossl.evaluation.accuracy import accuracies, predict, video_counts
from videossl.evaluation.evaluate import videos_a_batch
from videossl.evaluation.finetune import finetune
from videossl.evaluation.model import Classifier, build_classifier
from videossl.evaluation.specs import FinetuneSpec, epochs_to_run
from videossl.stages.finetune import epochs_of
from videossl.study.study import Study
from videossl.training.checkpoint import Checkpoints, load_torch, save_torch

pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def weights(study, tmp_path_factory) -> Path:
    """As pretraining leaves them: a network with other weights than the seed's."""
    spec, identity = finetune_arguments(study, seed=77)
    backbone = build_classifier(spec, 3, None).backbone
    path = tmp_path_factory.mktemp("pretrained") / "weights.pt"
    save_torch(path, {"backbone": backbone.state_dict(), "spec": spec.backbone.model_dump(), "identity": identity})
    return path


def run(study: Study, target: Data, folder: Path, weights: Path | None = None, compute=CPU, **spec) -> Path:
    recipe, identity = finetune_arguments(study, **spec)
    finetune(recipe, identity, manifest=target.manifest, weights=weights, folder=folder, compute=compute)
    return folder


def test_split(target: Data) -> pd.DataFrame:
    manifest = pd.read_parquet(target.manifest)
    return manifest[manifest["split"] == "test"]


test_split.__test__ = False


def wilson(hits: int, n: int) -> tuple[float, float]:
    z, p = 1.959964, hits / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


@pytest.mark.parametrize("pretrained", [True, False], ids=["pretrained", "scratch"])
def test_from_videos_to_metrics(study, target, weights, tmp_path, capsys, pretrained):
    folder = run(study, target, tmp_path, weights if pretrained else None)
    listed = test_split(target)
    readable = listed[listed["status"] == "ok"]
    assert listed["status"].value_counts().to_dict() == {"ok": 10, "broken": 1, "missing": 1}

    predictions = read_predictions(folder / "predictions.parquet")
    assert predictions["video"].tolist() == readable["id"].tolist()
    assert predictions["label"].tolist() == readable["label"].tolist()
    assert (predictions["split"] == "test").all() and (predictions["clips"] == 2).all()
    assert predictions["prediction"].isin([0, 1, 2]).all()
    sure = predictions["probability_label"] > 0.5
    assert predictions["correct"][sure].all()

    rows = read_metrics(folder / "metrics.parquet")
    metrics = rows[rows["split"] == "test"].set_index("metric")
    assert sorted(metrics.index) == ["top1", "videos_broken", "videos_evaluated", "videos_missing"]
    hits = int((predictions["prediction"] == predictions["label"]).sum())
    top1 = metrics.loc["top1"]
    assert (top1["value"], top1["n"], top1["chance"]) == (hits / 10, 10, 1 / 3)
    assert (top1["ci_low"], top1["ci_high"]) == pytest.approx(wilson(hits, 10), abs=1e-6)
    counts = metrics["value"].filter(like="videos_").to_dict()
    assert counts == {"videos_evaluated": 10, "videos_broken": 1, "videos_missing": 1}
    assert set(metrics["n"].drop("top1")) == {12}

    written = json.loads((folder / "run.json").read_text())
    trained = pd.read_parquet(target.manifest).query("split in ['train', 'val']")["status"].value_counts()
    lost = {f"train_{status}": int(trained.get(status, 0)) for status in ("missing", "broken")}
    assert written["samples"] == {"train": trained["ok"], "test": 10, "test_missing": 1, "test_broken": 1, **lost}
    counts = rows[rows["split"] == "train"].set_index("metric")["value"].to_dict()
    expected = {"videos_trained": trained["ok"]} | {f"videos_{name[6:]}": count for name, count in lost.items()}
    assert counts == expected | {"epochs_run": 2}
    steps = 2 * (trained["ok"] // 4)
    assert written["length"] == {"epochs": 2, "steps": steps}
    assert rows.set_index("metric").loc["epochs_run", "n"] == steps
    assert f"top-1 {10 * hits:.1f} %" in (said := capsys.readouterr().out) and "1 test missing, 1 test broken" in said
    assert not (folder / "checkpoint.pt").exists()


def test_predictions_are_the_mean_over_clips_of_the_saved_network(study, target, weights, tmp_path):
    folder = run(study, target, tmp_path, weights)
    saved = load_torch(folder / "weights.pt")
    spec = FinetuneSpec.parse(saved["spec"], "x")
    model = build_classifier(spec, saved["classes"], None)
    model.load_state_dict(saved["model"])
    model.eval()
    rows = read_manifest(target.manifest)
    videos = target_videos(rows)
    sampler = UniformClips(4, spec.stride, 2)
    clips = ClipDataset(open_store(target.manifest, rows), videos.test, sampler, spec.test_augmentation, 0)
    predictions = read_predictions(folder / "predictions.parquet")
    with torch.no_grad():
        for index, video in enumerate(predictions.itertuples()):
            logits = model(prepare(clips[0, index], "cpu")[0]).mean(dim=0)  # (clips, classes) -> (classes,)
            assert logits.argmax().item() == video.prediction
            assert logits.softmax(dim=0)[video.label].item() == pytest.approx(video.probability_label, abs=1e-5)


def test_the_same_seed_gives_the_same_file(study, target, weights, tmp_path):
    first, again = (run(study, target, tmp_path / name, weights) for name in "ab")
    other, scratch = run(study, target, tmp_path / "c", weights, seed=1), run(study, target, tmp_path / "d")
    files = [(folder / "predictions.parquet").read_bytes() for folder in (first, again, other, scratch)]
    assert files[0] == files[1]
    assert len(set(files)) == 3
    assert (first / "metrics.parquet").read_bytes() == (again / "metrics.parquet").read_bytes()


def test_interrupted_and_started_again(study, target, weights, tmp_path, monkeypatch):
    straight = run(study, target, tmp_path / "straight", weights)
    assert [json.loads(line)["epoch"] for line in (straight / "train.jsonl").read_text().splitlines()] == [1, 2]

    def interrupt(folder: Path) -> None:
        save = Checkpoints.save
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            stop = lambda self, state: (save(self, state), os.kill(os.getpid(), signal.SIGTERM))  # noqa: E731
            patch.setattr(Checkpoints, "save", stop)
            run(study, target, folder, weights, replace(CPU, checkpoint_seconds=0.0))
        assert load_torch(folder / "checkpoint.pt")["epoch"] < 2

    interrupt(tmp_path / "cut")
    run(study, target, tmp_path / "cut", weights)
    interrupt(tmp_path / "other")
    run(study, target, tmp_path / "other", None)  # the pretrained weights are others now
    scratch = run(study, target, tmp_path / "scratch", None)
    for one, same in ((tmp_path / "cut", straight), (tmp_path / "other", scratch)):
        assert (one / "predictions.parquet").read_bytes() == (same / "predictions.parquet").read_bytes()
        assert len((one / "train.jsonl").read_text().splitlines()) == 2


def entries_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def test_the_least_number_of_steps_may_differ_by_backbone(tmp_path):
    entries = {"t": table(GRID | {"backbone": ["r2plus1d", "c3d"]})}
    base = make_study(tmp_path, entries).config.finetune.model_dump(mode="json")
    own = make_study(tmp_path, entries, finetune=base | {"min_steps": {"default": 7, "r2plus1d": 300}})
    found = {cell.backbone: spec_of(own, cell).min_steps for cell in own.cells_of["t"]}
    assert found == {"r2plus1d": 300, "c3d": 7}


def test_the_least_number_of_steps_may_be_the_targets_own(tmp_path):
    """Its epochs follow, also those of the estimates; on other targets the backbone's number counts."""
    entries = {"t": table(GRID | {"target": ["ucf101", "hmdb51"]})}
    base = make_study(tmp_path, entries).config.finetune.model_dump(mode="json")
    own = make_study(tmp_path, entries, finetune=base | {"min_steps": {"default": 9, "r2plus1d": 7, "hmdb51": 300}})
    found = {cell.target: (spec_of(own, cell).min_steps, epochs_of(own, cell, 8)) for cell in own.cells_of["t"]}
    assert found == {"ucf101": (7, 4), "hmdb51": (300, 150)}


def test_a_least_number_of_steps_adds_epochs_and_stretches_the_schedule(study, target, tmp_path):
    schedule = {"name": "cosine", "warmup_epochs": 1}
    plain = run(study, target, tmp_path / "plain", schedule=schedule)
    longer = run(study, target, tmp_path / "longer", schedule=schedule, min_steps=11)
    same = run(study, target, tmp_path / "same", schedule=schedule, min_steps=3)
    steps = read_metrics(plain / "metrics.parquet").set_index("metric").loc["epochs_run", "n"] // 2
    epochs = math.ceil(11 / steps)
    assert epochs > 2 and len(entries_of(longer)) == epochs and len(entries_of(same)) == 2
    assert json.loads((longer / "run.json").read_text())["length"] == {"epochs": epochs, "steps": epochs * steps}
    metrics = read_metrics(longer / "metrics.parquet").set_index("metric")
    assert metrics.loc["epochs_run", ["value", "n"]].tolist() == [epochs, epochs * steps]
    assert (same / "predictions.parquet").read_bytes() == (plain / "predictions.parquet").read_bytes()
    rates = [entry["lr"] for entry in entries_of(longer)]
    factor, base = epochs / 2, 0.02
    last = epochs - 1 / steps  # position of the last step, of which the history has the rate
    done = (last - factor) / (epochs - factor)
    assert rates[-1] == pytest.approx(base * 0.5 * (1 + math.cos(math.pi * done)))


def test_the_steps_of_a_plan_are_at_least_those_asked_for():
    for epochs, least, steps, expected in (
        (8, 0, 3, 8),
        (8, 24, 3, 8),
        (8, 25, 3, 9),
        (1, 1000, 1, 1000),
        (2, 7, 0, 7),
    ):
        assert epochs_to_run(epochs, least, steps) == expected


def test_the_average_is_tested_and_saved_and_survives_an_interruption(study, target, weights, tmp_path, monkeypatch):
    straight = run(study, target, tmp_path / "straight", weights, average=0.9)
    plain = run(study, target, tmp_path / "plain", weights)
    saved = load_torch(straight / "weights.pt")["model"]
    assert not same_bits(dict(saved), dict(load_torch(plain / "weights.pt")["model"]))
    assert entries_of(straight)[-1]["loss"] == entries_of(plain)[-1]["loss"]  # the training itself is the same
    save = Checkpoints.save
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop = lambda self, state: (save(self, state), os.kill(os.getpid(), signal.SIGTERM))  # noqa: E731
        patch.setattr(Checkpoints, "save", stop)
        run(study, target, tmp_path / "cut", weights, average=0.9)
    assert load_torch(tmp_path / "cut/checkpoint.pt")["average"]["steps"] > 0
    cut = run(study, target, tmp_path / "cut", weights, average=0.9)
    assert same_bits(dict(saved), dict(load_torch(cut / "weights.pt")["model"]))
    assert (cut / "predictions.parquet").read_bytes() == (straight / "predictions.parquet").read_bytes()


def test_new_settings_that_are_off_are_in_no_specification(study):
    spec, _ = finetune_arguments(study)
    assert not {"min_steps", "average"} & set(spec.values)
    other, _ = finetune_arguments(study, min_steps=5, average=0.5)
    assert (other.values["min_steps"], other.values["average"]) == (5, 0.5) and other.hash != spec.hash
    for wrong in ({"min_steps": -1}, {"average": 1.0}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            finetune_arguments(study, **wrong)


def test_a_run_made_again_has_a_history_of_its_own(study, target, tmp_path):
    for _ in range(2):
        run(study, target, tmp_path)
        lines = (tmp_path / "train.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_the_backbone_is_the_pretrained_one_and_the_classifier_the_seeds(study, weights):
    spec, _ = finetune_arguments(study)
    pretrained, scratch = build_classifier(spec, 3, weights), build_classifier(spec, 3, None)
    assert same_bits(dict(pretrained.backbone.state_dict()), dict(load_torch(weights)["backbone"]))
    assert not same_bits(dict(pretrained.backbone.state_dict()), dict(scratch.backbone.state_dict()))
    assert torch.equal(pretrained.fc.weight, scratch.fc.weight)
    other = build_classifier(changed(spec, seed=1), 3, None)
    assert not torch.equal(other.fc.weight, scratch.fc.weight)
    assert all(parameter.requires_grad for parameter in pretrained.parameters())
    assert isinstance(pretrained, Classifier) and pretrained.dropout.p == 0.5


@pytest.mark.parametrize(
    "backbone", [{"name": "shufflenet", "options": {"width": 0.1}}, {"name": "r2plus1d", "options": {"width": 0.1}}]
)
def test_weights_of_another_backbone_are_an_error(study, target, weights, tmp_path, backbone):
    with pytest.raises(UserError, match=r"weights.pt holds the backbone .*Run the pretraining again"):
        run(study, target, tmp_path, weights, backbone=backbone)
    assert not (tmp_path / "weights.pt").exists()


def target_of(labels: list[int], classes: int, **counts: int) -> Target:
    test = pd.DataFrame({"label": labels, "id": [f"v{index}" for index in range(len(labels))]})
    unreadable = {f"{part}_{status}": 0 for part in ("test", "train") for status in ("missing", "broken")}
    return Target(test, test, "test", classes, unreadable | {f"test_{name}": count for name, count in counts.items()})


def test_top5_against_sorting():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 9, 50), rng.normal(size=(50, 9)).astype(np.float32)
    target = target_of(labels.tolist(), 9, missing=2, broken=3)
    predictions = predict(target.test, "test", logits, clips=10)
    rows = [*accuracies(predictions, logits, "test"), *video_counts(target)]
    rows = {row["metric"]: row for row in rows if row["split"] == "test"}
    order = np.argsort(-logits, axis=1)
    assert rows["top1"]["value"] == np.mean(order[:, 0] == labels)
    assert rows["top5"]["value"] == np.mean((order[:, :5] == labels[:, None]).any(axis=1))
    assert (rows["top5"]["chance"], rows["top5"]["n"]) == (5 / 9, 50)
    exact = torch.from_numpy(logits).softmax(dim=1)[torch.arange(50), torch.from_numpy(labels)].numpy()
    np.testing.assert_allclose(predictions["probability_label"], exact, rtol=1e-5)
    assert (rows["videos_missing"]["value"], rows["videos_broken"]["value"]) == (2, 3)
    assert {rows[f"videos_{name}"]["n"] for name in ("evaluated", "missing", "broken")} == {55}


@pytest.mark.parametrize(("classes", "expected"), [(5, ["top1"]), (6, ["top1", "top5"])])
def test_top5_of_five_classes_says_nothing(classes, expected):
    target = target_of([0, 1], classes)
    logits = np.eye(classes, dtype=np.float32)[:2] * 1000  # large logits do not overflow
    predictions = predict(target.test, "test", logits, clips=1)
    rows = accuracies(predictions, logits, "test")
    assert [row["metric"] for row in rows if row["metric"].startswith("top")] == expected
    assert predictions["correct"].all() and (predictions["probability_label"] == 1).all()


def test_test_batches_hold_about_four_training_batches_of_clips():
    assert videos_a_batch(32, 10) == 12
    assert videos_a_batch(4, 2) == 8
