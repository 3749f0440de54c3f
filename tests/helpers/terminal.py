"""Commands in a pseudo-terminal, as a person runs them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

DEADLINE = 300.0
"""Seconds after which a command that has not ended is killed."""


def in_terminal(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    columns: int = 80,
    interrupt: Callable[[str], bool] | None = None,
) -> tuple[int, str]:
    """Run a command in a terminal of so many columns. Returns its exit code and all that it wrote.

    interrupt: called with what was written so far; when it first returns True, Ctrl-C is pressed.
    """
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        own = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}  # its size
        os.execvpe(command[0], list(command), own)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written, until = b"", time.monotonic() + DEADLINE
    while True:
        if time.monotonic() > until:
            os.kill(process, signal.SIGKILL)
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the command has ended, and the terminal with it
            break
        if not part:
            break
        written += part
        if interrupt is not None and interrupt(written.decode(errors="replace")):
            interrupt = None
            os.write(terminal, b"\x03")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), written.decode()


def without_colours(text: str) -> str:
    """Text without the sequences that set colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def left_standing(text: str) -> list[str]:
    """The lines that stand in the terminal in the end: what was erased or written over is gone."""
    lines = [""]
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", without_colours(text)):
        if part == "\n":
            lines.append("")
        elif part == "\x1b[2K" or part == "\r":  # a live line is erased before it is written again
            lines[-1] = "" if part == "\x1b[2K" else lines[-1]
        elif part == "\x1b[1A" and len(lines) > 1 and not lines[-1]:
            lines.pop()
        elif not part.startswith("\x1b"):
            lines[-1] += part
    return [line.rstrip() for line in lines]
