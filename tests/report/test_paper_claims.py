"""The section of docs/results.md with the claims on the paper's own numbers."""

from __future__ import annotations

import re

import pytest

from videossl.claims import CLAIMS
from videossl.common.errors import UserError
from videossl.report.paper_claims import BEGIN, DOCUMENT, END, main, section, with_section


def test_the_section_is_current():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_section(text, section()) == text, "docs/results.md is stale: run `make claims`"


def test_its_count_is_that_of_its_rows():
    found = section()
    counts = {name: int(number) for number, name in re.findall(r"\*\*(\d+) (\w+)\*\*", found)}
    rows = [line.split(" | ")[2] for line in found.splitlines()[4:]]
    assert counts == {name: rows.count(name) for name in ("supported", "contradicted", "undecided")}
    assert len(rows) == len(CLAIMS) == sum(counts.values())


def test_the_command_writes_only_the_section(tmp_path):
    document = tmp_path / "results.md"
    document.write_text(f"# Results\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    main(document)
    assert document.read_text() == f"# Results\n\n{BEGIN}\n\n{section()}\n\n{END}\n\nThe end.\n"
    with pytest.raises(UserError, match="no place for the claims"):
        with_section("# Results\n", "")
