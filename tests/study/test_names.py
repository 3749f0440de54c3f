"""Names and folders: nothing is written outside the results, nor among files that are not the workflow's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.common.places import CHECKOUT
from videossl.study.contradictions import check_contradictions
from videossl.study.folders import PROJECTS, check_results_folder

DATASET = {"title": "K", "reader": "kinetics"}


def study_with(folder: Path, results: str, root: str = "videos", annotations: str = "lists"):
    datasets = {"k400": {**DATASET, "root": str(folder / root), "annotations": str(folder / annotations)}}
    datasets |= {name: DATASET | {"generated": GENERATED} for name in ("ucf101", "hmdb51")}
    return make_study(folder, datasets=datasets, results_dir=str(folder / results))


GENERATED = {"design": "k400", "classes": 3, "videos": {"train": 4, "val": 2}}


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ("videos", "datasets.k400.root` is the same folder"),
        ("lists", "datasets.k400.annotations` is the same folder"),
        ("videos/results", "datasets.k400.root` is a folder above it"),
        ("link/results", "datasets.k400.root` is a folder above it"),
    ],
)
def test_results_among_a_datasets_files_are_refused(tmp_path, results, told):
    (tmp_path / "videos").mkdir()
    (tmp_path / "link").symlink_to("videos")
    with pytest.raises(UserError, match=told):
        study_with(tmp_path, results)


@pytest.mark.parametrize("key", ["root", "annotations"])
def test_videos_or_lists_within_the_results_are_refused(tmp_path, key):
    with pytest.raises(UserError, match=rf"datasets.k400.{key}` is a folder below it.*Set `results_dir`"):
        study_with(tmp_path, "results", **{key: "results/mine"})


def test_results_beside_videos_or_within_the_folder_of_lists_are_fine(tmp_path):
    study_with(tmp_path, "results")
    study_with(tmp_path, "lists/results")
    study_with(tmp_path, "videos-results")


@pytest.mark.parametrize("results", [".", "..", "src", "config/mine", ".git/x", "../checkout"])
def test_results_in_the_project_are_refused(tmp_path, monkeypatch, results):
    project = tmp_path / "checkout"
    (project / "src").mkdir(parents=True)
    config = study_with(tmp_path, "out").config.model_copy(update={"results_dir": str(project / results)})
    with pytest.raises(UserError, match=r"`results_dir` is .*Set `results_dir` to a folder of its own"):
        check_results_folder(config, project)
    for fine in ("results", "results/paper", "out", "../elsewhere"):
        check_results_folder(config.model_copy(update={"results_dir": str(project / fine)}), project)


def test_results_in_the_home_folder_itself_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(UserError, match="home folder"):
        study_with(tmp_path, "home")
    study_with(tmp_path, "home/results")


def test_the_projects_folders_are_known():
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False).stdout
    assert {path.split("/")[0] for path in listed.splitlines() if "/" in path} <= set(PROJECTS)


def test_files_and_folders_are_told_apart(tmp_path):
    with pytest.raises(UserError, match=r"`paper_values` names .*, which is not a file"):
        make_study(tmp_path, paper_values=str(tmp_path))
    with pytest.raises(UserError, match="`paper_values` names ~nobody-of-this-name/x, and there is no user"):
        make_study(tmp_path, paper_values="~nobody-of-this-name/x")
    with pytest.raises(UserError, match=r"`published` of .* names .*, which is not a file"):
        make_study(tmp_path, {"a": {"kind": "table", "title": "T", "grid": GRID, "published": str(tmp_path)}})


def test_names_that_run_into_one_another_or_are_too_long_are_refused(tmp_path):
    grid = GRID | {"protocol": "cka", "task": "rotnet"}
    subsets = {"a": 4, "b": 8, "50k": 12}
    entries = {
        "one": table(grid | {"against": {"subset": "a", "epochs": 50}}, baseline=False),
        "other": table(grid | {"against": {"subset": "a-epochs_50"}}, baseline=False),
    }
    with pytest.raises(UserError, match=r"cells of the study would have the folder .*against_subset_a.*Rename"):
        check_contradictions(make_study(tmp_path, entries, subsets=subsets | {"a-epochs_50": 8}))
    long = {f"{letter * 64}": 4 for letter in "ab"}
    teachers = [{"subset": name, "task": "rspnet", "backbone": "r2plus1d"} for name in long] * 2
    entries = {"one": table(GRID | {"protocol": "distill", "teachers": [*teachers]}, baseline=False)}
    with pytest.raises(UserError, match="more than 200 characters: choose shorter names"):
        check_contradictions(make_study(tmp_path, entries, subsets=subsets | long))
