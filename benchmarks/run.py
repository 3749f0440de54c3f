"""Run benchmarks, keep their numbers as Parquet, and write the measured sections of docs/performance.md anew.

python -m benchmarks.run                    all of them
python -m benchmarks.run loader startup     some; the sections of the others stay as they are
python -m benchmarks.run --effort 0.2       fewer repetitions, for a look
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import psutil
import pyarrow as pa

from benchmarks.measure import Row
from benchmarks.settings import REPOSITORY, Settings
from videossl.common.files import write_parquet, write_text

NAMES = ("clip_reading", "loader", "materialise", "evaluation", "planning", "commands", "startup", "launches")
PACKAGES = ("torch", "torchvision", "torchcodec", "decord", "av", "simplejpeg", "numpy", "pyarrow", "snakemake")
DOCUMENT = REPOSITORY / "docs/performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="benchmarks to run; none: all")
    parser.add_argument("--effort", type=float, default=1.0, help="multiplies the number of repetitions")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "results/bench", help="videos, stores, numbers")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in NAMES:
            raise SystemExit(f"unknown benchmark '{name}'. Valid: {', '.join(NAMES)}")
    settings = Settings(arguments.folder.resolve(), arguments.effort)
    # One thread each, and none that a library leaves spinning behind its call, whose time the next subject would get.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in arguments.names or NAMES:
        # A process for each: what one leaves in memory or in caches of libraries is nothing to the next.
        code = f"from benchmarks.run import one; one({name!r}, {str(settings.folder)!r}, {settings.effort})"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, env=environment)


def one(name: str, folder: str, effort: float) -> None:
    """Run one benchmark in this process, and write its numbers and its section."""
    module, start = import_module(f"benchmarks.{name}"), time.monotonic()
    print(f"{name} ...", flush=True)
    load = psutil.getloadavg()[0]
    rows: list[Row] = module.run(Settings(Path(folder), effort))
    facts = environment(load)
    table = pa.Table.from_pandas(pd.DataFrame([{**row.as_dict(), **facts} for row in rows]), preserve_index=False)
    write_parquet(Path(folder) / f"{name}.parquet", table)
    text = module.render(rows)
    described = ", ".join(f"{key} {value}" for key, value in facts.items())
    write_text(
        DOCUMENT, with_section(DOCUMENT.read_text(), name, f"{text}\n\n<sub>{described}, effort {effort:g}</sub>")
    )
    print(f"{text}\n{name}: {time.monotonic() - start:.0f} s\n", flush=True)


def environment(load: float) -> dict[str, str]:
    """Where and with what it was measured."""
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "load": f"{load:.1f}",
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "none"
    return facts


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", path.read_text(), re.MULTILINE) if path.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def with_section(document: str, name: str, text: str) -> str:
    """The document with `text` between the marks of section `name`."""
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    if document.count(begin) != 1 or document.count(end) != 1:
        raise SystemExit(f"{DOCUMENT} must have the marks {begin} and {end} once each.")
    head, rest = document.split(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    main()
