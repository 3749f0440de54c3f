"""Parts of the page, prepared for the templates: tables, figures, the numbers behind a figure, the list of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

from videossl.common.results import is_fraction
from videossl.report.collect import FAILED, OK, QUOTED, Record, Results, describe
from videossl.report.document import Document
from videossl.report.html import Cell, Table, note_of, number_cell, of_grid, of_lines, paper_cell
from videossl.report.notes import notes, provenance_line, unit_line
from videossl.report.numbers import number
from videossl.report.record import Made
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.site.packing import picture
from videossl.report.site.run_description import Run
from videossl.report.tables import DASH, Entry, missing


@dataclass(frozen=True)
class Origin:
    """Provenance, time of the runs, and the target to rebuild; `files`: names and addresses."""

    provenance: str
    finished: str
    target: str
    files: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Block:
    """A table or a figure with its title, caption, notes and origin."""

    made: Made
    title: str
    scale: str
    caption: str
    origin: Origin
    unit: str = ""
    tables: Sequence[tuple[str, Table]] = ()
    """Of a table: headings and grids."""
    notes: Sequence[str] = ()
    image: str = ""
    """Of a figure: the address that holds the image; "" if it has not been drawn."""
    alternative: str = ""
    """Text alternative of the image."""
    numbers: Table | None = None
    """Of a figure: the numbers behind it."""
    count: int = 0
    """How many numbers these are."""


@dataclass(frozen=True)
class Page:
    """The output page; links are relative to its folder."""

    path: Path

    def links(self, targets: Mapping[str, Path]) -> list[tuple[str, str]]:
        """Names and addresses, relative to the page's folder, of those `targets` that exist."""
        return [
            (name, quote(Path(relpath(target, self.path.parent)).as_posix()))
            for name, target in targets.items()
            if target.is_file()
        ]


def table(document: Document, made: Made, page: Page) -> Block:
    """A table with caption, the paper's values, notes, origin and files."""

    def cell(entry: Entry) -> Cell:
        plain = number_cell(entry, document.paper_beside)
        reasons = [("reason", reason) for reason in entry.reasons[:1]] if entry.status == FAILED else []
        details = [(kind, text + difference(entry) if kind == "paper" else text) for kind, text in plain.details]
        return Cell(plain.text, plain.kind, link_to_runs(entry.runs), [*reasons, *details])

    tables = [("", of_grid(document.grid, cell, sortable=True))]
    if document.paper_grid:
        tables.append((document.paper_title, of_grid(document.paper_grid, paper_cell, sortable=True)))
    shown = {"unit": document.unit, "tables": tables, "notes": document.notes()}
    return _block(document.results, made, origin(made, page, TABLE_SUFFIXES), **shown)


def figure(results: Results, made: Made, page: Page) -> Block:
    """A figure with caption, the numbers behind it, origin and files."""
    image = made.path.with_name(f"{made.name}.png")
    shown = {"image": picture(image) if image.is_file() else ""}
    shown["alternative"] = f"{results.title}. {results.spec.caption}"
    if cells := [record for record in results.records if record.is_cell]:
        behind = {"unit": unit_line(results), "numbers": _numbers(results, cells), "count": len(cells)}
        shown |= {**behind, "notes": notes(results)}
    return _block(results, made, origin(made, page, (".png", ".pdf")), **shown)


def link_to_runs(runs: Sequence[str]) -> str:
    """Address that opens one or several runs; "" if there are none."""
    return f"#run/{quote(','.join(runs), safe='/,+=-_.')}" if runs else ""


def difference(entry: Entry) -> str:
    """Difference between the measured and the paper's value, in the printed unit."""
    if entry.status != OK or entry.paper is None:
        return ""
    if is_fraction(entry.metric):
        return f" ({100 * (entry.value - entry.paper):+z.1f})"
    return f" ({entry.value - entry.paper:+.3g})"


def run_list(runs: Mapping[str, Run], labels: Mapping[str, Mapping[str, str]]) -> Table:
    """Table of all runs of the study, one row per run."""
    rows = []
    for name, run in runs.items():
        first = run.metrics[0] if run.metrics else ["", "", "", "", "", 0, ""]
        seconds = run.record.get("wall_seconds")
        time = DASH if seconds is None else duration(seconds)
        rows.append(
            [
                (Cell(run.title(labels), link=link_to_runs([name])), ""),
                (Cell(missing(run.status, _reasons(run.reason)), "" if run.status == OK else run.status), ""),
                (Cell(first[0]), ""),
                (Cell(f"{first[3]} {first[4]}".strip()), first[3]),
                (Cell(time), "" if seconds is None else str(seconds)),
                (Cell(run.record.get("recipe_hash", DASH), code=True), ""),
            ]
        )
    return of_lines(("Run", "Status", "Metric", "Value", "Wall time", "Recipe"), rows, "runs")


def period(dates: Mapping[str, str]) -> str:
    """Range from the first to the last date (ISO 8601, UTC), to the minute."""
    first, last = (dates[key][:16].replace("T", " ") for key in ("first", "last"))
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last[11:] if last[:10] == first[:10] else last} UTC"


def duration(seconds: float) -> str:
    """A duration in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def origin(made: Made, page: Page, suffixes: Sequence[str]) -> Origin:
    """Origin of a rendering, with its existing files and its record."""
    files = {suffix[1:].upper(): made.path.with_name(made.name + suffix) for suffix in suffixes}
    target = "table_claims" if made.kind == "claims" else f"{made.kind}_{made.name}"
    finished = period(made.finished) if made.finished else ""
    return Origin(provenance_line(made.provenance), finished, target, page.links({**files, "record": made.path}))


def _numbers(results: Results, cells: Sequence[Record]) -> Table:
    beside = results.has_paper_values and not results.reduced
    several = len(results.metrics) > 1
    header = ["Cell", *(["Metric"] if several else []), "Value", "95 % interval", *(["Paper"] if beside else []), "n"]
    rows = []
    for record in cells:
        if record.status == QUOTED:
            continue
        metric = record.identity["metric"]
        done = record.status == OK
        value = number(metric, record.value) if done else missing(record.status, _reasons(record.reason))
        interval = f"[{number(metric, record.low)}, {number(metric, record.high)}]" if record.low is not None else ""
        entry = Entry(record.status, metric, record.value, paper=record.paper, paper_letter=record.paper_letter)
        row = [(Cell(describe(results.spec, record)), "")]
        row += [(Cell(results.spec.label("metric", metric)), "")] if several else []
        shown = Cell(value, "" if done else record.status, link_to_runs(record.runs))
        row.append((shown, repr(record.value) if done else ""))
        row.append((Cell(interval), repr(record.low) if record.low is not None else ""))
        row += (
            [(Cell(entry.paper_number + difference(entry), details=note_of(entry)), repr(record.paper or ""))]
            if beside
            else []
        )
        row.append((Cell(str(record.n or "")), ""))
        rows.append(row)
    return of_lines(header, rows, "numbers")


def _reasons(reason: str) -> list[str]:
    return [reason] if reason else []


def _block(results: Results, made: Made, origin: Origin, **shown) -> Block:
    return Block(made, results.spec.title, results.reduced, results.spec.caption, origin, **shown)
