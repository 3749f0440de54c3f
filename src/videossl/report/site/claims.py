"""The paper's claims with their verdicts, and the runs behind each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from videossl.claims.base import CONTRADICTED, SUPPORTED, UNDECIDED
from videossl.report.claims import (
    CAPTION,
    TITLE,
    Verdict,
    left_out,
    measured_numbers,
    notes,
    paper_numbers,
    runs_of_claims,
    verdicts,
)
from videossl.report.paper import read_paper_values
from videossl.report.record import Made
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.scale import reduced_mark
from videossl.report.site.blocks import Page, origin, simple_table

MARKS = {SUPPORTED: "✓", CONTRADICTED: "✗", UNDECIDED: "?"}
"""A verdict is told by its word and mark, not by colour alone."""


Judged = tuple[list[Verdict], dict[str, dict[str, list[str]]], list[str]]


def judge(made: Made) -> Judged:
    """The verdicts from the files that the record names, the runs behind each claim, and what is wrong with runs that
    were left out."""
    files = [Path(path) for path in made.arguments["metrics"]]
    defaults = made.arguments["default_complexities"]
    paper = paper_numbers(read_paper_values(made.arguments["paper_values"]))
    return verdicts(measured_numbers(files, defaults), paper), runs_of_claims(files, defaults), left_out(files)


def tally(found: Sequence[Verdict]) -> str:
    """How many claims are supported, contradicted and undecided."""
    counts = Counter(verdict.finding.verdict for verdict in found)
    return " · ".join(f"{_mark(name)} {counts[name]}" for name in MARKS)


def block(found: Sequence[Verdict], runs: dict[str, Any], without: Sequence[str], made: Made, page: Page) -> str:
    """The table of claims; `without`: what is wrong with runs that were left out."""
    rows = []
    for verdict in found:
        claim = verdict.claim
        used, total = len(claim.asks) - len(verdict.missing), len(claim.asks)
        behind = f"{used} of {total}"
        if runs.get(claim.name):
            behind = f'<a class="run" href="#claim/{escape(claim.name)}">{behind}</a>'
        rows.append(
            [
                (escape(claim.section), ""),
                (escape(claim.sentence), ""),
                (_mark(verdict.finding.verdict), verdict.finding.verdict),
                (escape(verdict.finding.evidence), ""),
                (behind, str(used)),
                (f"{_mark(verdict.paper.verdict)} {escape(verdict.paper.evidence)}", verdict.paper.verdict),
            ]
        )
    header = ("Section", "The paper says", "Verdict", "Evidence", "Numbers", "On the paper's own numbers")
    files = [page.link(made.path.with_name(made.name + suffix), suffix[1:].upper()) for suffix in TABLE_SUFFIXES]
    reduced = made.arguments["reduced"]
    scale = f'<p class="scale">{escape(reduced_mark(reduced))}</p>' if reduced else ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes(without))
    parts = [
        f'<section class="entry"><h2 id="claims-claims">{escape(TITLE)}</h2>',
        scale,
        f'<p class="caption">{escape(CAPTION)}</p>',
        f"<p>{tally(found)}</p>",
        simple_table(header, rows, "claims"),
        f'<ul class="notes">{listed}</ul>',
        origin(made, page, files),
        "</section>",
    ]
    return "\n".join(parts)


def _mark(verdict: str) -> str:
    return f'<span class="verdict {verdict}">{MARKS[verdict]}&nbsp;{verdict}</span>'
