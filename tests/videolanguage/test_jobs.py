"""Jobs with a video-language model: zero-shot test, logits for students, a student, published weights taken over."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tiny import CPU, changed, finetune_arguments, make_study, pretrain_cell

from videossl.common.errors import UserError
from videossl.common.results import read_metrics, read_predictions
from videossl.data.frames import VideoFileFrames, frames_of
from videossl.data.loader import ClipDataset
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.evaluation.class_logits import read_logits, write_logits
from videossl.evaluation.distillation_loss import distillation_loss
from videossl.evaluation.finetune import distillation_step, finetune, training_clips
from videossl.evaluation.model import build_classifier
from videossl.evaluation.specs import ClassLogitsSpec, DistillationSpec, DistillSpec, ZeroShotSpec
from videossl.evaluation.zero_shot import evaluate
from videossl.training.inputs import on_device
from videossl.videolanguage.classify import class_names
from videossl.videolanguage.models import registry
from videossl.videolanguage.saved import load_model, save_model
from videossl.videolanguage.specs import PublishedModelSpec, SmallClipSpec, TrainedModelSpec
from videossl.videolanguage.start import train_start
from videossl.videolanguage.texts import WordTokenizer
from videossl.videolanguage.train import import_model, train_model

pytestmark = pytest.mark.usefixtures("own_signals")
OPTIONS = {
    "size": 16, "patch": 8, "width": 16, "layers": 1, "heads": 2, "embed": 8, "context": 6, "text_width": 8,
    "text_layers": 1, "text_heads": 2, "frames": 2,
}  # fmt: skip
NORM = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
VIEW = {
    "recipe_version": 1, "clip": {"frames": 2, "size": 16}, "sampling": "centres",
    "augment": {"crop": "center", **NORM}, "seed": 0,
    "prompts": {"templates": ["a {}", "{}"], "average": "probabilities"}, "batch_size": 4,
}  # fmt: skip
TRAINING = {
    "recipe_version": 1,
    "clip": {"frames": 2, "size": 16}, "seed": 0, "subset_seed": 0, "templates": ["a {}"], "epochs": 2,
    "reference_batch_size": None, "accumulate": 1, "precision": "fp32",
    "schedule": {"name": "constant", "warmup_epochs": 0},
    "optimizer": {
        "name": "adamw", "lr": 0.001, "weight_decay": 0.0, "decayed": "all", "betas": [0.9, 0.99], "grad_clip": None
    },
    "augment": {"crop": "center", **NORM},
}  # fmt: skip
IDENTITY = pretrain_cell("rspnet").identity


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A model that was not trained."""
    tokenizer = WordTokenizer(["a", "checkered", "square", "striped", "triangle"])
    torch.manual_seed(0)
    options = {**OPTIONS, "vocabulary": tokenizer.size}
    path = tmp_path_factory.mktemp("model") / "weights.pt"
    save_model(path, registry.build("vificlip", **options), "vificlip", options, tokenizer)
    return path


def folders(target):
    return {"manifest": target.manifest, "root": target.root / "videos"}


def test_zero_shot_leaves_predictions_of_every_test_video(target, weights, tmp_path):
    spec = ZeroShotSpec.parse(VIEW | {"reader": "ucf101", "splits": [1, 2, 3]}, "x")
    arguments = {"annotations": target.root / "annotations", "weights": weights, "compute": CPU}
    evaluate(spec, IDENTITY, folder=tmp_path / "first", **folders(target), **arguments)
    metrics = read_metrics(tmp_path / "first/metrics.parquet").set_index("metric")
    splits = [metrics.loc[f"split{number}_top1", "value"] for number in (1, 2, 3)]
    assert metrics.loc["top1", "value"] == pytest.approx(np.mean(splits))
    assert metrics.loc["top1", "chance"] == pytest.approx(1 / 3)
    predictions = read_predictions(tmp_path / "first/predictions.parquet")
    assert predictions["video"].is_unique
    evaluate(changed(spec, batch_size=1), IDENTITY, folder=tmp_path / "second", **folders(target), **arguments)
    again = read_predictions(tmp_path / "second/predictions.parquet")
    np.testing.assert_allclose(again["probability_label"], predictions["probability_label"], rtol=1e-4)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"))


def student(study):
    """Specification and identity of a student of video-language models."""
    spec, identity = finetune_arguments(study, stride=2)
    distillation = DistillationSpec(**study.config.distillation.model_dump())
    values = {name: getattr(spec, name) for name in type(spec).model_fields}
    return DistillSpec(**values, views=3, distillation=distillation), identity


@pytest.fixture(scope="module")
def logits(target, weights, tmp_path_factory):
    output = tmp_path_factory.mktemp("logits") / "logits.npz"
    spec = ClassLogitsSpec.parse(VIEW | {"student": {"frames": 4, "stride": 2, "views": 3}}, "x")
    write_logits(spec, IDENTITY, weights=weights, output=output, compute=CPU, **folders(target))
    return output


def test_a_student_learns_from_kept_logits_of_its_very_clips(target, study, logits, tmp_path):
    spec, identity = student(study)
    options = study.config.distillation.model_dump()
    videos = target_videos(read_manifest(target.manifest)).train
    kept = read_logits(logits, videos["id"].to_numpy(str), spec, 3)
    assert kept.shape == (len(videos), 3, 3)
    finetune(spec, identity, manifest=target.manifest, weights=None, folder=tmp_path, compute=CPU, teachers=[logits])
    assert '"divergence"' in (tmp_path / "train.jsonl").read_text()

    model = build_classifier(spec, 3, None).eval()
    dataset = ClipDataset(open_store(target.manifest, videos), videos, training_clips(spec), spec.augmentation, 0)
    loaded = dataset.__getitems__([(0, index) for index in (3, 1, 4)])
    batch = next(on_device([loaded], torch.device("cpu")))
    loss, _ = distillation_step([], spec.distillation, [kept])(model, batch, torch.Generator())
    taught = torch.stack([kept[video, view] for video, view in zip(batch.videos, batch.choices, strict=True)])
    expected, _ = distillation_loss(model(batch.clips[:, 0]), taught[None], batch.labels, **options)
    torch.testing.assert_close(loss, expected)


def test_logits_of_other_clips_or_videos_are_refused(target, study, logits):
    spec, _ = student(study)
    ids = target_videos(read_manifest(target.manifest)).train["id"].to_numpy(str)
    with pytest.raises(
        UserError, match=r"for clips of frames .*views 3; the student needs .*views 4\. .* remove it and run"
    ):
        read_logits(logits, ids, changed(spec, views=4), 3)
    with pytest.raises(UserError, match=r"which are not the .* training videos of the student"):
        read_logits(logits, ids[::-1], spec, 3)
    with pytest.raises(UserError, match="holds logits of 3 classes; the student has 4"):
        read_logits(logits, ids, spec, 4)
    flipped = changed(spec, augment={"flip": 0.5})
    with pytest.raises(UserError, match="centre crops"):
        finetune(flipped, {}, manifest=target.manifest, weights=None, folder=logits.parent, compute=CPU)


def test_a_small_model_is_trained_from_the_small_clip(source, tmp_path):
    manifest = source.manifest
    values = TRAINING | {"options": OPTIONS, "videos": 6, "batch_size": 3}
    train_start(SmallClipSpec.parse(values, "x"), manifest=manifest, left_out=[], folder=tmp_path / "clip", compute=CPU)
    start = tmp_path / "clip/weights.pt"
    clip, tokenizer = load_model(start)
    assert "disc" in tokenizer.words
    data = {"name": "some", "title": "Some", "videos": 9}
    values |= {"model": "ezclip", "objective": "pairs", "motion_weight": 1.0, "batch_size": 2, "data": data}
    spec = TrainedModelSpec.parse(values, "x")
    train_model(
        spec, IDENTITY, manifest=manifest, left_out=[], start=start, folder=tmp_path / "model", compute=CPU
    )  # fmt: skip
    model, _ = load_model(tmp_path / "model/weights.pt")
    trained = model.state_dict()
    assert all(torch.equal(trained[name], value) for name, value in clip.state_dict().items())  # frozen
    assert trained["visual.transformer.resblocks.0.Adapter.D_fc2.weight"].abs().max() > 0
    metrics = read_metrics(tmp_path / "model/metrics.parquet").set_index("metric")["value"]
    assert metrics["training_videos"] == 6 and metrics["frames"] == 2
    assert '"motion"' in (tmp_path / "model/train.jsonl").read_text()


def test_published_weights_are_taken_over(tmp_path):
    tokens = ["a</w>", "<|startoftext|>", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    options = {**OPTIONS, "vocabulary": 3}
    model = registry.build("viclip", **options)
    torch.save({"model": model.state_dict()}, tmp_path / "published.pth")
    values = {"model": "viclip", "options": options, "clip": {"frames": 2, "size": 16}, "seed": 0, "recipe_version": 1}
    data = {"name": "some", "title": "Some", "videos": 10_000_000}
    spec = PublishedModelSpec.parse({**values, "data": data}, "x")
    import_model(
        spec, IDENTITY, weights=tmp_path / "published.pth", base=None, tokenizer=tmp_path, folder=tmp_path / "run",
        compute=CPU,
    )  # fmt: skip
    loaded, tokenizer = load_model(tmp_path / "run/weights.pt")
    assert tokenizer(["a"], 4).tolist() == [[1, 0, 2, 0]]
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    metrics = read_metrics(tmp_path / "run/metrics.parquet").set_index("metric")["value"]
    assert metrics["training_videos"] == 10_000_000


def test_frames_come_from_the_files_where_the_store_is_too_small(target):
    rows = read_manifest(target.manifest)
    store, files = (frames_of(target.manifest, rows, target.root / "videos", size) for size in (16, 24))
    assert isinstance(files, VideoFileFrames) and not isinstance(store, VideoFileFrames)
    video = rows[rows["status"] == "ok"].iloc[2]
    wanted = np.array([3, 0, 3])
    large, small = (frames.read(video["shard"], video["batch"], wanted) for frames in (files, store))
    assert large.shape[1] == 24 and small.shape[1] == 20 and np.array_equal(large[0], large[2])
    assert abs(large.mean() - small.mean()) < 3  # the same pictures, at two sizes
    assert class_names(rows) == ["striped square", "checkered square", "striped triangle"]
