"""What Snakemake takes to plan: the paper's whole study, a study that is done, one table of it.

And what `videossl plan` takes, beside the two runs of Snakemake that it made before it built the graph of jobs itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, durations, find, take_turns
from benchmarks.settings import Settings, link_workflow

NAME = "planning"
WHOLE, DONE, TABLE = "whole study, nothing done", "whole study, all done", "one table of a done study"
COMMANDS = {
    WHOLE: ["--configfile", "config/paper.yaml"],
    DONE: ["--configfile", "config/paper.yaml"],
    TABLE: ["--configfile", "config/paper.yaml", "--forcerun", "table", "--", "table_subset_size"],
}
DRY_RUN, PLAN, TWO_RUNS = "snakemake -n", "videossl plan", "two runs of Snakemake"
SCALES = {"the paper's study": ["--configfile", "config/paper.yaml"], "the demo's study": []}
"""Studies that `videossl plan` plans, with nothing done."""


def run(settings: Settings) -> list[Row]:
    empty, done = settings.folder / "plan-empty", settings.folder / "plan-done"
    for folder in (empty, done):
        link_workflow(folder)
    if not (done / "touched").exists():
        _pretend(done)
    folders = {WHOLE: empty, DONE: done, TABLE: done}
    jobs = {name: _jobs(_plan(folders[name], COMMANDS[name])) for name in COMMANDS}
    subjects: dict[str, Callable[[int], object]] = {
        name: lambda _, name=name: _plan(folders[name], COMMANDS[name]) for name in COMMANDS
    }
    rows = durations(NAME, DRY_RUN, take_turns(subjects, settings.rounds(3), warm_up=0))
    rows += [Row(NAME, DRY_RUN, name, "jobs", "jobs", count) for name, count in jobs.items()]
    return rows + _of_plan(empty, settings)


def _of_plan(folder: Path, settings: Settings) -> list[Row]:
    """`videossl plan` and the two runs, of each study in turn."""
    rows = []
    for name, arguments in SCALES.items():
        ways: dict[str, Callable[[int], object]] = {
            PLAN: lambda _, given=arguments: _called(folder, "videossl.cli", "plan", *given),
            TWO_RUNS: lambda _, given=arguments: (
                _called(folder, "snakemake", "--summary", *given), _plan(folder, given)
            ),
        }  # fmt: skip
        found = take_turns(ways, settings.rounds(3), warm_up=0)
        rows += [row for way, times in found.items() for row in durations(NAME, way, {name: times})]
    return rows


def _plan(folder: Path, arguments: list[str]) -> str:
    return _called(folder, "snakemake", "-n", "--quiet", "rules", *arguments)


def _called(folder: Path, module: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} failed in {folder}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _jobs(output: str) -> int:
    """The total of the plan's table of jobs; 0 where there is nothing to be done."""
    totals = re.findall(r"^total\s+(\d+)", output, re.MULTILINE)
    return int(totals[0]) if totals else 0


def _pretend(folder: Path) -> None:
    """Make an empty file of every output of the study and have Snakemake note them as up to date."""
    detailed = subprocess.run(
        [sys.executable, "-m", "snakemake", "--configfile", "config/paper.yaml", "--detailed-summary"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    names = [line.split("\t")[0] for line in detailed[1:] if "\t" in line]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    touch = ["--touch", "--configfile", "config/paper.yaml", "--cores", "1", "--quiet", "all"]
    subprocess.run([sys.executable, "-m", "snakemake", *touch], cwd=folder, capture_output=True, check=True)
    (folder / "touched").touch()


def render(rows: list[Row]) -> str:
    """The table of docs/performance.md."""
    lines = ["| `snakemake -n` | jobs planned | s | s of CPU time |", "|---|---:|---:|---:|"]
    for name in COMMANDS:
        jobs, wall, cpu = (
            find(rows, metric, subject=name, case=DRY_RUN) for metric in ("jobs", "seconds", "cpu_seconds")
        )
        lines.append(f"| {name} | {jobs:.0f} | {wall:.1f} | {cpu:.1f} |")
    lines += ["", "| nothing done, s of CPU time | `videossl plan` | two runs of Snakemake | ratio |"]
    lines += ["|---|---:|---:|---:|"]
    for name in SCALES:
        now, before = (find(rows, "cpu_seconds", subject=name, case=way) for way in (PLAN, TWO_RUNS))
        lines.append(f"| {name} | {now:.1f} | {before:.1f} | {now / before:.2f} |")
    return "\n".join(lines)
