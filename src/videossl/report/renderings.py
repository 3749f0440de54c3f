"""The jobs that show results: tables, figures, claims, the metrics of all runs, the report. As the rules have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from videossl.report import request
from videossl.stages.jobs import PlannedJob
from videossl.study.study import Study

FILES = {
    "table": (".parquet", ".csv", ".md", ".tex", ".record.json", ".html"),
    "claims": (".parquet", ".csv", ".md", ".tex", ".record.json", ".html"),
    "figure": (".png", ".pdf", ".record.json"),
}
"""The suffixes of what is made of a table, of the claims and of a figure."""


def renderings_of(study: Study) -> Iterator[PlannedJob]:
    """All jobs of the study that show results, each after those whose files it reads."""
    root = Path(study.config.results_dir)
    records = []
    for name, entry in study.entries.items():
        outputs = _files(root / f"{entry.kind}s" / name, entry.kind)
        shown = (request.cells_of(study, name), request.sets_of(study, name))
        spec = partial(_spec, study, name, *shown)
        yield PlannedJob(outputs, tuple(inputs_of(*shown)), spec, is_rendering=True)
        records.append(outputs[FILES[entry.kind].index(".record.json")])
    if study.config.only is None:
        given = request.of_claims(study)
        outputs = _files(root / "tables/claims", "claims")
        yield PlannedJob(outputs, tuple(map(Path, given["metrics"])), lambda: given, is_rendering=True)
        claims = [root / "tables/claims.record.json"]
    else:
        claims = []
    yield PlannedJob((root / "metrics.parquet",), tuple(records), dict, is_rendering=True)
    yield PlannedJob((root / "report.html",), (*records, *claims), dict, is_rendering=True)


def _files(path: Path, kind: str) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + suffix) for suffix in FILES[kind])


def _spec(
    study: Study, name: str, cells: Iterable[Mapping[str, Any]], sets: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    return spec_of(request.entry_of(study, name), cells, sets, request.reduced_note(study, name))


def spec_of(
    entry: Mapping[str, Any], cells: Iterable[Mapping[str, Any]], sets: Iterable[Mapping[str, Any]], reduced: str
) -> dict[str, Any]:
    """All that decides what a table or figure shows, besides the numbers."""
    return {"entry": dict(entry), "cells": list(cells), "sets": list(sets), "reduced": reduced}


def inputs_of(cells: Iterable[Mapping[str, Any]], sets: Iterable[Mapping[str, Any]]) -> list[Path]:
    """The files that a table or figure reads: metrics of cells that can be run here, manifests of sets of videos."""
    metrics = [Path(cell["metrics"]) for cell in cells if "pending" not in cell]
    return [*metrics, *(Path(one["manifest"]) for one in sets)]
