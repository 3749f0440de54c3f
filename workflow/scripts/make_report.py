"""Write the study's report (one HTML file) from the records of its tables, figures and claims. Can be run manually."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors
from videossl.data.provenance import note_made
from videossl.report.site.page import write_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, nargs="+", required=True, help="<name>.record.json of what it shows")
    parser.add_argument("--results", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--output", type=Path, required=True, help="the HTML file")
    arguments = parser.parse_args()
    left_out = write_report(arguments.records, arguments.results, arguments.output)
    note_made({}, arguments.records, [arguments.output], complete=not left_out)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
