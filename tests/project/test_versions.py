"""The version is written in four places, and all of them say the same."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from videossl.cli import run_command

REPOSITORY = Path(__file__).parents[2]
HEADING = re.compile(r"^## (.*)$", flags=re.MULTILINE)
UNRELEASED = "unreleased"


def sections() -> list[tuple[tuple[int, ...], str]]:
    """Version, and date or UNRELEASED, of each section of the changelog, in order."""
    found = []
    for heading in HEADING.findall((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")):
        parts = re.fullmatch(rf"(\d+)\.(\d+)\.(\d+) - ({UNRELEASED}|\d{{4}}-\d\d-\d\d)", heading)
        assert parts, f"CHANGELOG.md: '## {heading}' should be '## VERSION - {UNRELEASED}' or '## VERSION - DATE'"
        found.append((tuple(map(int, parts.groups()[:3])), parts[4]))
    return found


def citation() -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))


def test_all_places_name_the_version_of_the_changelogs_first_section(capsys):
    version = ".".join(map(str, sections()[0][0]))
    with pytest.raises(SystemExit):
        run_command(["--version"])
    assert capsys.readouterr().out == f"videossl {version}\n"
    assert tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"] == version
    assert citation()["version"] == version


def test_only_the_first_section_may_be_unreleased_and_versions_descend():
    versions, dates = zip(*sections(), strict=True)
    assert list(versions) == sorted(set(versions), reverse=True)
    assert UNRELEASED not in dates[1:]
    released = [date.fromisoformat(one) for one in dates if one != UNRELEASED]
    assert released == sorted(released, reverse=True)


def test_the_citation_has_the_date_of_a_released_version():
    when = sections()[0][1]
    assert str(citation().get("date-released", UNRELEASED)) == when
