"""Write the study's report (one HTML file) from the records of its tables, figures and claims. Can be run manually."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors
from videossl.data.provenance import note_made
from videossl.report.site.page import write_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, nargs="+", required=True, help="<name>.record.json of what it shows")
    parser.add_argument("--results", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--title", default="", help="the title of the study; default: the paper's, or the targets'")
    parser.add_argument(
        "--videos", type=json.loads, default={}, help='folders of videos, to link to: {"ucf101": "/data/UCF-101"}'
    )
    parser.add_argument("--output", type=Path, required=True, help="the HTML file")
    arguments = parser.parse_args()
    given = {"title": arguments.title, "roots": arguments.videos}
    left_out = write_report(arguments.records, arguments.results, arguments.output, **given)
    note_made({}, arguments.records, [arguments.output], complete=not left_out)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
