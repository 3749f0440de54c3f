"""Join the metrics of all finished runs in one Parquet file. Can be run manually."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors
from videossl.data.provenance import note_made
from videossl.report.all_metrics import write_all_metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, nargs="+", required=True, help="<name>.record.json: they name the runs")
    parser.add_argument("--results", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--output", type=Path, required=True, help="the Parquet file")
    arguments = parser.parse_args()
    count, left_out = write_all_metrics(arguments.records, arguments.results, arguments.output)
    note_made({}, arguments.records, [arguments.output], complete=not left_out)
    print(f"{arguments.output}: the metrics of {count} runs")


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
