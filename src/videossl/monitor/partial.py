"""Partial tables, figures and report after a failed run, from the results that exist: in `partial/` below the results.

Nothing depends on them, and they satisfy no target. Their titles say that they are incomplete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from videossl.monitor.belief import OTHER, judge
from videossl.monitor.run_state import failures
from videossl.report import request
from videossl.report.renderings import FILES
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
    """Arguments of the script for partial renderings, as JSON: those of `names` (entries, `claims`, `report`) that have
    results or failures."""
    names, root = list(names), Path(study.config.results_dir)
    outdated = {f"{root}/{cell.path}" for cell, state in judge(study).of_cells.items() if state == OTHER}
    entries = []
    for name in (name for name in study.entries if name in names):
        cells = [_as_pending(cell) if cell["run_dir"] in outdated else cell for cell in request.cells_of(study, name)]
        given = {"cells": cells, "reduced": request.reduced_note(study, name), "kind": study.entries[name].kind}
        if cells and _something(cells):
            entries.append({"name": name, "entry": _titled(request.entry_of(study, name), cells), **given})
    return {
        "folder": str(root / FOLDER),
        "results": str(root),
        "paper_values": study.config.paper_values,
        "failures": failures(study, study.all_cells),
        "entries": entries,
        "claims": _claims(study, outdated) if "claims" in names else None,
        "report": REPORT in names,
        "complete": [
            str(root / f"{kind}s" / f"{name}.record.json")
            for name, kind in [(name, entry.kind) for name, entry in study.entries.items()] + [("claims", "table")]
            if name not in names and (root / f"{kind}s" / f"{name}.record.json").is_file()
        ],
    }


def _as_pending(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {**cell, "metrics": "", "pending": OUTDATED}


def _something(cells: Iterable[Mapping[str, Any]]) -> bool:
    return any(_is_there(cell) or (Path(cell["run_dir"]) / "FAILED").is_file() for cell in cells)


def _is_there(cell: Mapping[str, Any]) -> bool:
    return bool(cell["metrics"]) and Path(cell["metrics"]).is_file()


def _titled(entry: Mapping[str, Any], cells: list[Mapping[str, Any]]) -> dict[str, Any]:
    there = sum(map(_is_there, cells))
    return {**entry, "title": f"INCOMPLETE, {there} of {len(cells)} cells: {entry['title']}"}


def _claims(study: Study, outdated: set[str]) -> dict[str, Any] | None:
    given = request.of_claims(study)
    there = [path for path in given["metrics"] if str(Path(path).parent) not in outdated and Path(path).is_file()]
    mark = f"INCOMPLETE, {len(there)} of {len(given['metrics'])} cells"
    reduced = f"{given['reduced']}, {mark}" if given["reduced"] else mark
    return {**given, "metrics": there, "reduced": reduced} if there else None


def render(given: Mapping[str, Any], tell: Callable[[str], None] = print) -> list[Path]:
    """Write the renderings described by :func:`asked`. Returns the files to look at. If one fails, says so and
    continues."""
    made = []
    for name, write in _writers(given):
        try:
            made += write()
        except Exception as error:  # a failed run ends here, and its own reason must stay visible
            tell(f"no partial rendering of {name}: {type(error).__name__}: {error}")
    return made


def _writers(given: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], list[Path]]]]:
    folder = Path(given["folder"])
    for one in given["entries"]:
        yield one["name"], lambda one=one: _write_entry(folder, given, one)
    if given["claims"]:
        yield "claims", lambda: _write_claims(folder, given)
    if given["report"]:
        yield "the report", lambda: _write_report(folder, given)


def _paths(folder: Path, kind: str, name: str) -> tuple[list[Path], Path]:
    """Files of a rendering, the main file first, and its record."""
    home = folder / ("figures" if kind == "figure" else "tables")
    files = [home / f"{name}{suffix}" for suffix in FILES[kind] if suffix != ".record.json"]
    return sorted(files, key=lambda path: path.suffix not in (".html", ".png")), home / f"{name}.record.json"


def _write_entry(folder: Path, given: Mapping[str, Any], one: Mapping[str, Any]) -> list[Path]:
    from videossl.report.collect import collect
    from videossl.report.figures import write_figure
    from videossl.report.origin import read_provenance
    from videossl.report.paper import read_paper_values
    from videossl.report.record import write_record
    from videossl.report.render import write_table
    from videossl.report.spec import Spec

    files, record = _paths(folder, one["kind"], one["name"])
    spec = Spec.parse({"kind": one["kind"], **one["entry"]})
    results = collect(
        spec,
        one["cells"],
        read_paper_values(given["paper_values"]),
        reduced=one["reduced"],
        provenance=read_provenance(one["cells"]),
        failures=given["failures"],
    )
    (write_table if one["kind"] == "table" else write_figure)(results, files)
    arguments = {"entry": one["entry"], "cells": one["cells"], "manifests": [], "reduced": one["reduced"]}
    paper = {"paper_values": str(given["paper_values"]), "failures": given["failures"]}
    write_record(record, one["kind"], arguments | paper)
    return files[:1]


def _write_claims(folder: Path, given: Mapping[str, Any]) -> list[Path]:
    from videossl.report.claims import write_claims
    from videossl.report.paper import read_paper_values
    from videossl.report.record import write_record

    files, record = _paths(folder, "claims", "claims")
    claims = given["claims"]
    metrics = [Path(path) for path in claims["metrics"]]
    paper = read_paper_values(given["paper_values"])
    write_claims(metrics, claims["default_complexities"], paper, files, reduced=claims["reduced"])
    write_record(record, "claims", {**claims, "paper_values": str(given["paper_values"])})
    return files[:1]


def _write_report(folder: Path, given: Mapping[str, Any]) -> list[Path]:
    from videossl.report.site.page import write_report

    entries = [_paths(folder, one["kind"], one["name"])[1] for one in given["entries"]]
    if given["claims"]:
        entries.append(folder / "tables/claims.record.json")
    records = [path for path in [*map(Path, given["complete"]), *entries] if path.is_file()]
    if not records:
        return []
    write_report(records, Path(given["results"]), folder / "report.html", incomplete=True)
    return [folder / "report.html"]
