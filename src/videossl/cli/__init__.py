"""The command `videossl`."""

from __future__ import annotations

import os
import sys

from videossl.cli.parsing import SHOW_NEXT, command_line
from videossl.common.errors import report_user_errors


def main() -> None:
    """Entry point of the `videossl` command."""
    if "_VIDEOSSL_COMPLETE" in os.environ:
        from videossl.cli.completion import answer

        sys.exit(answer())
    try:
        code = report_user_errors(run_command)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def run_command(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command. Returns the exit code."""
    given = sys.argv[1:] if argv is None else argv
    arguments = command_line(given)
    if arguments.command == SHOW_NEXT:
        from videossl.cli.next_steps import show

        return show(arguments)
    return arguments.run(arguments)
