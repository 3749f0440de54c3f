"""A warm interpreter for jobs, shared by many runs: starting one takes as long as many of the tests' studies."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SERVER = "workflow/warm/server.py"


@contextmanager
def warm_interpreter(code: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start one with the code in `code`; gives the variable by which runs find it.

    It ends with this process too: the command beside it waits for the end of its standard input.
    """
    program = [sys.executable, code / SERVER, "--", "sh", "-c", 'echo "$VIDEOSSL_WARM"; exec cat']
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(program, env=environment, text=True, **pipes) as process:
        yield {"VIDEOSSL_WARM": process.stdout.readline().strip()}
        process.stdin.close()


@cache
def shared() -> dict[str, str]:
    """One with this repository's code, for the rest of this process's life."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY / "src")}
    started = warm_interpreter(REPOSITORY, environment)
    atexit.register(started.__exit__, None, None, None)
    return started.__enter__()


def has_the_code_of_the_repository(root: Path) -> bool:
    """Whether the library in the copy `root` is the repository's, file by file."""
    return _files(root / "src/videossl") == _files(REPOSITORY / "src/videossl")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}
