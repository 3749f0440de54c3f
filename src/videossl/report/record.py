"""The record of a table or figure: all it was made from, as a file beside it.

The tables themselves hold neither dates nor times, so that the same study gives the same bytes again; when the runs
finished stands here. The HTML report and `metrics.parquet` are made from these records: each names the study's runs
that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import write_json
from videossl.common.intact import read_json, sealed
from videossl.report.collect import Results, collect, reduced_mark
from videossl.report.origin import read_dates, read_origin_of_videos, read_provenance
from videossl.report.paper import read_paper_values
from videossl.report.spec import Spec

CLAIMS = "claims"
KINDS = ("table", "figure", CLAIMS)
SUFFIX = ".record.json"


@dataclass(frozen=True)
class Made:
    """A record that was read. `arguments` are those of the script that made the table or figure."""

    path: Path
    kind: str
    arguments: Mapping[str, Any]
    provenance: Mapping[str, Any]
    finished: Mapping[str, str]

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def cells(self) -> list[Mapping[str, Any]]:
        """The cells it shows."""
        return self.arguments.get("cells", [])

    def runs(self) -> Iterator[str]:
        """The folders of its runs, each after those that it starts from; the same one may come again."""
        for cell in self.cells:
            yield from cell.get("needs", [])
            yield cell["run_dir"]


def write_record(path: Path, kind: str, arguments: Mapping[str, Any]) -> None:
    """Write what a table, a figure or the claims were made from.

    Args:
        arguments: what the script was given, as JSON values; `cells` with `run_dir`, or `metrics` files.
    """
    cells = arguments.get("cells") or [{"run_dir": str(Path(file).parent)} for file in arguments.get("metrics", [])]
    provenance = read_provenance(cells) | read_origin_of_videos(arguments.get("manifests", []))
    origin = {"provenance": provenance, "finished": read_dates(cells)}
    write_json(path, sealed({"kind": kind, "arguments": dict(arguments), **origin}))


def read_record(path: Path) -> Made:
    """Read a record; a UserError says what is wrong with the file."""
    keys = {"kind": str, "arguments": dict, "provenance": dict, "finished": dict}
    found = read_json(path, keys, "record of a table or figure")
    made = Made(path, *(found[key] for key in keys))
    if made.kind not in KINDS:
        raise UserError(f"{path} is a record of a '{made.kind}'. Valid: {', '.join(KINDS)}.")
    return made


def results_of(made: Made) -> Results:
    """The results of a table or figure, from the files that its record names."""
    given = made.arguments
    spec = Spec.parse({"kind": made.kind, **given["entry"]})
    if spec.datasets:
        mark = reduced_mark(given["reduced"])
        return Results(spec, (), mark, made.provenance, manifests=tuple(given["manifests"]))
    values = read_paper_values(given["paper_values"]) if given["paper_values"] else None
    return collect(
        spec,
        given["cells"],
        values,
        reduced=given["reduced"],
        provenance=made.provenance,
        failures=given.get("failures"),
    )
