"""The paper's claims with their verdicts, and the runs behind each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from videossl.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from videossl.report.claim_numbers import left_out, numbers_of, runs_of_claims
from videossl.report.claims import CAPTION, TITLE, Verdict, notes, said, verdicts
from videossl.report.html import Cell, Table, of_lines
from videossl.report.record import Made
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.scale import reduced_mark
from videossl.report.site.blocks import Origin, Page, origin

MARKS = {SUPPORTED: "✓", CONTRADICTED: "✗", UNDECIDED: "?"}
"""Marks of verdicts, so that they differ not only in colour."""


@dataclass(frozen=True)
class Judged:
    """Verdicts, the runs behind each number by claim, and error messages of skipped runs."""

    verdicts: Sequence[Verdict]
    runs: Mapping[str, Mapping[str, Sequence[str]]]
    left_out: Sequence[str]

    @property
    def has_numbers(self) -> bool:
        """Whether the study has measured a number of any claim."""
        return any(verdict.measured[0] for verdict in self.verdicts)

    @property
    def tally(self) -> list[Cell]:
        """Number of supported, contradicted and undecided claims."""
        counts = Counter(verdict.finding.verdict for verdict in self.verdicts)
        return [_marked(name, str(counts[name])) for name in MARKS]


@dataclass(frozen=True)
class Block:
    """The table of claims with its title, caption, notes and origin."""

    title: str
    scale: str
    caption: str
    tally: Sequence[Cell]
    table: Table
    notes: Sequence[str]
    origin: Origin


def judge(made: Made) -> Judged:
    """Compute the verdicts from the files named by the record."""
    files = [Path(path) for path in made.arguments["metrics"]]
    defaults = made.arguments["default_complexities"]
    found = verdicts(numbers_of(made.arguments))
    return Judged(found, runs_of_claims(files, defaults), left_out(files))


def block(judged: Judged, made: Made, page: Page) -> Block:
    """The table of claims."""
    rows = []
    for verdict in judged.verdicts:
        claim = verdict.claim
        used, total = verdict.measured
        rows.append(
            [
                (Cell(claim.section), ""),
                (Cell(said(claim)), ""),
                (_marked(verdict.finding.verdict), verdict.finding.verdict),
                (Cell(verdict.finding.evidence), ""),
                (
                    Cell(f"{used} of {total}", link=f"#claim/{claim.name}" if judged.runs.get(claim.name) else ""),
                    str(used),
                ),
                (_marked(verdict.paper.verdict, verdict.paper.evidence), verdict.paper.verdict),
            ]
        )
    header = ("Section", "The paper says", "Verdict", "Evidence", "Numbers", "On the paper's own numbers")
    return Block(
        TITLE,
        reduced_mark(made.arguments["reduced"]),
        CAPTION,
        judged.tally,
        of_lines(header, rows, "claims"),
        notes(judged.left_out, made.arguments.get("subsets", "")),
        origin(made, page, TABLE_SUFFIXES),
    )


def _marked(verdict: str, after: str = "") -> Cell:
    """A verdict with its mark on one line (no-break space), followed by a text."""
    return Cell(f"{MARKS[verdict]}\u00a0{verdict}", f"verdict {verdict}", details=[("", after)] if after else [])
