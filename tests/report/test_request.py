"""What the workflow asks the renderers for: each table says which of its videos are generated, and only those."""

from __future__ import annotations

import pytest
from figure_entries import figure
from tiny import GENERATED, GRID, make_study, table

from videossl.claims import cells_of_claims
from videossl.report.scale import listed, reduced_note, reduced_note_of_cells
from videossl.study.config import Config, merge, read_yaml
from videossl.study.study import Study

REAL = {"root": "videos", "annotations": "lists"}


def study_with(**values) -> Study:
    return Study(Config.parse(merge(read_yaml("config/config.yaml"), values), "the test"))


@pytest.fixture(autouse=True)
def in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)


def test_where_all_is_generated_the_titles_say_so_as_ever():
    study = study_with()
    notes = {reduced_note(study, name) for name in study.entries}
    assert notes == {"generated videos, narrow networks, small clips, few epochs"}
    assert reduced_note_of_cells(study, cells_of_claims(study.all_cells)) in notes


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        ({"ucf101": REAL}, "generated videos for Kinetics-400, narrow networks, small clips, few epochs"),
        ({"k400": REAL}, "generated videos for UCF101, narrow networks, small clips, few epochs"),
        ({"k400": REAL, "ucf101": REAL}, "narrow networks, small clips, few epochs"),
        ({"ssv2": REAL}, "generated videos, narrow networks, small clips, few epochs"),  # no cell of the table's
    ],
)
def test_a_table_names_the_datasets_that_are_generated(real, expected):
    study = study_with(datasets=real, only=["subset_size", "samples_datasets"])
    assert reduced_note(study, "subset_size") == expected


def test_figures_of_videos_and_models_follow_their_own_datasets():
    study = study_with(datasets={"ucf101": REAL, "hmdb51": REAL})
    assert reduced_note(study, "samples_noise") == "narrow networks, small clips, few epochs"
    shown = reduced_note(study, "samples_datasets")
    assert shown.startswith("generated videos for Kinetics-400, Something-Something-V2 and Diving48, narrow")
    assert reduced_note(study, "vifm_zero_shot").startswith("generated videos for captioned videos, narrow")


def test_generated_videos_are_marked_whatever_the_scale_says_of_itself(tmp_path):
    scale = {"name": "paper", "reduced": False, "note": ""}
    datasets = {"k400": {"title": "K", "reader": "kinetics", "generated": GENERATED}}
    datasets["ucf101"] = {"title": "U", "reader": "ucf101", **REAL}
    study = make_study(tmp_path, {"main": table(GRID)}, scale=scale, datasets=datasets)
    assert reduced_note(study, "main") == "generated videos for K"
    real = make_study(
        tmp_path,
        {"main": table(GRID)},
        scale=scale,
        datasets=datasets | {"k400": REAL | {"title": "K", "reader": "kinetics"}},
    )
    assert reduced_note(real, "main") == ""


def test_a_reduced_scale_without_a_note_is_marked_by_its_name(tmp_path):
    study = make_study(tmp_path, {"p": figure("samples", datasets="ucf101")}, scale={"name": "own", "reduced": True})
    assert reduced_note(study, "p") == "own"


def test_names_in_words():
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
