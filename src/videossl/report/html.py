"""Tables as HTML, by the templates in `report/templates`: as a separate page, and as parts of the report.

Cells contain plain text, which the templates escape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from videossl.report.collect import FAILED, OK
from videossl.report.document import Document
from videossl.report.tables import ABSENT, Entry, Grid


@dataclass(frozen=True)
class Cell:
    """One cell; all fields are plain text."""

    text: str
    kind: str = ""
    """CSS class, such as `pending`."""
    link: str = ""
    """Address that the text links to."""
    details: Sequence[tuple[str, str]] = ()
    """Additional texts, each with a CSS class: interval, the paper's value, reason."""
    code: bool = False
    head: bool = False
    sorts: bool = False
    """Whether the cell is a header that sorts its column."""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of the table body."""

    cells: Sequence[Cell]
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """Header lines and rows. `kind` is the CSS class; `flat`: the table has a single header line."""

    header: Sequence[Sequence[Cell]]
    rows: Sequence[Row]
    kind: str = ""
    flat: bool = False


def of_grid(grid: Grid, cell: Callable[[Entry], Cell], *, sortable: bool = False) -> Table:
    """Convert a grid to a table.

    Args:
        cell: function that formats an entry.
        sortable: for a page with a sorting script: each row repeats its labels, headers are buttons, and entries have
            their number in `data-v`.
    """
    labels = [labels for labels, _ in grid.rows]
    sides = [[_side(label) for label in row] for row in labels] if sortable else _shared_sides(labels)
    rows = []
    for side, (_, entries) in zip(sides, grid.rows, strict=True):
        kind = "baseline" if any(entry.span > 1 for entry in entries) else ""
        rows.append(Row([*side, *(_placed(cell(entry), entry, sortable) for entry in entries)], kind))
    return Table(_header(grid, sortable), rows, "sortable" if sortable else "")


def of_texts(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of sentences, with line breaks in cells."""
    style = {"style": "white-space: normal; text-align: left; max-width: 28rem"}
    head = [Cell(text, head=True, attributes={"scope": "col", **style}) for text in header]
    return Table([head], [Row([Cell(text, attributes=style) for text in row]) for row in rows], flat=True)


def of_lines(header: Sequence[str], rows: Iterable[Sequence[tuple[Cell, str]]], kind: str = "") -> Table:
    """A sortable table. Each cell comes with its sort key ("": its text)."""
    head = [
        Cell(text, head=True, sorts=True, attributes={"scope": "col", "data-column": str(place)})
        for place, text in enumerate(header)
    ]
    body = [
        Row(
            [
                replace(cell, attributes={"data-label": name, **({"data-v": key} if key else {})})
                for name, (cell, key) in zip(header, row, strict=True)
            ]
        )
        for row in rows
    ]
    return Table([head], body, f"sortable {kind}".strip(), flat=True)


def number_cell(entry: Entry, beside: bool) -> Cell:
    """Cell of an entry: the number, its interval and, if `beside`, the paper's number."""
    # The texts are separated by spaces, so that they stay separate when copied or read aloud.
    details = [("ci", entry.detail)] if entry.detail else []
    details += [("paper", f"paper {entry.paper_number}"), *note_of(entry)] if beside else []
    return Cell(entry.main, state(entry), details=details)


def paper_cell(entry: Entry) -> Cell:
    """Cell of an entry in the separate grid of the paper's numbers."""
    return Cell(entry.paper_number, details=note_of(entry))


def note_of(entry: Entry) -> list[tuple[str, str]]:
    """Reference to the note about the paper's number, as a detail of a cell."""
    return [("note", entry.paper_note)] if entry.paper_note else []


def state(entry: Entry) -> str:
    """CSS class of an entry without a number; "" for one with a number."""
    return "" if entry.status in (OK, ABSENT) else "failed" if entry.status == FAILED else "pending"


def render(document: Document) -> str:
    """A table as a separate page without scripts, fonts or other external files."""
    tables = [("", of_grid(document.grid, lambda entry: number_cell(entry, document.paper_beside)))]
    if document.paper_grid:
        tables.append((document.paper_title, of_grid(document.paper_grid, paper_cell)))
    return page(
        "table_page.html",
        title=document.title,
        caption=document.caption,
        unit=document.unit,
        tables=tables,
        notes=document.notes(),
        provenance=document.provenance,
    )


def page(template: str, **given: Any) -> str:
    """A rendered template."""
    return _environment().get_template(template).render(given)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("videossl.report"),
        autoescape=True,
        finalize=_written,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment


def _written(value: Any) -> Any:
    """Text escaped as by the standard library, since Jinja escapes quotes differently; keeps the bytes of tables."""
    return value if hasattr(value, "__html__") else Markup(escape(str(value)))


def _header(grid: Grid, sortable: bool) -> list[list[Cell]]:
    levels, sides = grid.header(), len(grid.row_levels)
    lines = []
    for depth, level in enumerate(levels):
        last = depth == len(levels) - 1
        line = []
        for place, name in enumerate(grid.row_levels if depth == 0 else ()):
            attributes = {"class": "side", "scope": "col"} | ({"rowspan": str(len(levels))} if len(levels) > 1 else {})
            line.append(_heading(name, attributes, place, sortable))
        column = sides
        for label, span in level:
            attributes = {"class": "group"} if not last and label else {}
            attributes |= {"colspan": str(span), "scope": "colgroup"} if span > 1 else {"scope": "col"}
            line.append(_heading(label, attributes, column, sortable and last))
            column += span
        lines.append(line)
    return lines


def _heading(label: str, attributes: Mapping[str, str], column: int, sorts: bool) -> Cell:
    own = {**attributes, **({"data-column": str(column)} if sorts else {})}
    return Cell(label, head=True, sorts=sorts, attributes=own)


def _placed(cell: Cell, entry: Entry, sortable: bool) -> Cell:
    attributes = {"colspan": str(entry.span)} if entry.span > 1 else {}
    attributes |= {"data-v": repr(entry.value)} if sortable and entry.status == OK else {}
    return replace(cell, attributes=attributes)


def _side(label: str, rows: int = 1) -> Cell:
    shared = {"rowspan": str(rows)} if rows > 1 else {}
    return Cell(label, head=True, attributes={"class": "side", "scope": "row", **shared})


def _shared_sides(labels: list[tuple[str, ...]]) -> list[list[Cell]]:
    """Header cells of each row. Equal neighbours share a cell that spans rows, except on the last level."""
    sides: list[list[Cell]] = [[] for _ in labels]
    for level in range(len(labels[0])):
        last = level == len(labels[0]) - 1
        keys = [(row if last else 0, label[: level + 1]) for row, label in enumerate(labels)]
        for _, members in groupby(range(len(labels)), key=keys.__getitem__):
            rows = list(members)
            sides[rows[0]].append(_side(labels[rows[0]][level], len(rows)))
    return sides
