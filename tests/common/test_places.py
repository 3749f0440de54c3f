"""Paths of the project's own files and of the user's, from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from videossl.common.errors import UserError
from videossl.common.places import BASE, project_file, project_folder, shown
from videossl.study.study import load_study


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_workflow_is_that_of_the_folder_else_that_of_the_library(here, repository):
    assert project_folder() == repository
    (here / "config").mkdir()
    (here / BASE).touch()
    (here / "Snakefile").touch()
    assert project_folder() == Path()
    assert project_folder(str(repository / "Snakefile")) == repository
    with pytest.raises(UserError, match="no Snakefile"):
        project_folder("elsewhere/Snakefile")


def test_a_file_of_the_configuration_is_sought_in_the_folder_then_in_the_project(here, repository):
    project = here / "project"
    (project / "config").mkdir(parents=True)
    (project / "config/a.yaml").touch()
    assert project_file("config/a.yaml", project, "`x`") == str(project / "config/a.yaml")
    (here / "config").mkdir()
    (here / "config/a.yaml").touch()
    assert project_file("config/a.yaml", project, "`x`") == "config/a.yaml"
    assert project_file(str(project / "config/a.yaml"), project, "`x`") == str(project / "config/a.yaml")
    with pytest.raises(UserError, match=r"`x` names b\.yaml, which does not exist.* below .* .*project"):
        project_file("b.yaml", project, "`x`")


def test_a_study_is_the_same_in_any_folder(here, repository, monkeypatch):
    base = repository / BASE
    elsewhere = load_study([base], repository)
    assert elsewhere.config.recipes_dir == str(repository / "config/recipes")
    assert elsewhere.config.results_dir == "results"  # the user's: in the working directory
    assert elsewhere.entries["state_of_the_art"].published == str(repository / "config/state_of_the_art.csv")
    monkeypatch.chdir(repository)
    at_home = load_study([base])
    assert at_home.config.recipes_dir == "config/recipes"  # as it is written
    assert at_home.entries["state_of_the_art"].published == "config/state_of_the_art.csv"
    assert at_home.all_cells == elsewhere.all_cells


def test_files_of_ones_own_lie_where_one_runs(here, repository):
    own = (repository / "config/experiments.yaml").read_text()
    (here / "tables.yaml").write_text(own)
    (here / "mine.yaml").write_text("experiments_file: tables.yaml\nleave_out: null\n")
    study = load_study([repository / BASE, "mine.yaml"], repository)
    assert study.config.experiments_file == "tables.yaml"
    assert study.config.recipes_dir == str(repository / "config/recipes")
    (here / "mine.yaml").write_text("recipes_dir: recipex\n")
    with pytest.raises(UserError, match="the configuration's `recipes_dir` names recipex, which does not exist"):
        load_study([repository / BASE, "mine.yaml"], repository)


def test_paths_in_messages_are_short_where_they_can_be(here):
    assert shown(here / "a/b.yaml") == "a/b.yaml"
    assert shown("a.yaml") == "a.yaml"
    assert shown("/usr/x/../b.yaml") == "/usr/b.yaml"
