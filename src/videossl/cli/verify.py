"""`videossl verify`: whether the files of a study are as they were made.

Reads every file completely, and takes as long. Names damaged files, with the command that makes them again. Works while
a run is under way. The exit code is 1 if a file is damaged.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from videossl.cli.common import entry_named, study_of
from videossl.common.errors import unknown_name
from videossl.common.progress import LOG_SECONDS, progress_line
from videossl.monitor.verify import BUSY, DAMAGED, FINE, UNRECORDED, Found, Item, items_of, verify
from videossl.stages.cells import Cell
from videossl.study.study import Study

EXAMPLES = (
    ("videossl verify", "all files of the study"),
    ("videossl verify table_subset_size", "one table, with everything it is made from"),
    ("videossl verify results/finetune", "what lies in a folder"),
)
MEGABYTE = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument(
        "targets",
        nargs="*",
        help="table_NAME, figure_NAME (with everything they are made from), files, folders; none: all",
    )
    parser.add_argument(
        "--threads", type=int, default=min(8, os.cpu_count() or 1), help="number of files read in parallel"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check all files and print damaged ones. Returns 1 if there are any."""
    own = [str(Path(path).absolute()) if arguments.directory else path for path in arguments.configfile]
    study = study_of(arguments)
    cells, places = chosen(study, arguments.targets)
    items = items_of(study, cells, places)
    found = list(_shown(verify(items, max(1, arguments.threads)), items))
    order = {item: number for number, item in enumerate(items)}
    bad = sorted((one for one in found if one.state == DAMAGED), key=lambda one: order[one.item])
    start = snakemake_of(arguments, study)
    jobs: dict[object, list[Found]] = {}
    for one in bad:
        jobs.setdefault(one.item.job or one.item, []).append(one)
    for of_one in jobs.values():
        print("\n".join(f"DAMAGED  {one.problem}" for one in of_one))
        print(f"         -> {remedy(of_one, start, own)}")
    if len(jobs) > 1:
        print(f"\nAll of them at once:\n  {remedy(bad, start, own)}")
    counts = Counter(one.state for one in found)
    size = sum(item.bytes for item in items) / MEGABYTE
    print(f"{len(found)} files, {size:,.1f} MB: " + ", ".join(f"{counts[s]} {s}" for s in (FINE, DAMAGED)), end="")
    print("".join(f", {counts[state]} {state}" for state in (UNRECORDED, BUSY) if counts[state]))
    if counts[UNRECORDED]:
        print(f"{UNRECORDED}: intact by the checksums in the file; no job recorded what it was when it was made.")
    return 1 if bad else 0


def chosen(study: Study, targets: Sequence[str]) -> tuple[list[Cell] | None, list[Path]]:
    """The requested cells and paths; cells are None for all."""
    cells: list[Cell] = []
    places: list[Path] = []
    for target in targets:
        if (entry := entry_named(study, target)) is not None:
            cells += study.with_dependencies(study.cells_of[entry])
        elif os.path.lexists(target) or "/" in target:
            places.append(Path(target))
        elif target != "all":
            raise unknown_name("table or figure", target, ["all", *study.entries], study.config.experiments_file)
    if places and cells:
        places += [Path(study.config.results_dir) / cell.path for cell in cells]
        cells = []
    return cells or None, places


def remedy(bad: Sequence[Found], start: str, configfiles: Sequence[str]) -> str:
    """The command that removes damaged files and makes them again."""
    gone = [item.path for item in (one.item for one in bad)]
    wanted = dict.fromkeys(_asked_for(one.item) for one in bad if one.item.job)
    removed = dict.fromkeys([*gone, *wanted])
    text = f"rm {'-r ' if any(path.is_dir() for path in gone) else ''}-f {shlex.join(map(str, removed))}"
    if not wanted:
        return text
    options = f" --configfile {shlex.join(configfiles)}" if configfiles else ""
    return f"{text} && {start} {shlex.join(map(str, wanted))}{options}"


def _asked_for(item: Item) -> Path:
    """The file to request from Snakemake: the item itself, or for a job's record the job's first result."""
    return item.path if item.path in item.job else item.job[0]


def snakemake_of(arguments: argparse.Namespace, study: Study) -> str:
    """The Snakemake command for the same study, without targets and configuration files."""
    parts = ["snakemake"]
    if arguments.snakefile or arguments.directory:
        parts += ["--snakefile", str((study.project / "Snakefile").resolve())]
    if arguments.directory:
        parts += ["--directory", str(Path.cwd())]
    parts += ["--profile", arguments.profile] if arguments.profile else ["--cores", "all"]
    return shlex.join(parts)


def _shown(found: Iterable[Found], items: Sequence[Item]) -> Iterable[Found]:
    """The same items, with a progress line now and then."""
    total, done, began = sum(item.bytes for item in items), 0, time.monotonic()
    told = began
    for one in found:
        yield one
        done += one.item.bytes
        now = time.monotonic()
        if now - told >= LOG_SECONDS:
            told = now
            line = progress_line("verified, MB", done // MEGABYTE, total // MEGABYTE, now - began)
            print(line, file=sys.stderr, flush=True)
