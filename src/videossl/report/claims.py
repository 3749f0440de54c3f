"""Table of the paper's claims, with verdicts on our measured numbers and on the paper's own numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pandas as pd
import pyarrow as pa

from videossl.claims import CLAIMS, MARGIN, Ask, Claim, Finding, Number, judge
from videossl.common.errors import DamagedFile, unknown_name
from videossl.common.files import write_parquet, write_text
from videossl.common.results import CONDITION, IDENTITY, read_cell, read_predictions
from videossl.report import sheet
from videossl.report.collect import read_number
from videossl.report.csv_cells import csv_text
from videossl.report.notes import provenance_line
from videossl.report.origin import read_provenance
from videossl.report.paper import PaperTable
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.scale import reduced_mark
from videossl.report.sheet import Sheet
from videossl.training.run_files import problem_of_run

NAME = "claims"
TITLE = "What the paper finds, and what the numbers here show"
CAPTION = (
    "Each finding of the paper's sections 4 and 5 that rests on numbers of the study, with a verdict from the numbers"
    " measured here and one from the numbers that the paper prints. A finding without all its numbers is undecided."
)
NOTES = (
    "Verdicts on measured numbers: supported or contradicted if the 95 % interval of the statistic lies on one side,"
    " else undecided. Accuracies on the same videos are compared video by video. One seed each, so the randomness of"
    " training is not in the intervals. Where one of several comparisons decides, intervals are widened for their"
    " number (Bonferroni).",
    "Verdicts on the paper's own numbers: by the sign of the statistic, for the paper gives no intervals; less than"
    f" {100 * MARGIN:.0f} percentage point is undecided.",
    "Not here: what the paper reads off CKA maps, and its section on foundation models.",
)
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Verdict:
    """A claim with both findings. `missing`: the numbers that have not been measured."""

    claim: Claim
    finding: Finding
    missing: tuple[Ask, ...]
    paper: Finding


def paper_numbers(values: pd.DataFrame) -> dict[Ask, Number]:
    """The paper's numbers that claims need, as far as it gives them; they have no standard errors."""
    numbers, tables = {}, {}
    for ask in _asks():
        if ask.table not in tables:
            tables[ask.table] = PaperTable(values, ask.table)
        value = tables[ask.table].find(ask.identity, ask.metric)
        if value is not None:
            numbers[ask] = Number(value)
    return numbers


def measured_numbers(metrics: Iterable[Path], defaults: Mapping[str, str]) -> dict[Ask, Number]:
    """The measured numbers that claims need.

    Args:
        metrics: `metrics.parquet` of cells, with predictions in the same folder. Missing files are skipped.
        defaults: default complexity of each task.
    """
    cells = _cells(metrics, defaults)
    numbers = {}
    for ask in _asks():
        found = [_read(ask, path, identity) for path, identity, cell in cells if ask.is_of(cell)]
        if found:
            numbers[ask] = _over_seeds(found)
    return numbers


def runs_of_claims(metrics: Iterable[Path], defaults: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """Run folders behind each number of each claim, by claim and by description of the number.

    Arguments as in :func:`measured_numbers`.
    """
    cells = _cells(metrics, defaults)
    found = {ask: [path.parent.as_posix() for path, _, cell in cells if ask.is_of(cell)] for ask in _asks()}
    return {name: {str(ask): found[ask] for ask in claim.asks if found[ask]} for name, claim in CLAIMS.items()}


def verdicts(measured: Mapping[Ask, Number], paper: Mapping[Ask, Number]) -> list[Verdict]:
    """Verdicts on all claims, in the order of the paper's sections."""
    claims = sorted(CLAIMS.values(), key=lambda claim: claim.section)
    return [
        Verdict(claim, finding, tuple(missing), judge(claim, paper)[0])
        for claim in claims
        for finding, missing in [judge(claim, measured)]
    ]


def frame(found: Sequence[Verdict], reduced: str = "") -> pd.DataFrame:
    """Data frame with one row per claim."""
    return pd.DataFrame(
        {
            "claim": verdict.claim.name,
            "section": verdict.claim.section,
            "sentence": verdict.claim.sentence,
            "verdict": verdict.finding.verdict,
            "evidence": verdict.finding.evidence,
            "numbers_used": len(verdict.claim.asks) - len(verdict.missing),
            "numbers_missing": len(verdict.missing),
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
            verdict.claim.sentence,
            verdict.finding.verdict,
            verdict.finding.evidence,
            f"{len(verdict.claim.asks) - len(verdict.missing)} of {len(verdict.claim.asks)}",
            f"{verdict.paper.verdict}: {verdict.paper.evidence}",
        )
        for verdict in found
    ]
    title = f"{TITLE} — {reduced_mark(reduced)}" if reduced else TITLE
    header = ("Section", "The paper says", "Verdict", "Evidence", "Numbers", "On the paper's own numbers")
    widths = (0.06, 0.24, 0.09, 0.25, 0.06, 0.25)
    return Sheet(NAME, title, CAPTION, header, widths, rows, notes(without, subsets), provenance_line(provenance))


def write_claims(
    metrics: Sequence[Path],
    defaults: Mapping[str, str],
    values: pd.DataFrame,
    paths: Sequence[Path],
    *,
    reduced: str = "",
    subsets: str = "",
) -> None:
    """Write the table to each path, in the format of its suffix. `subsets`: a sentence with their sizes."""
    for path in paths:
        if path.suffix not in TABLE_SUFFIXES:
            raise unknown_name("table format", path.suffix, TABLE_SUFFIXES, str(path))
    found = verdicts(measured_numbers(metrics, defaults), paper_numbers(values))
    provenance = read_provenance({"run_dir": str(path.parent)} for path in metrics)
    made = as_sheet(found, reduced, provenance, left_out(metrics), subsets)
    for path in paths:
        if path.suffix == ".parquet":
            write_parquet(path, pa.Table.from_pandas(frame(found, reduced), preserve_index=False))
        elif path.suffix == ".csv":
            write_text(path, csv_text(frame(found, reduced)))
        else:
            write_text(path, {".md": sheet.markdown, ".tex": sheet.latex, ".html": sheet.html}[path.suffix](made))


def _cells(metrics: Iterable[Path], defaults: Mapping[str, str]) -> list[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """Path and identity of each usable metrics file, and the identity with the field `default_complexity`."""
    cells = []
    for path in metrics:
        if path.is_file() and not _problem(path):
            identity = read_cell(path).iloc[0][list(IDENTITY)].to_dict()
            default = identity["complexity"] == defaults.get(identity["task"], "")
            cells.append((path, identity, identity | {"default_complexity": default}))
    return cells


def left_out(metrics: Iterable[Path]) -> list[str]:
    """Error messages of runs whose metrics exist but cannot be used, one or two sentences each."""
    return [problem for path in metrics if path.exists() and (problem := _problem(path))]


def notes(without: Sequence[str], subsets: str = "") -> list[str]:
    """Notes below the table."""
    return [
        *NOTES,
        *([subsets] if subsets else []),
        *(f"Left out, a run whose files cannot be used: {problem}" for problem in without),
    ]


def _problem(path: Path) -> str:
    """Error message for the run of a metrics file; "" if the run can be used."""
    if problem := problem_of_run(path.parent, wholly=True):
        return problem
    files = [one for one in (path, path.with_name("predictions.parquet")) if one.is_file()]
    return _looked_at(path, tuple((one, one.stat().st_mtime_ns) for one in files))


@lru_cache(maxsize=4096)
def _looked_at(path: Path, files: tuple[tuple[Path, int], ...]) -> str:
    try:
        read_cell(path)
        for one, _ in files[1:]:
            read_predictions(one)
    except DamagedFile as error:
        return str(error)
    return ""


def _asks() -> list[Ask]:
    return list(dict.fromkeys(ask for claim in CLAIMS.values() for ask in claim.asks))


def _read(ask: Ask, path: Path, identity: Mapping[str, Any]) -> Number:
    """The number from one seed."""
    view = {"metric": ask.metric, "noise": ask.noise, "severity": ask.severity}
    found = read_number(path, {**identity, **CONDITION, **view}, "a claim")
    error = None if found["low"] is None else (found["high"] - found["low"]) / (2 * _Z)
    predictions = path.with_name("predictions.parquet")
    if ask.metric != "top1" or ask.noise or not predictions.is_file():
        return Number(found["value"], error)
    rows = read_predictions(predictions)
    correct = rows[rows["split"] == found["split"]].set_index("video")["correct"].astype(float).sort_index()
    return Number(found["value"], error, correct)


def _over_seeds(numbers: Sequence[Number]) -> Number:
    """The mean over seeds. Its standard error covers only the variation over videos."""
    if len(numbers) == 1:
        return numbers[0]
    value = sum(number.value for number in numbers) / len(numbers)
    errors = [number.error for number in numbers]
    # All seeds use the same test videos, so errors do not average out: we take their mean.
    error = None if None in errors else math.fsum(errors) / len(errors)
    vectors = [number.correct for number in numbers]
    if any(vector is None or not vector.index.equals(vectors[0].index) for vector in vectors):
        return Number(value, error)
    return Number(value, error, sum(vectors) / len(vectors))
