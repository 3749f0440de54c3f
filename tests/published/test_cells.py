"""Published networks in a study: cells and rows, what is refused before the first job, and jobs of every stage."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_files import SWIN3D, VIDEOMAE, save_torch, save_transformers, swin3d, videomae
from tiny import CPU, GRID, make_data, make_study, spec_of, table

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.intact import read_json
from videossl.common.results import read_metrics
from videossl.library.export import export
from videossl.library.network import load
from videossl.monitor.buildable import builds_of, problems_of
from videossl.monitor.doctor_published import published_networks
from videossl.monitor.finding import OK, WARNING
from videossl.report.dry import check_layouts
from videossl.report.entry import entry_of
from videossl.stages.base import Job
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.config import Grid
from videossl.study.contradictions import check_contradictions
from videossl.study.study import Study

INPUT = {"frames": 4, "size": 16, "stride": 1, "resize_short": 18}
DATA = {"name": "k400", "title": "Kinetics-400", "videos": 240_000}
ROWS = {"rows": ["backbone", "task"], "columns": "target"}
BOTH = ("mae", "swin")


def entries(folder: Path, **changes: dict[str, Any]) -> dict[str, Any]:
    """A self-supervised and a supervised network, with keys replaced."""
    common = {"data": DATA, "input": INPUT}
    mae = {"title": "VideoMAE", "architecture": "transformers_videomae", "options": VIDEOMAE}
    swin = {"title": "supervised on K400", "architecture": "torchvision_swin3d", "options": SWIN3D, "supervised": True}
    found = {
        "mae": {**common, **mae, "weights": str(folder / "mae")},
        "swin": {**common, **swin, "weights": str(folder / "swin.pth")},
    }
    for name, values in changes.items():
        found[name] = {**found.get(name, found["mae"]), **values}
    return found


def study_of(
    folder: Path, protocol: str = "finetune", entry: dict[str, Any] | None = None, config: Any = None, **changes: Any
) -> Study:
    """A study with a table of the self-supervised network. `changes`: keys of published entries."""
    grid = {"protocol": protocol, "published": "mae", "target": "ucf101"}
    shown = {"main": table(grid, **ROWS) | (entry or {})}
    return make_study(folder, shown, published=entries(folder, **changes), **(config or {}))


def write_weights(folder: Path, seed: int = 0) -> None:
    save_transformers(videomae(seed=seed), folder / "mae")
    save_torch(swin3d(seed), folder / "swin.pth")


def rows_of(study: Study, name: str = "main") -> list[tuple[str, str]]:
    return [(cell.backbone, cell.task) for cell in study.cells_of[name]]


def test_a_supervised_and_a_random_row_stand_beside_a_self_supervised_one(tmp_path):
    study = study_of(tmp_path)
    assert rows_of(study) == [
        ("transformers_videomae", "mae"),
        ("torchvision_swin3d", "swin"),
        ("transformers_videomae", "scratch"),
        ("torchvision_swin3d", "scratch"),
    ]
    check_layouts(study)
    check_contradictions(study)


def test_without_baseline_there_is_only_what_the_grid_names(tmp_path):
    assert rows_of(study_of(tmp_path, entry={"baseline": False})) == [("transformers_videomae", "mae")]


def test_a_self_supervised_row_needs_a_supervised_entry(tmp_path):
    with pytest.raises(UserError, match=r"mae were trained without labels.*supervised: true.*baseline: false"):
        study_of(tmp_path, swin={"supervised": False})


@pytest.mark.parametrize(
    "protocol", ["finetune", "linear_probe", "attentive_probe", "knn", "retrieval", "robustness", "corruption"]
)
def test_every_protocol_takes_the_same_weights(protocol, tmp_path):
    noise = {"robustness": "gaussian", "corruption": "blur"}.get(protocol)
    conditions = {"noise": noise, "severity": 1} if noise else {}
    grid = {"protocol": protocol, "published": "mae", "target": "ucf101", **conditions}
    study = study_of(tmp_path, entry={"grid": grid})
    assert {cell.task for cell in study.of_stage(protocol)} == {"mae", "swin", "scratch"}
    assert [(cell.task, cell.path) for cell in study.of_stage("published")] == [
        ("mae", "published/k400/240k/mae/transformers_videomae"),
        ("swin", "published/k400/240k/swin/torchvision_swin3d"),
    ]


def test_rows_of_own_networks_may_stand_in_the_same_table(tmp_path):
    grids = [{"published": "mae", "target": "ucf101"}, GRID | {"task": "rspnet"}]
    study = study_of(tmp_path, entry={"grid": grids})
    assert ("r2plus1d", "rspnet") in rows_of(study) and ("r2plus1d", "scratch") in rows_of(study)
    check_layouts(study)


def test_one_import_serves_all_seeds(tmp_path):
    study = study_of(tmp_path, config={"seeds": 3})
    assert len(study.of_stage("finetune")) == 12 and len(study.of_stage("published")) == 2


def test_networks_see_the_clips_of_their_entry_and_own_ones_those_of_the_study(tmp_path):
    grids = [{"published": "mae", "target": "ucf101"}, GRID | {"task": "rspnet"}]
    study = study_of(tmp_path, entry={"grid": grids})
    specs = {(cell.backbone, cell.task): spec_of(study, cell) for cell in study.of_stage("finetune")}
    for task in ("mae", "scratch"):
        spec = specs["transformers_videomae", task]
        assert (spec.clip.frames, spec.clip.size, spec.stride, spec.augment.resize_short) == (4, 16, 1, 18)
        assert spec.augment.mean == (0.485, 0.456, 0.406) and spec.augment.crop == "center"
        assert spec.backbone.name == "transformers_videomae" and spec.backbone.options == VIDEOMAE
    own = specs["r2plus1d", "rspnet"]
    assert (own.clip, own.stride, own.augment) == (
        study.config.finetune.clip, study.config.finetune.stride, study.config.finetune.augment
    )  # fmt: skip


def test_what_an_entry_leaves_out_is_stated_by_the_architecture(tmp_path):
    own = {"architecture": "torchvision_r2plus1d_18", "options": {}, "input": {"stride": 3}}
    study = study_of(tmp_path, swin=own, config={"store": {"short_side": 128}})
    (cell,) = [cell for cell in study.of_stage("finetune") if cell.task == "swin"]
    spec = spec_of(study, cell)
    assert (spec.clip.frames, spec.clip.size, spec.stride, spec.augment.resize_short) == (16, 112, 3, 128)
    assert spec.augment.mean == (0.43216, 0.394666, 0.37645) and spec.augment.std == (0.22803, 0.22145, 0.216989)


def test_rates_and_batches_may_differ_by_published_network(tmp_path):
    base = study_of(tmp_path).config.finetune.model_dump(mode="json")
    changes = {"optimizer": {"lr": {"default": 0.02, "transformers_videomae": 0.005}}}
    changes["batch_size"] = {"default": 4, "torchvision_swin3d": 2}
    study = study_of(tmp_path, config={"finetune": {**base, **changes}})
    found = {
        cell.backbone: (spec_of(study, cell).optimizer.lr, spec_of(study, cell).batch_size)
        for cell in study.of_stage("finetune")
    }
    assert found == {"transformers_videomae": (0.005, 4), "torchvision_swin3d": (0.02, 2)}


def test_random_crops_stay_random_and_are_tested_in_the_middle(tmp_path):
    finetune = {"augment": {"crop": "random_resized", "flip": 0.5}}
    base = study_of(tmp_path).config.finetune.model_dump(mode="json")
    study = study_of(tmp_path, config={"finetune": {**base, **finetune}})
    spec = spec_of(study, study.of_stage("finetune")[0])
    assert (spec.augment.crop, spec.augment.flip) == ("random", 0.5)
    assert (spec.test_augmentation.crop, spec.test_augmentation.resize_short) == ("center", 18)


def test_entries_of_one_network_share_its_random_row(tmp_path):
    study = study_of(tmp_path, other={"title": "another", "supervised": True})
    assert rows_of(study).count(("transformers_videomae", "scratch")) == 1
    assert ("transformers_videomae", "other") in rows_of(study)


def test_printed_names_are_those_of_the_entries(tmp_path):
    shown = entry_of(study_of(tmp_path), "main")
    assert shown["labels"]["task"]["mae"] == "VideoMAE" and shown["labels"]["source"]["k400"] == "Kinetics-400"
    assert shown["labels"]["backbone"]["torchvision_swin3d"] == "Swin3D"
    assert "Clips of published networks: VideoMAE's ViT: 4x16, frame step 1; Swin3D: 4x16" in shown["caption"]
    assert shown["orders"]["task"][-2:] == list(BOTH)


def test_restrictions_apply_to_published_networks(tmp_path):
    study = study_of(tmp_path, config={"restrict": {"backbone": ["torchvision_swin3d"]}})
    assert rows_of(study) == [("torchvision_swin3d", "swin"), ("torchvision_swin3d", "scratch")]


def test_a_published_network_may_teach_and_be_compared(tmp_path):
    both = {"target": "ucf101", "published": "mae"}
    shown = {
        "taught": table(both | {"protocol": "distill", "teachers": [{"published": "swin"}]}, **ROWS, baseline=False),
        "compared": table(both | {"protocol": "cka", "against": {"published": "swin"}}, **ROWS, baseline=False),
    }
    study = make_study(tmp_path, shown, published=entries(tmp_path))
    (student,), (compared,) = study.of_stage("distill"), study.of_stage("cka")
    assert [(one.stage, one.task) for one in student.partners] == [("finetune", "swin")]
    assert (student.teachers, compared.against) == ("swin", "published_swin")


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"protocol": "pretext"}, "protocol 'pretext' has no `published`. Protocols with it: .*finetune"),
        ({"target": "ucf101", "task": "rotnet"}, "has no `task`"),
        ({"target": "ucf101", "backbone": "c3d"}, "has no `backbone`"),
        ({"target": "ucf101", "complexity": "C1"}, "has no `complexity`"),
        ({}, "needs `target`"),
        ({"target": "ucf101", "protocol": "cka", "against": {"task": "rotnet"}}, "has no `task` to change"),
    ],
)
def test_grids_are_checked(grid, message):
    with pytest.raises(ValueError, match=message):
        Grid.model_validate({"published": "mae"} | grid)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mae": {"architecture": "transformers_videmae"}}, "unknown architecture.*Did you mean transformers_videomae"),
        ({"mae": {"options": {"layers": 3}}}, r"unknown option 'layers'.*published\.mae"),
        ({"mae": {"options": {"patch_size": 0}}}, "option 'patch_size'"),
        ({"rotnet": {}}, r"published\.rotnet. has the name of a task"),
        ({"mae": {"network": "c3d"}}, "called c3d, as a backbone of this project"),
        ({"other": {"options": {}}}, "are the same network, transformers_videomae, but differ"),
        ({"mae": {"input": {**INPUT, "resize_short": 12}}}, "resize_short` is 12, smaller than the crop"),
        ({"mae": {"keys": {"(": "a"}}}, "no regular expression"),
        ({"mae": {"keys": {"a": r"\1"}}}, "cannot be replaced"),
        ({"mae": {"titel": "x"}}, "titel"),
    ],
)
def test_entries_are_checked(changes, message, tmp_path):
    with pytest.raises(UserError, match=re.compile(message, re.DOTALL)):
        study_of(tmp_path, **changes)


def test_an_unknown_entry_gets_a_suggestion(tmp_path):
    grid = {"published": "maee", "target": "ucf101"}
    with pytest.raises(UserError, match=r"unknown published network 'maee'.*Did you mean mae.*docs/published"):
        study_of(tmp_path, entry={"grid": grid})


def test_clips_larger_than_stored_frames_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"the input of transformers_videomae: clip\.size is 224.*store\.short_side"):
        study_of(tmp_path, mae={"input": {}, "options": {}})


def test_without_weights_cells_are_pending_and_the_rest_runs(tmp_path):
    study = study_of(tmp_path)
    reasons = {(cell.backbone, cell.task): study.unavailable(cell) for cell in study.of_stage("finetune")}
    assert reasons["transformers_videomae", "scratch"] == ""
    assert "weights not provided" in reasons["transformers_videomae", "mae"]
    assert "`published.mae.weights`" in reasons["transformers_videomae", "mae"]
    with pytest.raises(UserError, match=r"VideoMAE: weights not provided.*neither a path nor in the hub's cache"):
        study.require_published("mae")


def test_doctor_lists_every_entry_and_its_weights(tmp_path):
    save_torch(swin3d(), tmp_path / "swin.pth")
    (tmp_path / "mae").mkdir()
    mae, swin = published_networks(study_of(tmp_path))
    assert (mae.state, swin.state) == (WARNING, OK)
    assert "mae (VideoMAE, transformers_videomae, self-supervised on Kinetics-400): weights not provided" in mae.text
    assert "no model.safetensors or pytorch_model.bin" in mae.text and "published.mae" in mae.remedy
    assert "hf download" not in mae.remedy
    assert "clips of 4x16x16" in swin.text and f"{tmp_path}/swin.pth" in swin.text


def test_doctor_says_how_to_get_what_is_on_the_hub(tmp_path):
    found = published_networks(study_of(tmp_path, mae={"weights": "MCG-NJU/videomae-base"}))
    assert "run `hf download MCG-NJU/videomae-base`" in found[0].remedy and found[0].state == WARNING


def test_doctor_says_nothing_of_published_networks_where_there_are_none(tmp_path):
    assert published_networks(make_study(tmp_path)) == []


def test_weights_are_found_by_their_name_on_the_hub_in_the_local_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub/models--MCG-NJU--videomae-base"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("abc")
    save_transformers(videomae(), folder / "snapshots/abc")
    study = study_of(tmp_path, mae={"weights": "MCG-NJU/videomae-base"})
    assert study.require_published("mae") == folder / "snapshots/abc/model.safetensors"


def test_a_file_that_does_not_fit_is_found_before_the_first_job(tmp_path):
    write_weights(tmp_path)
    study = study_of(tmp_path)
    assert problems_of(builds_of(study, study.all_cells)) == []
    save_torch(swin3d(classes=3).features, tmp_path / "swin.pth")
    (problem,) = problems_of(builds_of(study, study.all_cells))
    assert "does not fit the architecture torchvision_swin3d" in problem and "missing" in problem
    assert "published.swin" in problem


def test_a_changed_file_is_tested_again(tmp_path):
    def identity() -> str:
        study = study_of(tmp_path)
        (cell,) = [cell for cell in study.of_stage("published") if cell.task == "swin"]
        return stage("published").build(study, cell).identity

    write_weights(tmp_path)
    before = identity()
    assert identity() == before
    (tmp_path / "swin.pth").write_bytes((tmp_path / "swin.pth").read_bytes() + b"0")
    assert identity() != before


def run_cells(study: Study) -> dict[Cell, Path]:
    """Run the jobs of all cells of a study, as workflow/scripts/run_stage.py does."""
    folders = {}
    for cell in study.all_cells:
        one, folder = stage(cell.stage), study.results / cell.path
        folder.mkdir(parents=True, exist_ok=True)
        compute = None if one.runs_on == "cpu" else CPU
        spec = one.parse(spec_of(study, cell).values)
        one.run(Job(spec, cell.identity, one.inputs(study, cell), folder, compute, one.places(study, cell)))
        folders[cell] = folder
    return folders


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study in which a published network has gone through the protocols on a tiny dataset."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("published")
    make_data(root / "results/data/ucf101", "ucf101", {"train": 8, "test": 2})
    write_weights(root)
    grid = {"published": "mae", "target": "ucf101"}
    shown = {"finetuned": table(grid | {"protocol": "finetune"}, **ROWS)}
    for protocol in ("linear_probe", "attentive_probe", "knn", "retrieval"):
        shown[protocol] = table(grid | {"protocol": protocol}, **ROWS)
    shown["few"] = table(grid | {"protocol": "low_shot", "labels": 2}, **ROWS)
    shown["taught"] = table(grid | {"protocol": "distill", "teachers": [{"published": "mae"}]}, **ROWS, baseline=False)
    shown["layers"] = table(grid | {"protocol": "cka", "against": {"published": "swin"}}, **ROWS, baseline=False)
    own = {"title": "own", "architecture": "r2plus1d", "options": {"width": 0.05}, "weights": str(root / "own.pth")}
    study = make_study(
        root, shown, published=entries(root, own=own | {"keys": {"^net\\.": ""}, "supervised": True, "input": {}}),
        results_dir=str(root / "results"), cka={"videos": 4, "batch_size": 4}, attentive_probe={"epochs": 1},
    )  # fmt: skip
    network = backbones.build("r2plus1d", width=0.05)
    torch.save({f"net.{name}": value for name, value in network.state_dict().items()}, root / "own.pth")
    return study, run_cells(study)


def test_every_protocol_measures_published_and_random_networks(finished):
    study, folders = finished
    measured = {cell.stage for cell in study.all_cells if stage(cell.stage).makes_metrics}
    assert measured == {
        "finetune", "linear_probe", "attentive_probe", "knn", "retrieval", "low_shot", "distill", "cka"
    }  # fmt: skip
    for cell, folder in folders.items():
        if stage(cell.stage).makes_metrics:
            assert set(stage(cell.stage).metrics) <= set(read_metrics(folder / "metrics.parquet")["metric"]), cell.path
    assert {cell.task for cell in study.of_stage("knn")} == {"mae", "swin", "own", "scratch"}


def test_the_record_names_the_file_by_its_digest(finished):
    study, folders = finished
    (cell,) = [cell for cell in study.of_stage("published") if cell.task == "swin"]
    run = read_json(folders[cell] / "run.json", {}, "record of a run")
    path = study.require_published("swin")
    assert run["source"] == {
        "file": "swin.pth", "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()
    }  # fmt: skip


@torch.no_grad()
def test_the_library_loads_what_was_taken_over_with_its_clips(finished):
    study, folders = finished
    (cell,) = [cell for cell in study.of_stage("published") if cell.task == "mae"]
    network, library = load(folders[cell]), videomae()
    own = network.preprocessing
    assert (own.frames, own.size, own.stride, own.crop, own.resize_short) == (4, 16, 1, "center", 18)
    (of_own,) = [load(folders[cell]) for cell in study.of_stage("published") if cell.task == "own"]
    assert (of_own.preprocessing.crop, of_own.preprocessing.resize_short) == ("center", None)
    clips = torch.randn(2, 3, 4, 16, 16)
    assert torch.equal(network(clips), library(clips.transpose(1, 2)).last_hidden_state.mean(1))
    finetuned = load(next(folder for cell, folder in folders.items() if cell.stage == "finetune"))
    assert finetuned.preprocessing.resize_short == 18


def test_features_are_those_of_the_file_and_not_of_random_weights(finished):
    study, folders = finished
    features = {
        cell.task: np.load(folders[cell] / "features.npz")["test"]
        for cell in study.of_stage("features")
        if cell.backbone == "transformers_videomae"
    }
    assert not np.allclose(features["mae"], features["scratch"])


@torch.no_grad()
def test_what_was_taken_over_is_exported_with_its_library(finished, tmp_path):
    study, folders = finished
    (cell,) = [cell for cell in study.of_stage("published") if cell.task == "swin"]
    export(folders[cell], tmp_path / "swin.safetensors")
    card = (tmp_path / "swin.md").read_text()
    for said in ("Swin3D, published weights swin", "| File | bytes", "swin.pth", "weights that others published"):
        assert said in card, said
    clips = torch.randn(2, 3, 4, 16, 16)
    assert torch.equal(load(tmp_path / "swin.safetensors")(clips), load(folders[cell])(clips))


def test_own_architectures_have_a_network_of_their_own(tmp_path):
    own = {"title": "own", "architecture": "r2plus1d", "options": {"width": 0.05}, "supervised": True}
    study = study_of(tmp_path, own=own)
    assert ("own", "own") in rows_of(study) and ("own", "scratch") in rows_of(study)
    assert study.backbone(next(cell for cell in study.of_stage("finetune") if cell.task == "own")).name == "r2plus1d"
