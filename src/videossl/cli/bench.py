"""`videossl bench`: measures the speed of this machine and compares it with common alternatives
(docs/performance.md)."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from videossl.common.errors import UserError

EXAMPLES = (
    ("videossl bench", "all benchmarks"),
    ("videossl bench --effort 0.2", "quickly, with less certain numbers"),
)
ENVIRONMENT = Path(".venv-bench")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--effort", type=float, default=1.0, help="multiplies the number of repetitions")
    parser.add_argument("names", nargs="*", help="benchmarks; none: all")


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmarks from the repository's root, in their own environment. Returns their exit code."""
    if not Path("benchmarks/run.py").is_file():
        raise UserError("there are no benchmarks in this folder: run `videossl bench` in the root of the repository.")
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        raise UserError(f"there is no environment {ENVIRONMENT}: `make bench` creates it (and runs all benchmarks).")
    settings = {"PYTHONPATH": str(Path("src").resolve()), "LD_LIBRARY_PATH": str((ENVIRONMENT / "ffmpeg").resolve())}
    command = [str(python), "-m", "benchmarks.run", *arguments.names, "--effort", str(arguments.effort)]
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1", **settings}).returncode
