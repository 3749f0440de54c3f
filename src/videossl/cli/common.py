"""Shared by the commands: which study is meant, and output in columns."""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError, unknown_name
from videossl.common.places import base_files, project_folder
from videossl.monitor.overlays import overlays
from videossl.report.csv_cells import csv_cell
from videossl.study.contradictions import check_contradictions
from videossl.study.study import Study, load_study


def study_of(arguments: argparse.Namespace) -> Study:
    """The study selected by the command line.

    Changes to the working directory that it names, and stores all overlays in `arguments.configfile`, relative to it.
    """
    project = project_folder(arguments.snakefile)
    found = overlays(arguments.configfile, arguments.profile, project)
    if arguments.directory:
        project, found = project.resolve(), [str(Path(path).absolute()) for path in found]
        os.chdir(require_folder(arguments.directory))
    arguments.configfile = found
    study = load_study([*base_files(project), *found], project)
    check_contradictions(study)
    return study


def require_folder(path: str) -> Path:
    """The working directory requested. Raises UserError if it is not a folder. (Snakemake would create it.)"""
    if not Path(path).is_dir():
        raise UserError(f"--directory names {path}, which is not a folder.")
    return Path(path)


def entry_named(study: Study, asked: str) -> str | None:
    """The entry that `asked` names, either as `subset_size` or as the target `table_subset_size`; None if there is
    none."""
    targets = {f"{entry.kind}_{name}": name for name, entry in study.entries.items()}
    return asked if asked in study.entries else targets.get(asked)


def entries_named(study: Study, asked: Sequence[str]) -> list[str]:
    """The requested entries; all if none is requested."""
    found = []
    for name in asked:
        entry = entry_named(study, name)
        if entry is None:
            raise unknown_name("table or figure", name, study.entries, study.config.experiments_file)
        found.append(entry)
    return found or list(study.entries)


def print_records(records: Sequence[Mapping[str, Any]], columns: Sequence[str], form: str) -> None:
    """Print records to standard output as CSV or as a list of JSON objects."""
    if form == "json":
        print(json.dumps([{key: record[key] for key in columns} for record in records], indent=2))
        return
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: csv_cell(record[key]) for key in columns} for record in records)


def say(text: str, indent: str = "", below: str | None = None) -> None:
    """Print a paragraph in lines that fit the terminal, or 80 characters elsewhere. Paths and names stay whole.

    indent: of the first line; below: of the others, if different.
    """
    width = shutil.get_terminal_size((80, 24)).columns
    below = indent if below is None else below
    filled = textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    )
    print(filled, flush=True)


def print_columns(
    rows: Sequence[Sequence[str]], right: Sequence[int] = (), indent: str = "", *, head: bool = False
) -> None:
    """Print rows in aligned columns; the columns numbered in `right` are right-aligned.

    In a terminal the table fits its width, with long cells in several lines. Elsewhere each row is one line, for
    programs that read it. head: the first row names the columns.
    """
    if rows and sys.stdout.isatty():
        _print_fitting(rows, right, indent, head)
        return
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [
            text.rjust(width) if number in right else text.ljust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print((indent + "  ".join(cells)).rstrip())


def _print_fitting(rows: Sequence[Sequence[str]], right: Sequence[int], indent: str, head: bool) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=head, header_style="bold", pad_edge=False)
    for number, name in enumerate(rows[0]):
        justify = "right" if number in right else "left"
        table.add_column(Text(name) if head else "", justify=justify, overflow="fold")
    for row in rows[1:] if head else rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(Padding(table, (0, 0, 0, len(indent))))
