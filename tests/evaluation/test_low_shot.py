"""Low-shot finetuning: which videos are trained on, and what is reported of them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from tiny import CPU, GRID, finetune_arguments, make_study, spec_of, table

from videossl.common.results import IDENTITY, read_metrics, read_predictions
from videossl.data.loader import ClipDataset
from videossl.evaluation import finetune as module
from videossl.evaluation.finetune import finetune
from videossl.evaluation.relabel import take_over

pytestmark = pytest.mark.usefixtures("own_signals")
LOW_SHOT = GRID | {"task": "rspnet", "protocol": "low_shot", "labels": [1, 3, "all"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"), {"a": table(LOW_SHOT, rows="labels", columns="task")})


def cell_of(study, labels):
    return next(cell for cell in study.of_stage("low_shot") if cell.labels == labels and not cell.is_scratch)


def run(study, target, folder: Path, labels: str, monkeypatch) -> list[str]:
    """Finetune; returns the ids of the training videos."""
    trained = []

    class Seen(ClipDataset):
        def __init__(self, store, videos, *arguments, **options):
            trained.append(videos["id"].tolist())
            super().__init__(store, videos, *arguments, **options)

    monkeypatch.setattr(module, "ClipDataset", Seen)
    cell = cell_of(study, labels)
    arguments = {"manifest": target.manifest, "weights": None, "folder": folder, "compute": CPU}
    finetune(spec_of(study, cell), cell.identity, **arguments)
    return trained[0]


def test_it_trains_on_so_many_videos_of_each_class_and_tests_on_all(study, target, tmp_path, monkeypatch):
    manifest = pd.read_parquet(target.manifest).set_index("id")
    one, three = (run(study, target, tmp_path / labels, labels, monkeypatch) for labels in ("1", "3"))
    for asked, ids in ((1, one), (3, three)):
        usable = manifest[(manifest["split"] != "test") & (manifest["status"] == "ok")]["label"].value_counts()
        assert manifest.loc[ids, "label"].value_counts().to_dict() == usable.clip(upper=asked).to_dict()
    assert set(one) < set(three)
    assert len(read_predictions(tmp_path / "1/predictions.parquet")) == 10
    metrics = read_metrics(tmp_path / "1/metrics.parquet").set_index("metric")
    assert metrics.loc["videos_trained", "value"] == len(one) == 3
    assert (metrics["labels"] == "1").all() and metrics.loc["short_classes", ["value", "n"]].tolist() == [0, 3]
    written = json.loads((tmp_path / "3/run.json").read_text())["labelled"]
    short = int((usable < 3).sum())
    assert written["asked"] == 3 and written["videos"] == len(three) and len(written["short"]) == short
    assert read_metrics(tmp_path / "3/metrics.parquet").set_index("metric").loc["short_classes", "value"] == short
    assert not (tmp_path / "1/weights.pt").exists()


def test_all_labels_take_over_the_finetuning(study, target, tmp_path):
    cell = cell_of(study, "all")
    (finetuning,) = study.dependencies(cell)
    assert (finetuning.stage, finetuning.labels) == ("finetune", "")
    spec, _ = finetune_arguments(study)
    done = tmp_path / "finetuned"
    finetune(spec, finetuning.identity, manifest=target.manifest, weights=None, folder=done, compute=CPU)
    files = {"metrics": done / "metrics.parquet", "predictions": done / "predictions.parquet"}
    take_over(spec_of(study, cell), cell.identity, **files, record=done / "run.json", folder=tmp_path / "all")
    for read, name in ((read_metrics, "metrics.parquet"), (read_predictions, "predictions.parquet")):
        ours, theirs = read(tmp_path / "all" / name), read(done / name)
        pd.testing.assert_frame_equal(ours.drop(columns=list(IDENTITY)), theirs.drop(columns=list(IDENTITY)))
        assert set(ours["labels"]) == {"all"} and set(ours["stage"]) == {"low_shot"}
    assert json.loads((tmp_path / "all/run.json").read_text())["samples"]["test"] == 10


def test_its_specification_is_that_of_finetuning_with_the_labels(study):
    finetuned = spec_of(study, study.of_stage("finetune")[0])
    spec = spec_of(study, cell_of(study, "3"))
    assert spec.values == finetuned.values | {"labels": 3}
    assert spec_of(study, cell_of(study, "all")).values == finetuned.values | {"labels": "all"}


def test_only_the_cells_that_train_cost_something(tmp_path):
    values = {"title": "U", "reader": "ucf101"}
    generated = {"generated": {"design": "ucf101", "classes": 3, "videos": {"train": 20, "test": 4}}}
    base = make_study(tmp_path).config.model_dump(mode="json")["datasets"]
    datasets = {"k400": {key: base["k400"][key] for key in ("title", "reader", "generated")}}
    datasets["ucf101"] = values | generated
    study = make_study(tmp_path, {"a": table(LOW_SHOT, rows="labels", columns="task")}, datasets=datasets)
    from videossl.stages.registry import stage

    one, three, whole = (stage("low_shot").work(study, cell_of(study, labels)) for labels in ("1", "3", "all"))
    finetuned = stage("finetune").work(study, study.of_stage("finetune")[0])
    tests = study.config.finetune.test_clips * study.videos("ucf101").test
    assert whole is None and one.clips == 2 * 3 + tests and three.clips == 2 * 9 + tests
    assert one.gflops < three.gflops < finetuned.gflops
