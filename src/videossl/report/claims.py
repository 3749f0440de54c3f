"""Table of the paper's claims, with verdicts on our measured numbers and on the paper's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from videossl.claims import CLAIMS, Ask, Claim, Finding, judge, judge_paper
from videossl.claims.finding import ABOUT
from videossl.claims.quantity import CKA, PERCENT, POINTS
from videossl.common.errors import unknown_name
from videossl.common.files import write_parquet, write_text
from videossl.report import sheet
from videossl.report.claim_numbers import Numbers, left_out, numbers_of
from videossl.report.csv_cells import csv_text
from videossl.report.notes import provenance_line
from videossl.report.origin import read_provenance
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.scale import reduced_mark
from videossl.report.sheet import Sheet

NAME = "claims"
TITLE = "What the paper finds, and what the numbers here show"
CAPTION = (
    "Each claim of the paper that rests on numbers of the study, with a verdict from the numbers measured here and one"
    " from the numbers that the paper prints. A claim without all its numbers is undecided. Where the paper states a"
    " size, the size is tested, too."
)
NOTES = (
    "Verdicts on measured numbers: supported if the 95 % interval of the quantity lies on the claimed side of its"
    " limit, contradicted if it lies on the other side, else undecided. Accuracies on the same videos are compared"
    " video by video, and networks of the same seeds seed by seed. Intervals hold the choice of test videos and, of"
    " numbers of several seeds, the randomness of training (Student's t, as a few seeds tell their variance poorly); of"
    " numbers of one seed it is not in them. Where one of several comparisons decides, intervals are widened for their"
    " number (Bonferroni).",
    "The paper's own numbers, times and CKA maps have no intervals. There the value decides, unless it is within"
    f" {POINTS.plain(POINTS.margin)} (CKA: {CKA.plain(CKA.margin)}) of its limit.",
    f"A size that the paper states is met by values within {PERCENT.plain(ABOUT)} of it, at least"
    f" {POINTS.plain(POINTS.margin)}.",
)


@dataclass(frozen=True)
class Verdict:
    """A claim with both findings. `asks`: the numbers that it was judged on; `missing`: those not measured."""

    claim: Claim
    finding: Finding
    asks: tuple[Ask, ...]
    missing: tuple[Ask, ...]
    paper: Finding

    @property
    def measured(self) -> tuple[int, int]:
        """How many of its numbers are there, and how many are needed; without those from the literature."""
        needed = [ask for ask in self.asks if not ask.is_quoted]
        return len(needed) - sum(not ask.is_quoted for ask in self.missing), len(needed)


def verdicts(numbers: Numbers) -> list[Verdict]:
    """Verdicts on all claims, in the order of the paper's sections."""
    return [
        Verdict(claim, *judged, judge_paper(claim, numbers.paper))
        for claim in in_order()
        for judged in [judge(claim, numbers.measured, numbers.reasons, generated=numbers.generated)]
    ]


def in_order() -> list[Claim]:
    """All claims, in the order of the paper's sections."""
    return sorted(CLAIMS.values(), key=lambda claim: claim.section)


def said(claim: Claim) -> str:
    """The claim's sentence, with how it is measured where that is our choice."""
    return f"{claim.sentence} (Measured: {claim.measure})" if claim.measure else claim.sentence


def frame(found: Sequence[Verdict], reduced: str = "") -> pd.DataFrame:
    """Data frame with one row per claim."""
    return pd.DataFrame(
        {
            "claim": verdict.claim.name,
            "section": verdict.claim.section,
            "sentence": verdict.claim.sentence,
            "measure": verdict.claim.measure,
            "verdict": verdict.finding.verdict,
            "evidence": verdict.finding.evidence,
            "numbers_used": verdict.measured[0],
            "numbers_missing": verdict.measured[1] - verdict.measured[0],
            "missing": "; ".join(map(str, verdict.missing)),
            "paper_verdict": verdict.paper.verdict,
            "paper_evidence": verdict.paper.evidence,
            "reduced_scale": bool(reduced),
        }
        for verdict in found
    )


def as_sheet(
    found: Sequence[Verdict],
    reduced: str,
    provenance: Mapping[str, Any],
    without: Sequence[str] = (),
    subsets: str = "",
) -> Sheet:
    """The table for human readers; `without`: error messages of skipped runs, `subsets`: their sizes."""
    rows = [
        (
            verdict.claim.section,
            said(verdict.claim),
            verdict.finding.verdict,
            verdict.finding.evidence,
            "{} of {}".format(*verdict.measured),
            f"{verdict.paper.verdict}: {verdict.paper.evidence}",
        )
        for verdict in found
    ]
    title = f"{TITLE} — {reduced_mark(reduced)}" if reduced else TITLE
    header = ("Section", "The paper says", "Verdict", "Evidence", "Numbers", "On the paper's own numbers")
    widths = (0.06, 0.24, 0.09, 0.25, 0.06, 0.25)
    return Sheet(NAME, title, CAPTION, header, widths, rows, notes(without, subsets), provenance_line(provenance))


def write_claims(arguments: Mapping[str, Any], paths: Sequence[Path]) -> None:
    """Write the table to each path, in the format of its suffix.

    Args:
        arguments: of a request of the claims.
    """
    for path in paths:
        if path.suffix not in TABLE_SUFFIXES:
            raise unknown_name("table format", path.suffix, TABLE_SUFFIXES, str(path))
    metrics, reduced = [Path(path) for path in arguments["metrics"]], arguments["reduced"]
    found = verdicts(numbers_of(arguments))
    provenance = read_provenance({"run_dir": str(path.parent)} for path in metrics)
    made = as_sheet(found, reduced, provenance, left_out(metrics), arguments.get("subsets", ""))
    for path in paths:
        if path.suffix == ".parquet":
            write_parquet(path, pa.Table.from_pandas(frame(found, reduced), preserve_index=False))
        elif path.suffix == ".csv":
            write_text(path, csv_text(frame(found, reduced)))
        else:
            write_text(path, {".md": sheet.markdown, ".tex": sheet.latex, ".html": sheet.html}[path.suffix](made))


def notes(without: Sequence[str], subsets: str = "") -> list[str]:
    """Notes below the table."""
    return [
        *NOTES,
        *([subsets] if subsets else []),
        *(f"Left out, a run whose files cannot be used: {problem}" for problem in without),
    ]
