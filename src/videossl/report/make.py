"""Makes the files of a request: a table, a figure or the claims, and the provenance record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from videossl.data.provenance import note_made
from videossl.report.claim_numbers import left_out
from videossl.report.claims import write_claims
from videossl.report.record import results_of, write_record
from videossl.report.render import write_table
from videossl.report.renderings import RECORD
from videossl.report.request import CLAIMS, Request


def make(request: Request, outputs: Sequence[Path], *, columns: int | None = None, finished: bool = True) -> None:
    """Write each of `outputs`, in the format of its suffix.

    If a record is among them, the outputs are also recorded as made by the workflow, unless some runs could not be
    used. The next run then makes them again.

    Args:
        columns: draw figures for a paper, as wide as this number of its columns (1 or 2).
        finished: False for renderings of an incomplete study, which never count as made by the workflow.
    """
    shown = [path for path in outputs if not path.name.endswith(RECORD)]
    records = [path for path in outputs if path.name.endswith(RECORD)]
    whole = _make_claims(request, shown) if request.kind == CLAIMS else _make_entry(request, shown, columns)
    for path in records:
        write_record(path, request)
    if records and finished:
        note_made(request.spec, request.inputs, outputs, complete=whole)


def _make_entry(request: Request, paths: list[Path], columns: int | None) -> bool:
    """Write a table or figure; returns whether all its runs could be used."""
    results = results_of(request)
    if request.kind == "table":
        write_table(results, paths)
    else:
        from videossl.report.figures import write_figure  # importing matplotlib takes half a second

        write_figure(results, paths, columns)
    return not results.has_failures


def _make_claims(request: Request, paths: list[Path]) -> bool:
    write_claims(request.arguments, paths)
    return not left_out(Path(path) for path in request.arguments["metrics"])
