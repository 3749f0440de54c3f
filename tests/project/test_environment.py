"""The pinned environments say the same."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import videossl


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-"))]
    found = [Requirement(line) for line in lines]
    assert all(str(one.specifier).startswith("==") for one in found)
    return {one.name.lower().replace("_", "-"): next(iter(one.specifier)).version for one in found}


def test_conda_environment_has_the_pins_of_pip(repository):
    environment = yaml.safe_load((repository / "envs/environment.yaml").read_text())
    packages = environment["dependencies"][-1]["pip"]
    lines = (repository / "envs/requirements.txt").read_text().splitlines()
    assert packages == [line for line in lines if line and not line.startswith("#")]


def test_pins_satisfy_what_the_package_asks_for(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    runtime = pins(repository / "envs/requirements.txt")
    development = runtime | pins(repository / "envs/requirements-dev.txt")
    for group, pinned in ((project["dependencies"], runtime), (project["optional-dependencies"]["dev"], development)):
        for requirement in map(Requirement, group):
            version = pinned[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(Version(version)), requirement


LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}
OTHERS = [LINUX | {"platform_machine": "aarch64"}, {"sys_platform": "darwin", "platform_machine": "arm64"}]


def decord(lines) -> Requirement:
    return next(one for one in map(Requirement, lines) if one.name == "decord")


def test_decord_is_asked_for_only_where_it_has_a_wheel(repository):
    """It has wheels for x86-64 alone; nothing may ask for it elsewhere, or the installation fails."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lines = [line for line in (repository / "envs/requirements.txt").read_text().splitlines() if line[:1] != "#"]
    for found in (decord(project["dependencies"]), decord(lines)):
        assert found.marker.evaluate(LINUX)
        assert not any(found.marker.evaluate(platform) for platform in OTHERS)


def test_locking_keeps_the_markers_of_platforms(repository, tmp_path):
    """The lines of `make lock` that pip's own output passes through."""
    makefile = (repository / "Makefile").read_text().replace("$$", "$").splitlines()
    extract = next(line for line in makefile if "> .venv-lock/markers.sed" in line)
    (tmp_path / "envs").mkdir()
    (tmp_path / ".venv-lock").mkdir()
    shutil.copy(repository / "envs/requirements.txt", tmp_path / "envs")
    frozen = "av==99.0\ndecord==0.7.0\ndecorder==1.0\n"
    command = f"{extract.strip()}\nsed -f .venv-lock/markers.sed"
    done = subprocess.run(
        ["bash", "-ec", command], cwd=tmp_path, input=frozen, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.splitlines()[::2] == ["av==99.0", "decorder==1.0"]
    assert str(decord([done.stdout.splitlines()[1]]).specifier) == "==0.7.0"
    assert not decord([done.stdout.splitlines()[1]]).marker.evaluate(OTHERS[0])
    assert sum("sed -f .venv-lock/markers.sed" in line for line in makefile) == 2


def test_the_named_pythons_are_those_that_are_allowed(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    named = [text.rpartition(" ")[2] for text in project["classifiers"] if "Python :: 3." in text]
    assert [text for text in named if not SpecifierSet(project["requires-python"]).contains(text)] == []
    assert named[0] == project["requires-python"].removeprefix(">=")


def test_licence_and_citation_are_those_of_the_package(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert citation["license"] == project["license"] == "MIT"
    assert (repository / "LICENSE").read_text().startswith("MIT License")
    assert citation["version"] == project["version"] == videossl.__version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format asks for
    assert citation["preferred-citation"]["title"] in (repository / "README.md").read_text().replace("\n", " ")
