"""Build the networks and tasks of planned jobs once; on failure, print the errors and exit with code 2."""

import argparse
import sys
from pathlib import Path

from videossl.common.errors import UserError, report_user_errors
from videossl.monitor.buildable import problems_of
from videossl.stages.parts.builds import BUILDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", type=Path, help="JSON file: a list as videossl.monitor.buildable.builds_of makes it")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="cuda: there must be a GPU")
    arguments = parser.parse_args()
    from videossl.training.device import choose_device

    choose_device(arguments.device)
    if problems := problems_of(BUILDS.validate_json(arguments.builds.read_bytes())):
        raise UserError("jobs of this plan could not start:\n" + "\n".join(f"  {problem}" for problem in problems))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
