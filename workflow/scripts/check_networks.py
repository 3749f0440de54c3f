"""Build the networks and tasks of planned jobs once; exit code 2, with what is wrong, if one of them cannot be."""

import argparse
import json
import sys
from pathlib import Path

from videossl.check import problems_of
from videossl.errors import UserError, report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", type=Path, help="JSON file: a list as videossl.check.builds_of makes it")
    arguments = parser.parse_args()
    if problems := problems_of(json.loads(arguments.builds.read_text())):
        raise UserError("jobs of this plan could not start:\n" + "\n".join(f"  {problem}" for problem in problems))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
