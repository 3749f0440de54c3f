"""Write one table from its cells' metrics, in the format of each output's suffix. Runs by hand too."""

from __future__ import annotations

import sys

from videossl.common.errors import report_user_errors
from videossl.report.command import parse_arguments, read_results, record
from videossl.report.render import TABLE_SUFFIXES, write_table


def main() -> None:
    arguments = parse_arguments(__doc__, "table", TABLE_SUFFIXES)
    results = read_results(arguments)
    write_table(results, arguments.output)
    record(arguments, results)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
