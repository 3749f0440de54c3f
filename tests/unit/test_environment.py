"""The pinned environments say the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import videossl


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-"))]
    return {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines)}


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


def test_licence_and_citation_are_those_of_the_package(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert citation["license"] == project["license"] == "MIT"
    assert (repository / "LICENSE").read_text().startswith("MIT License")
    assert citation["version"] == project["version"] == videossl.__version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format asks for
    assert citation["preferred-citation"]["title"] in (repository / "README.md").read_text().replace("\n", " ")
