"""Record of a table or figure: everything it was made from, in a file next to it.

The tables themselves have no dates or times, so that the same study gives the same bytes. The record has the times at
which the runs finished. The HTML report and `metrics.parquet` are made from records, which name the runs of the study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import write_json
from videossl.common.intact import read_json, sealed
from videossl.report.collect import Results, collect
from videossl.report.origin import read_dates, read_origin_of_videos, read_provenance
from videossl.report.paper import read_paper_values
from videossl.report.renderings import RECORD
from videossl.report.request import KINDS, Request
from videossl.report.scale import reduced_mark
from videossl.report.spec import Spec


@dataclass(frozen=True)
class Made:
    """A record that was read."""

    path: Path
    request: Request
    provenance: Mapping[str, Any]
    finished: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of the entry."""
        return self.path.name.removesuffix(RECORD)

    @property
    def kind(self) -> str:
        """table, figure or claims."""
        return self.request.kind

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it was made from."""
        return self.request.arguments

    @property
    def cells(self) -> list[Mapping[str, Any]]:
        """The cells it shows."""
        return self.arguments.get("cells", [])

    def runs(self) -> Iterator[str]:
        """Folders of its runs, each after its dependencies; a folder may occur several times."""
        for cell in self.cells:
            yield from dependencies_of(cell)
            yield cell["run_dir"]


def dependencies_of(cell: Mapping[str, Any]) -> list[str]:
    """Folders of the runs that a recorded cell depends on. Records of earlier versions call them `needs`."""
    return list(cell.get("dependencies", cell.get("needs", [])))


def write_record(path: Path, request: Request) -> None:
    """Write the record of a table, a figure or the claims."""
    cells = _cells(request)
    origin = {"provenance": _origin(request), "finished": read_dates(cells)}
    write_json(path, sealed({"kind": request.kind, "arguments": dict(request.arguments), **origin}))


def read_record(path: Path) -> Made:
    """Read a record. Raises UserError with the reason if the file is invalid."""
    keys = {"kind": str, "arguments": dict, "provenance": dict, "finished": dict}
    found = read_json(path, keys, "record of a table or figure")
    if found["kind"] not in KINDS:
        raise UserError(f"{path}: `kind` is '{found['kind']}'. Valid: {', '.join(KINDS)}.")
    return Made(path, Request(found["kind"], found["arguments"]), found["provenance"], found["finished"])


def results_of(request: Request, provenance: Mapping[str, Any] | None = None) -> Results:
    """The results of a table or figure, read from the files that its request names.

    Args:
        provenance: of the results, if already known.
    """
    given = request.arguments
    spec = Spec.parse({"kind": request.kind, **given["entry"]})
    if provenance is None:
        provenance = _origin(request)
    if spec.datasets:
        if not (manifests := given.get("manifests")):
            raise UserError(f"'{spec.name}' shows videos of {', '.join(spec.datasets)}, and no `manifests` are given.")
        return Results(spec, (), reduced_mark(given["reduced"]), provenance, manifests=tuple(manifests))
    values = read_paper_values(given["paper_values"]) if given["paper_values"] else None
    shown = {"reduced": given["reduced"], "provenance": provenance, "failures": given.get("failures")}
    return collect(spec, given["cells"], values, **shown)


def _cells(request: Request) -> list[Mapping[str, Any]]:
    """The requested cells by run folder."""
    metrics = request.arguments.get("metrics", [])
    return request.arguments.get("cells") or [{"run_dir": str(Path(file).parent)} for file in metrics]


def _origin(request: Request) -> dict[str, Any]:
    return read_provenance(_cells(request)) | read_origin_of_videos(request.arguments.get("manifests", []))
