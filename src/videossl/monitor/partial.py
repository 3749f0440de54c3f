"""Partial tables, figures and report after a failed run, made from existing results, in `partial/` of the results.

Nothing depends on them, and they do not count as targets. Their titles mark them as incomplete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from videossl.monitor.belief import OTHER, judge
from videossl.monitor.run_state import failures
from videossl.report.renderings import FILES, LOOKED_AT, RECORD, rendered
from videossl.report.request import CLAIMS, Request, request_of
from videossl.study.study import Study

FOLDER = "partial"
OUTDATED = "outdated: made under another configuration than the requested one"
REPORT = "report"


def folder_of(study: Study) -> Path:
    """Folder of the partial renderings."""
    return Path(study.config.results_dir) / FOLDER


def shown(study: Study) -> list[Path]:
    """Existing partial renderings."""
    folder = folder_of(study)
    return sorted(path for pattern in ("*.html", "tables/*.html", "figures/*.png") for path in folder.glob(pattern))


def remove(study: Study, names: Iterable[str]) -> None:
    """Remove the partial renderings of `names` (entries, `claims`, `report`), which are about to be made."""
    folder = folder_of(study)
    for name in names:
        for path in [*folder.glob(f"tables/{name}.*"), *folder.glob(f"figures/{name}.*"), *folder.glob(f"{name}.html")]:
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(path.is_file() for path in folder.rglob("*")):
        shutil.rmtree(folder, ignore_errors=True)


def asked(study: Study, names: Iterable[str]) -> dict[str, Any]:
    """Input of the script for partial renderings, as JSON values.

    Of `names` (entries, `claims`, `report`) it covers those with some results or failures.
    """
    names, folder = set(names), folder_of(study)
    outdated = {f"{folder.parent}/{cell.path}" for cell, state in judge(study).of_cells.items() if state == OTHER}
    failed = failures(study, study.all_cells)
    requests, complete = {}, []
    for name, kind in rendered(study):
        record = _record_of(folder.parent, kind, name)
        if name in names:
            request = request_of(study, name)
            left = _claims(request, outdated) if kind == CLAIMS else _entry(request, outdated, failed)
            requests |= {name: {"kind": kind, "arguments": left}} if left else {}
        elif record.is_file():
            complete.append(str(record))
    return {
        "folder": str(folder),
        "results": str(folder.parent),
        "requests": requests,
        "report": REPORT in names,
        "complete": complete,
    }


def _record_of(folder: Path, kind: str, name: str) -> Path:
    """Record of a rendering, in a folder of results or of partial renderings."""
    return folder / ("figures" if kind == "figure" else "tables") / f"{name}{RECORD}"


def _entry(request: Request, outdated: set[str], failed: Mapping[str, str]) -> dict[str, Any]:
    """Input of a table or figure, marked as incomplete; {} if it has neither results nor failures."""
    given = request.arguments
    cells = [
        {**cell, "metrics": "", "pending": OUTDATED} if cell["run_dir"] in outdated else cell for cell in given["cells"]
    ]
    there = sum(bool(cell["metrics"]) and Path(cell["metrics"]).is_file() for cell in cells)
    if not there and not any((Path(cell["run_dir"]) / "FAILED").is_file() for cell in cells):
        return {}
    title = f"INCOMPLETE, {there} of {len(cells)} cells: {given['entry']['title']}"
    return {**given, "entry": {**given["entry"], "title": title}, "cells": cells, "failures": dict(failed)}


def _claims(request: Request, outdated: set[str]) -> dict[str, Any]:
    """Input of the claims, marked as incomplete; {} if there are no numbers."""
    given = request.arguments
    there = [path for path in given["metrics"] if str(Path(path).parent) not in outdated and Path(path).is_file()]
    mark = f"INCOMPLETE, {len(there)} of {len(given['metrics'])} cells"
    reduced = f"{given['reduced']}, {mark}" if given["reduced"] else mark
    return {**given, "metrics": there, "reduced": reduced} if there else {}


def render(given: Mapping[str, Any], tell: Callable[[str], None] = print) -> list[Path]:
    """Write the renderings of :func:`asked`; returns the files to look at.

    Failures are reported through `tell`, and the remaining renderings are still made.
    """
    writers: dict[str, Callable[[], list[Path]]] = {
        name: lambda name=name, one=one: _write(Path(given["folder"]), name, Request(**one))
        for name, one in given["requests"].items()
    }
    if given["report"]:
        writers["the report"] = lambda: _write_report(given)
    made = []
    for name, write in writers.items():
        try:
            made += write()
        except Exception as error:  # must not hide the reason of the failed run
            tell(f"no partial rendering of {name}: {type(error).__name__}: {error}")
    return made


def _write(folder: Path, name: str, request: Request) -> list[Path]:
    from videossl.report.make import make

    record = _record_of(folder, request.kind, name)
    suffixes = sorted(FILES[request.kind], key=lambda suffix: suffix == RECORD)  # last: the report relies on it
    make(request, [record.with_name(f"{name}{suffix}") for suffix in suffixes], finished=False)
    return [record.with_name(f"{name}{LOOKED_AT[request.kind]}")]


def _write_report(given: Mapping[str, Any]) -> list[Path]:
    from videossl.report.site.page import write_report

    folder = Path(given["folder"])
    entries = [_record_of(folder, one["kind"], name) for name, one in given["requests"].items()]
    records = [path for path in [*map(Path, given["complete"]), *entries] if path.is_file()]
    if not records:
        return []
    write_report(records, Path(given["results"]), folder / "report.html", incomplete=True)
    return [folder / "report.html"]
