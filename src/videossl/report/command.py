"""What the scripts of tables and figures share: their arguments."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import is_packed, unpack
from videossl.data.provenance import note_made
from videossl.report.collect import Results, collect, reduced_mark
from videossl.report.origin import read_origin_of_videos, read_provenance
from videossl.report.paper import read_paper_values
from videossl.report.record import write_record
from videossl.report.renderings import inputs_of, spec_of
from videossl.report.spec import Spec


def parse_arguments(
    description: str | None, kind: str, suffixes: Sequence[str], argv: Sequence[str] | None = None
) -> argparse.Namespace:
    """The command line of both scripts. JSON arguments are a text or the path of a file."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--spec", required=True, help=f"JSON: the {kind}'s entry of experiments.yaml, with its name")
    parser.add_argument(
        "--cells",
        required=True,
        help="JSON: a list of cells: identity columns, views, metrics (file), run_dir and optionally paper and needs",
    )
    if kind == "figure":
        parser.add_argument(
            "--manifests",
            default="[]",
            help="JSON: for a figure of videos, a list of their sets: dataset, noise, severity, manifest (file)",
        )
    parser.add_argument("--paper-values", type=Path, help="config/paper_values.csv; left out: no comparison")
    parser.add_argument("--reduced", default="", help="how a reduced scale is marked in the title; empty: full scale")
    parser.add_argument("--record", type=Path, help="file for the record: what it was made from, and when")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help=f"files: {', '.join(suffixes)}")
    arguments = parser.parse_args(argv)
    arguments.kind = kind
    return arguments


def record(arguments: argparse.Namespace, results: Results) -> None:
    """Write the record, where the arguments ask for one: beside the table or figure for those who read it, and of how
    all its files were made."""
    if not arguments.record:
        return
    given = {
        "entry": _json(arguments.spec, "--spec", dict),
        "cells": _json(arguments.cells, "--cells", list),
        "manifests": _json(getattr(arguments, "manifests", "[]"), "--manifests", list),
        "paper_values": str(arguments.paper_values) if arguments.paper_values else None,
        "reduced": arguments.reduced,
    }
    write_record(arguments.record, arguments.kind, given)
    shown = (given["cells"], given["manifests"])
    made = [*arguments.output, arguments.record]
    note_made(
        spec_of(given["entry"], *shown, arguments.reduced), inputs_of(*shown), made, complete=not results.has_failures
    )


def read_results(arguments: argparse.Namespace) -> Results:
    """Read everything that the arguments name."""
    entry = _json(arguments.spec, "--spec", dict)
    spec = Spec.parse({"kind": arguments.kind, **entry})
    if spec.kind != arguments.kind:
        raise UserError(f"'{spec.name}' is a {spec.kind}, not a {arguments.kind}; use make_{spec.kind}.py.")
    if spec.datasets:
        manifests = _json(arguments.manifests, "--manifests", list)
        if not manifests:
            raise UserError(f"'{spec.name}' shows videos of {', '.join(spec.datasets)}; name their --manifests.")
        origin = read_origin_of_videos(manifests)
        return Results(spec, (), reduced_mark(arguments.reduced), origin, manifests=tuple(manifests))
    values = read_paper_values(arguments.paper_values) if arguments.paper_values else None
    cells = _json(arguments.cells, "--cells", list)
    return collect(spec, cells, values, reduced=arguments.reduced, provenance=read_provenance(cells))


def _json(text: str, option: str, expected: type) -> Any:
    """The value of a JSON argument, given as text or as the path of a file."""
    if is_packed(text):
        text = unpack(text)
    elif not text.lstrip().startswith(("{", "[")):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(f"{option}: neither JSON nor a readable file: {text} ({error.strerror}).") from None
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{option} is not valid JSON: {error}.") from None
    if not isinstance(value, expected):
        raise UserError(f"{option} must be a JSON {'object' if expected is dict else 'list'}.")
    return value
