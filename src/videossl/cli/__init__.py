"""The command `videossl`: plan, status, verify, doctor, bench."""

from __future__ import annotations

import argparse
import os
import sys

from videossl.cli import bench, doctor, plan, status, verify
from videossl.cli.common import add_common
from videossl.common.errors import report_user_errors

COMMANDS = (plan, status, verify, doctor, bench)
"""One module per command: NAME, HELP, add_arguments(parser), run(arguments) -> exit code."""


def main() -> None:
    """Entry point of the `videossl` command."""
    try:
        code = report_user_errors(run)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def run(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="videossl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for module in COMMANDS:
        command = commands.add_parser(module.NAME, help=module.HELP, description=module.__doc__)
        add_common(command)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    return arguments.run(arguments)
