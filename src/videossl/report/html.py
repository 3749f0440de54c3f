"""A table as one self-contained HTML page: no script, no font, nothing loaded."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import groupby

from videossl.report.collect import FAILED, OK
from videossl.report.document import Document
from videossl.report.tables import ABSENT, Entry, Grid

_CSS = """
body { font: 15px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff;
       max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .4rem; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; border: solid #1a1a1a; border-width: 2px 0; margin: .8rem 0; }
th, td { padding: .35rem .8rem; text-align: center; vertical-align: top; white-space: nowrap; }
thead tr:last-child th { border-bottom: 1px solid #1a1a1a; }
thead .group { border-bottom: 1px solid #999; }
th.side { text-align: left; font-weight: 600; white-space: normal; min-width: 5.5rem; }
td { font-variant-numeric: tabular-nums; }
tr.baseline td, tr.baseline th { background: #f3f3f3; }
.ci, .paper { display: block; font-size: .8rem; color: #555; }
.paper { font-style: italic; }
.pending, .failed { font-style: italic; color: #6b4e00; }
.failed { color: #a00000; font-weight: 600; }
.notes { font-size: .85rem; padding-left: 1.2rem; }
.origin { font-size: .8rem; color: #555; border-top: 1px solid #ccc; padding-top: .5rem; }
@media print { body { max-width: none; margin: 0; font-size: 10pt; } .wide { overflow: visible; } }
"""


def render(document: Document) -> str:
    """The page."""
    title = escape(document.title)
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escape(document.caption)}</p>" if document.caption else "",
        f"<p><strong>{escape(document.unit)}</strong></p>",
        table(document.grid, lambda entry: _cell(entry, document.paper_beside)),
    ]
    if document.paper_grid:
        parts.append(f"<h2>{escape(document.paper_title)}</h2>")
        parts.append(table(document.paper_grid, lambda entry: escape(entry.paper_text)))
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in document.notes())
    parts.append(f'<ul class="notes">\n{notes}\n</ul>')
    if document.provenance:
        parts.append(f'<p class="origin">{escape(document.provenance)}</p>')
    return page(document.title, parts)


def page(title: str, parts: list[str]) -> str:
    """A page with `title` (plain text) in its head and `parts` (HTML) as its body."""
    title, body = escape(title), "\n".join(part for part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_CSS}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def table(grid: Grid, cell: Callable[[Entry], str], *, sortable: bool = False) -> str:
    """A grid as an HTML table that scrolls where it is too wide.

    Args:
        cell: the HTML of an entry.
        sortable: for a page with a script that sorts: rows keep their own labels instead of sharing them, headers are
            buttons, and entries carry their number in `data-v`.
    """
    lines = [
        '<div class="wide"><table class="sortable">' if sortable else '<div class="wide"><table>',
        "<thead>",
        *_head(grid, sortable),
        "</thead>",
        "<tbody>",
        *_body(grid, cell, sortable),
    ]
    return "\n".join([*lines, "</tbody>", "</table></div>"])


def sort_button(label: str) -> str:
    """The content of a header that sorts its column."""
    return f'<button type="button" class="sort">{escape(label)}</button>'


def _head(grid: Grid, sortable: bool) -> list[str]:
    lines = []
    levels = grid.header()
    column = sides = len(grid.row_levels)
    for depth, level in enumerate(levels):
        side = []
        if depth == 0:
            span = f' rowspan="{len(levels)}"' if len(levels) > 1 else ""
            for place, name in enumerate(grid.row_levels):
                side.append(f'<th class="side" scope="col"{span}{_heading(name, place, sortable)}</th>')
        heads = []
        last = depth == len(levels) - 1
        column = sides
        for label, span in level:
            group = ' class="group"' if not last and label else ""
            width = f' colspan="{span}" scope="colgroup"' if span > 1 else ' scope="col"'
            heads.append(f"<th{group}{width}{_heading(label, column, sortable and last)}</th>")
            column += span
        lines.append(f"<tr>{''.join(side + heads)}</tr>")
    return lines


def _heading(label: str, column: int, sortable: bool) -> str:
    """The end of a header's opening tag, and its content."""
    return f' data-column="{column}">{sort_button(label)}' if sortable else f">{escape(label)}"


def _body(grid: Grid, cell: Callable[[Entry], str], sortable: bool) -> list[str]:
    labels = [labels for labels, _ in grid.rows]
    sides = [_own_side(row) for row in labels] if sortable else _side_cells(labels)
    lines = []
    for side, (_, entries) in zip(sides, grid.rows, strict=True):
        kind = ' class="baseline"' if any(entry.span > 1 for entry in entries) else ""
        cells = "".join(f"<td{_span(entry)}{_value(entry, sortable)}>{cell(entry)}</td>" for entry in entries)
        lines.append(f"<tr{kind}>{side}{cells}</tr>")
    return lines


def _span(entry: Entry) -> str:
    return f' colspan="{entry.span}"' if entry.span > 1 else ""


def _value(entry: Entry, sortable: bool) -> str:
    return f' data-v="{entry.value!r}"' if sortable and entry.status == OK else ""


def _own_side(labels: tuple[str, ...]) -> str:
    return "".join(f'<th class="side" scope="row">{escape(label)}</th>' for label in labels)


def _side_cells(labels: list[tuple[str, ...]]) -> list[str]:
    """The headers of each row; equal neighbours on all but the last level are one cell over several rows."""
    sides = [""] * len(labels)
    for level in range(len(labels[0])):
        last = level == len(labels[0]) - 1
        keys = [(row if last else 0, label[: level + 1]) for row, label in enumerate(labels)]
        for _, members in groupby(range(len(labels)), key=keys.__getitem__):
            rows = list(members)
            span = f' rowspan="{len(rows)}"' if len(rows) > 1 else ""
            sides[rows[0]] += f'<th class="side" scope="row"{span}>{escape(labels[rows[0]][level])}</th>'
    return sides


def _cell(entry: Entry, beside: bool) -> str:
    # Line by line, with a space between: text that is copied or read aloud stays apart.
    main = escape(entry.main)
    content = main if entry.status in (OK, ABSENT) else f'<span class="{state(entry)}">{main}</span>'
    if entry.detail:
        content += f' <span class="ci">{escape(entry.detail)}</span>'
    if beside:
        content += f' <span class="paper">paper {escape(entry.paper_text)}</span>'
    return content


def state(entry: Entry) -> str:
    """The class of an entry without a number."""
    return "failed" if entry.status == FAILED else "pending"
