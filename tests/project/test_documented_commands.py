"""Every command that a page tells the reader to type is one: its options, targets, files and profiles exist."""

from __future__ import annotations

import argparse
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

from videossl.cli.parsing import command_line
from videossl.report.request import CLAIMS
from videossl.study.study import Study, load_study

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in REPOSITORY.glob("docs/*.md"))])
BLOCK = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
TO_FILL_IN = re.compile(r"[A-Z…<]|\.\.\.|path/to")
"""A word that the reader replaces."""
TARGET = re.compile(r"(?:table|figure)_(\w+)$")


def commands(page: str, program: str) -> list[list[str]]:
    """The words of each command of a program in the page's blocks, without those after the program's end."""
    text = "\n".join(BLOCK.findall((REPOSITORY / page).read_text(encoding="utf-8"))).replace("\\\n", " ")
    found = [shlex.split(line, comments=True) for line in text.splitlines() if line.startswith(f"{program} ")]
    return [
        words[: next((at for at, word in enumerate(words) if word in ("&&", "|", ">", ";")), None)] for words in found
    ]


def all_commands(program: str) -> list[object]:
    found = [(page, words) for page in PAGES for words in commands(page, program)]
    return [pytest.param(page, words, id=f"{page}: {' '.join(words)}") for page, words in found]


@cache
def study_of(overlays: tuple[str, ...]) -> Study:
    return load_study(["config/config.yaml", *overlays])


def is_shipped(path: str) -> bool:
    """Whether a file of the project is meant, and not one that the page tells the reader to write."""
    return path.startswith(("config/", "docs/", "profiles/", "slurm/"))


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def check_targets(targets: list[str], overlays: list[str], *, on_slurm: bool = False) -> None:
    """Named tables and figures are those of the study, if all of its files are there."""
    if not all(map(is_shipped, overlays)):
        return
    scale = ["config/paper.yaml"] if on_slurm and not overlays else []
    entries = {*study_of((*scale, *overlays)).entries, CLAIMS}
    named = [match[1] for target in targets if not TO_FILL_IN.search(target) and (match := TARGET.match(target))]
    assert set(named) <= entries


@pytest.mark.parametrize(("page", "words"), all_commands("snakemake"))
def test_snakemake_knows_its_options_and_targets(page: str, words: list[str]) -> None:
    parser = get_argument_parser()
    parser.exit_on_error = False
    try:
        found = parser.parse_args([word for word in words[1:] if word != "..."])
    except (argparse.ArgumentError, ValueError, SystemExit) as error:
        pytest.fail(f"{page}: snakemake does not take {' '.join(words)}: {error}")
    overlays = [str(path) for path in found.configfile or []]
    for path in filter(is_shipped, overlays):
        assert (REPOSITORY / path).is_file(), path
    profiles = [profile for profile in found.profile or [] if not TO_FILL_IN.search(profile)]
    for profile in profiles:
        assert (REPOSITORY / "profiles" / profile / "config.yaml").is_file(), profile
    check_targets(list(found.targets), overlays, on_slurm="slurm" in profiles)


@pytest.mark.parametrize(("page", "words"), all_commands("videossl"))
def test_videossl_knows_its_options_and_targets(page: str, words: list[str]) -> None:
    try:
        found = command_line(words[1:])
    except SystemExit as ended:
        assert ended.code == 0, f"{page}: videossl does not take {' '.join(words)}"  # --help, --version
        return
    overlays = [str(path) for path in getattr(found, "configfile", None) or []]
    for path in filter(is_shipped, overlays):
        assert (REPOSITORY / path).is_file(), path
    check_targets(words[1:], overlays)


@pytest.mark.parametrize(("page", "words"), all_commands("make"))
def test_make_has_the_target(page: str, words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z]+):(?!=)", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    named = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    assert set(named) <= targets, page


def test_the_start_pages_have_commands() -> None:
    for page in ("docs/one_gpu.md", "docs/own_dataset.md", "docs/cluster.md", "docs/library.md", "README.md"):
        assert commands(page, "videossl") or commands(page, "snakemake"), page
