"""`videossl bench`: run the repository's benchmarks in their own environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from videossl.errors import UserError

ENVIRONMENT = Path(".venv-bench")


def bench(names: Sequence[str], effort: float) -> int:
    """Run the benchmarks `names` (none: all) from the repository's root; returns their exit code."""
    if not Path("benchmarks/run.py").is_file():
        raise UserError("there are no benchmarks in this folder: run `videossl bench` in the root of the repository.")
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        raise UserError(f"there is no environment {ENVIRONMENT}: `make bench` makes it (and runs all benchmarks).")
    settings = {"PYTHONPATH": str(Path("src").resolve()), "LD_LIBRARY_PATH": str((ENVIRONMENT / "ffmpeg").resolve())}
    command = [str(python), "-m", "benchmarks.run", *names, "--effort", str(effort)]
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1", **settings}).returncode
