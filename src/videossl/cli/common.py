"""What the commands share: the study that is meant, and output in columns."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videossl.config import read_yaml
from videossl.errors import UserError, unknown_name
from videossl.experiments import Study, load_study

BASE = "config/config.yaml"
FORMATS = ("table", "json", "csv")


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option `--format`."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="table: for reading; json, csv: by cell")


def overlays(arguments: argparse.Namespace) -> list[str]:
    """The configuration files on top of the base: those named, else those of the profile, as Snakemake has it."""
    if arguments.configfile or not arguments.profile:
        return arguments.configfile
    found = read_yaml(_profile_file(arguments.profile)).get("configfile", [])
    return [found] if isinstance(found, str) else found


def _profile_file(name: str) -> Path:
    folders = [Path(name), Path("profiles") / name]
    for folder in folders:
        for file in sorted(folder.glob("config*.yaml")):
            return file
    raise UserError(f"there is no profile '{name}': neither {folders[0]} nor {folders[1]} has a config.yaml.")


def study_of(arguments: argparse.Namespace) -> Study:
    """The study of the command line's configuration; to be called in the repository's root."""
    if not Path(BASE).is_file():
        raise UserError(f"there is no {BASE} here ({Path.cwd()}): run `videossl` in the repository's root.")
    return load_study([BASE, *overlays(arguments)])


def entry_named(study: Study, asked: str) -> str | None:
    """The entry that `asked` names, as `subset_size` or as the target `table_subset_size`; None if there is none."""
    targets = {f"{entry.kind}_{name}": name for name, entry in study.entries.items()}
    return asked if asked in study.entries else targets.get(asked)


def entries_named(study: Study, asked: Sequence[str]) -> list[str]:
    """The entries that are meant; none asked for: all."""
    found = []
    for name in asked:
        entry = entry_named(study, name)
        if entry is None:
            raise unknown_name("table or figure", name, study.entries, study.config.experiments_file)
        found.append(entry)
    return found or list(study.entries)


def print_records(records: Sequence[Mapping[str, Any]], columns: Sequence[str], form: str) -> None:
    """Records as CSV or as a list of JSON objects, on standard output."""
    if form == "json":
        print(json.dumps([{key: record[key] for key in columns} for record in records], indent=2))
        return
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)


def print_columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (), indent: str = "") -> None:
    """Rows under each other in aligned columns; those numbered in `right` stand to the right."""
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [
            text.rjust(width) if number in right else text.ljust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print((indent + "  ".join(cells)).rstrip())
