"""Make a table, a figure or the claims, in the format of each output's suffix. Can be run manually."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors
from videossl.report.make import make
from videossl.report.request import read_request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "request",
        type=Path,
        help="what it is made from: results/logs/requests/<name>.json, or the <name>.record.json of one that was made",
    )
    parser.add_argument(
        "--output", type=Path, nargs="+", required=True, help="files: .parquet .csv .md .tex .html .png .pdf"
    )
    parser.add_argument(
        "--columns",
        type=int,
        choices=(1, 2),
        help="figures: draw them for a paper, as wide as one or two of its columns",
    )
    arguments = parser.parse_args()
    make(read_request(arguments.request), arguments.output, columns=arguments.columns)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
