"""Cells of video-language models: what the tables ask for, what it starts from, and what cannot be run here."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tiny import spec_of

from videossl.common.errors import UserError
from videossl.report.collect import PENDING, collect
from videossl.report.notes import notes
from videossl.report.render import TABLE_SUFFIXES, write_table
from videossl.report.spec import Spec
from videossl.report.tables import missing
from videossl.stages.registry import stage
from videossl.study.availability import NOT_PROVIDED, in_short
from videossl.study.config import Grid
from videossl.study.study import load_study

REPOSITORY = Path(__file__).parents[2]
MODELS = ["xclip", "vificlip", "ezclip", "viclip", "languagebind"]


def study_of(*overlays: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        study = load_study(["config/config.yaml", *overlays])
        assert study.models
        return study


@pytest.fixture(scope="module")
def study():
    return study_of()


def test_zero_shot_has_each_model_itself_and_on_both_targets(study):
    cells = study.cells_of["vifm_zero_shot"]
    assert [(c.stage, c.backbone, c.target) for c in cells] == [
        *(("vifm", model, "") for model in MODELS),
        *(("zero_shot", model, target) for model in MODELS for target in ("ucf101", "hmdb51")),
    ]
    by_model = {c.backbone: (c.source, c.subset) for c in cells}
    assert by_model["xclip"] == ("k400", "240k") and by_model["viclip"] == ("internvid10m", "10m")
    assert all(study.dependencies(cell) == [cell.of_stage("vifm")] for cell in cells if cell.stage == "zero_shot")


def test_ten_pairs_of_five_teachers_that_look_once(study):
    students = [cell for cell in study.cells_of["vifm_distill_pairs"] if cell.stage == "distill"]
    assert len(students) == len({cell.teachers for cell in students}) == 10
    assert students[0].teachers == "xclip+vificlip"
    assert len({partner for cell in students for partner in cell.partners}) == 5
    assert all(partner.stage == "class_logits" for cell in students for partner in cell.partners)
    assert spec_of(study, students[0]).views == study.config.vifm.views
    others = [cell for cell in study.cells_of["distill_datasets"] if cell.stage == "distill"]
    assert "views" not in spec_of(study, others[0]).values


def test_students_of_models_can_keep_the_centre_crops_where_finetuning_does_not(tmp_path):
    random = "finetune: {augment: {crop: random, flip: 0.5}}\n"
    (tmp_path / "refused.yaml").write_text(random + "vifm: {student_augment: null}")
    (tmp_path / "kept.yaml").write_text(random + "vifm: {student_augment: {crop: center, jitter: [0.2, 0, 0, 0]}}")

    def student_of(entry: str, overlay: str):
        found = study_of(str(tmp_path / overlay))
        return found, next(cell for cell in found.cells_of[entry] if cell.stage == "distill")

    with pytest.raises(UserError, match=r"Set crop: center.* in the configuration's `vifm.student_augment`"):
        stage("distill").check(*student_of("vifm_distill_pairs", "refused.yaml"))
    stage("distill").check(*student_of("vifm_distill_pairs", "kept.yaml"))
    augment = spec_of(*student_of("vifm_distill_pairs", "kept.yaml")).augment
    assert (augment.crop, augment.flip, augment.jitter) == ("center", 0, (0.2, 0, 0, 0))
    assert spec_of(*student_of("distill_datasets", "kept.yaml")).augment.crop == "random"


def test_published_models_are_tested_once_and_trained_ones_once_per_seed(tmp_path):
    """The weights of a published model are the same with every seed."""
    (tmp_path / "seeds.yaml").write_text("seeds: 2")
    trained = study_of(str(tmp_path / "seeds.yaml"))
    assert {cell.seed for cell in trained.cells_of["vifm_zero_shot"]} == {0, 1}
    published = study_of("config/paper.yaml", str(tmp_path / "seeds.yaml"))
    assert {cell.seed for cell in published.cells_of["vifm_zero_shot"]} == {0}
    assert {cell.seed for cell in published.pretraining} == {0, 1}


def test_datasets_of_the_training_are_needed(study):
    assert {"captions", "ucf101", "hmdb51"} <= set(study.datasets)


def test_specs_say_what_decides(study):
    cells = {cell.backbone: cell for cell in study.cells_of["vifm_zero_shot"] if cell.stage == "zero_shot"}
    spec = spec_of(study, cells["ezclip"].of_stage("vifm"))
    assert spec.options["frames"] == spec.clip.frames and spec.motion_weight == 1
    assert spec_of(study, cells["ezclip"]).splits == [1, 2, 3]
    assert spec_of(study, cells["ezclip"].of_stage("class_logits")).student.views == study.config.vifm.views
    assert "a photo of a {}." in spec_of(study, study.of_stage("small_clip")[0]).templates
    published = study_of("config/paper.yaml")
    assert set(spec_of(published, cells["ezclip"].of_stage("vifm")).values) == {
        "recipe_version", "model", "options", "clip", "data", "seed",
    }  # fmt: skip


def test_without_weights_cells_are_pending_with_the_reason(tmp_path):
    study = study_of("config/paper.yaml")
    cells = study.cells_of["vifm_zero_shot"] + study.cells_of["vifm_distill_pairs"]
    for cell in cells:
        assert study.unavailable(cell) == ("" if cell.stage == "finetune" else NOT_PROVIDED)
    spec = Spec.parse(
        {"name": "t", "title": "T", "baseline": False, "rows": "backbone", "columns": ["target", "metric"]}
    )
    records = [
        {**cell.identity, "views": study.views_of["vifm_zero_shot"][cell], "metrics": "none", "run_dir": "none",
         "pending": study.unavailable(cell)}
        for cell in study.cells_of["vifm_zero_shot"]
    ]  # fmt: skip
    results = collect(spec, records)
    assert {record.status for record in results.records} == {PENDING}
    assert f"pending: {NOT_PROVIDED} (20 of 20 cells)." in notes(results)
    write_table(results, [tmp_path / f"t{suffix}" for suffix in TABLE_SUFFIXES])
    for suffix in (".md", ".tex", ".html"):  # 20 numbers and the note
        assert (tmp_path / f"t{suffix}").read_text().count(f"pending: {NOT_PROVIDED}") == 21, suffix
    assert pd.read_csv(tmp_path / "t.csv")["reason"].tolist() == [NOT_PROVIDED] * 20


def test_a_missing_file_is_named_below_the_table_and_the_reason_in_short_in_it():
    detailed = f"{NOT_PROVIDED}: no pytorch_model.bin in /models"
    assert missing(PENDING, [detailed]) == f"pending: {NOT_PROVIDED}" == f"pending: {in_short(detailed)}"
    assert (missing(PENDING, []), missing("failed", ["nan: at step 3"])) == ("pending", "failed")


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"protocol": "zero_shot", "target": "ucf101"}, "needs `model`"),
        ({"protocol": "vifm", "model": "xclip", "target": "ucf101"}, "has no `target`"),
        ({"protocol": "vifm", "model": "xclip", "backbone": "c3d"}, "has no `backbone`"),
        ({"protocol": "network", "backbone": "c3d", "pairs": ["xclip", "viclip"]}, "has no `pairs`"),
        ({"protocol": "network"}, "needs `backbone`"),
    ],
)
def test_grids_of_models_are_checked(grid, message):
    with pytest.raises(ValueError, match=message):
        Grid.model_validate(grid)


def test_pairs_and_teachers_exclude_each_other():
    student = {"protocol": "distill", "task": "rspnet", "backbone": "c3d", "source": "k400", "subset": "50k"}
    student |= {"epochs": 200, "target": "ucf101"}
    both = {"pairs": ["xclip", "viclip"], "teachers": [{"model": "xclip"}]}
    for wrong, message in (
        (both, "replaces `teachers`"),
        ({"pairs": ["xclip"]}, "two models"),
        ({}, "needs `teachers`"),
    ):
        with pytest.raises(ValueError, match=message):
            Grid.model_validate(student | wrong)
    with pytest.raises(ValueError, match="no other axis"):
        Grid.model_validate(student | {"teachers": [{"model": "xclip", "task": "rotnet"}]})
    mixed = Grid.model_validate(student | {"teachers": [{"model": "xclip"}, {"task": "rotnet"}]})
    assert mixed.models == ["xclip"] and len(mixed.all_teachers) == 1
