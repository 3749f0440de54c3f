"""Write the table of the paper's claims, in the format of each output's suffix. Runs by hand too."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors
from videossl.data.provenance import note_made
from videossl.report.claims import left_out, write_claims
from videossl.report.paper import read_paper_values
from videossl.report.record import CLAIMS, write_record
from videossl.report.render import TABLE_SUFFIXES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, nargs="*", default=[], help="metrics.parquet of the claims' cells")
    parser.add_argument(
        "--default-complexities", type=json.loads, required=True, help="JSON: by task, the recipes' default"
    )
    parser.add_argument("--paper-values", type=Path, required=True, help="config/paper_values.csv")
    parser.add_argument("--reduced", default="", help="how a reduced scale is marked in the title; empty: full scale")
    parser.add_argument("--record", type=Path, help="file for the record: what it was made from, and when")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help=f"files: {', '.join(TABLE_SUFFIXES)}")
    arguments = parser.parse_args()
    write_claims(
        arguments.metrics,
        arguments.default_complexities,
        read_paper_values(arguments.paper_values),
        arguments.output,
        reduced=arguments.reduced,
    )
    if arguments.record:
        given = {
            "metrics": [str(path) for path in arguments.metrics],
            "default_complexities": arguments.default_complexities,
            "reduced": arguments.reduced,
        }
        write_record(arguments.record, CLAIMS, {**given, "paper_values": str(arguments.paper_values)})
        made = [*arguments.output, arguments.record]
        note_made(given, arguments.metrics, made, complete=not left_out(arguments.metrics))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
