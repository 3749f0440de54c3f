"""Partial tables, figures and report after a failed run, from the results that exist: in `partial/` below the results.

Nothing depends on them, and they satisfy no target. Their titles say that they are incomplete.
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
OUTDATED = "made under another configuration than the requested one"
REPORT = "report"


def folder_of(study: Study) -> Path:
    """Folder of the partial renderings."""
    return Path(study.config.results_dir) / FOLDER


def shown(study: Study) -> list[Path]:
    """The existing partial renderings."""
    folder = folder_of(study)
    return sorted(path for pattern in ("*.html", "tables/*.html", "figures/*.png") for path in folder.glob(pattern))


def remove(study: Study, names: Iterable[str]) -> None:
    """Remove the partial renderings of entries, of `claims` and of the `report` that are about to be made."""
    folder = folder_of(study)
    for name in names:
        for path in [*folder.glob(f"tables/{name}.*"), *folder.glob(f"figures/{name}.*"), *folder.glob(f"{name}.html")]:
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(path.is_file() for path in folder.rglob("*")):
        shutil.rmtree(folder, ignore_errors=True)


def asked(study: Study, names: Iterable[str]) -> dict[str, Any]:
    """What the script of partial renderings is given, as JSON: of `names` (entries, `claims`, `report`) those of which
    something is there or has failed."""
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
    """The record of a rendering in a folder of results, or of partial ones."""
    return folder / ("figures" if kind == "figure" else "tables") / f"{name}{RECORD}"


def _entry(request: Request, outdated: set[str], failed: Mapping[str, str]) -> dict[str, Any]:
    """What a table or figure is made from, marked as incomplete; {} if nothing of it is there or has failed."""
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
    """What the claims are made from, marked as incomplete; {} if no number is there."""
    given = request.arguments
    there = [path for path in given["metrics"] if str(Path(path).parent) not in outdated and Path(path).is_file()]
    mark = f"INCOMPLETE, {len(there)} of {len(given['metrics'])} cells"
    reduced = f"{given['reduced']}, {mark}" if given["reduced"] else mark
    return {**given, "metrics": there, "reduced": reduced} if there else {}


def render(given: Mapping[str, Any], tell: Callable[[str], None] = print) -> list[Path]:
    """Write what :func:`asked` found; returns the files to look at. One that cannot be written is told, and the others
    are."""
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
        except Exception as error:  # a failed run ends here, and its own reason must stay visible
            tell(f"no partial rendering of {name}: {type(error).__name__}: {error}")
    return made


def _write(folder: Path, name: str, request: Request) -> list[Path]:
    from videossl.report.make import make

    record = _record_of(folder, request.kind, name)
    suffixes = sorted(FILES[request.kind], key=lambda suffix: suffix == RECORD)  # last: the report takes what has one
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
