"""Writes a table as Parquet and CSV (tidy, fractions), and as Markdown, LaTeX and HTML (pivoted, percent).

The same input gives the same bytes: the output does not depend on the time, the machine or the environment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from videossl.common.errors import unknown_name
from videossl.common.files import canonical_json, write_parquet, write_text
from videossl.report import html, latex
from videossl.report.collect import Results
from videossl.report.csv_cells import csv_text
from videossl.report.document import Document
from videossl.report.tables import Entry, Grid


def markdown(document: Document) -> str:
    """A GitHub pipe table with title, caption and notes."""
    parts = [
        f"### {escape_markdown(document.title)}",
        escape_markdown(document.caption),
        f"{escape_markdown(document.unit)}.",
    ]
    parts.append(_pipe_table(document.grid, lambda entry: _with_paper(entry, document.paper_beside)))
    if document.paper_grid:
        parts.append(f"**{escape_markdown(document.paper_title)}**")
        parts.append(_pipe_table(document.paper_grid, lambda entry: entry.paper_text))
    parts.append("\n".join(f"- {escape_markdown(note)}" for note in document.notes(span_marks=True)))
    if document.provenance:
        parts.append(escape_markdown(document.provenance))
    return "\n\n".join(part for part in parts if part) + "\n"


def _with_paper(entry: Entry, beside: bool) -> str:
    return f"{entry.text} (paper {entry.paper_text})" if beside else entry.text


def _pipe_table(grid: Grid, text: Callable[[Entry], str]) -> str:
    # A pipe table has one header line, so the levels of a column label are joined.
    names = [" / ".join(part for part in label if part) for label in grid.columns]
    lines = [[*grid.row_levels, *names], [":--"] * len(grid.row_levels) + ["--:"] * len(names)]
    for labels, entries in grid.rows:
        line = list(labels)
        for entry in entries:
            line += [text(entry)] + ["←"] * (entry.span - 1)
        lines.append(line)
    head, rule, *body = lines
    escaped = [
        [escape_markdown(cell) for cell in head],
        rule,
        *([escape_markdown(cell) for cell in line] for line in body),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def escape_markdown(text: str) -> str:
    """Plain text on one line, with Markdown and GitHub markup escaped.

    Brackets are escaped only where they would form a link, and list markers only at the start, so that intervals stay
    readable.
    """
    text = re.sub(r"([\\|*_`<>&~#$]|\](?=[(\[:]))", r"\\\1", " ".join(text.splitlines()))
    return re.sub(r"^(\s*\d*)([-+.)])(?=\s)", r"\1\\\2", text)


def _frame_with_origin(results: Results) -> pa.Table:
    """The tidy table, with entry and provenance in the Parquet metadata."""
    table = pa.Table.from_pandas(results.frame(), preserve_index=False)
    origin = {"title": results.title, "name": results.spec.name, "provenance": dict(results.provenance)}
    return table.replace_schema_metadata({"videossl": canonical_json(json.loads(json.dumps(origin)))})


def write_data(results: Results, path: Path) -> None:
    """Write the tidy table behind a table or figure, as .parquet or .csv."""
    if path.suffix == ".parquet":
        write_parquet(path, _frame_with_origin(results))
    else:
        write_text(path, csv_text(results.frame()))


_RENDERERS = {".md": markdown, ".tex": latex.render, ".html": html.render}
DATA_SUFFIXES = (".parquet", ".csv")
TABLE_SUFFIXES = (*DATA_SUFFIXES, *_RENDERERS)


def write_table(results: Results, paths: list[Path]) -> None:
    """Write the table to each path, in the format of its suffix (TABLE_SUFFIXES)."""
    for path in paths:
        if path.suffix not in TABLE_SUFFIXES:
            raise unknown_name("table format", path.suffix, TABLE_SUFFIXES, str(path))
    document = Document.of(results)  # before writing, so that a layout error leaves no files
    for path in paths:
        if path.suffix in DATA_SUFFIXES:
            write_data(results, path)
        else:
            write_text(path, _RENDERERS[path.suffix](document))
