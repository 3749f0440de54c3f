"""What Snakemake takes to plan: the paper's whole study, a study that is done, one table of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, durations, find, take_turns
from benchmarks.settings import REPOSITORY, Settings

NAME = "planning"
WHOLE, DONE, TABLE = "whole study, nothing done", "whole study, all done", "one table of a done study"
COMMANDS = {
    WHOLE: ["--configfile", "config/paper.yaml"],
    DONE: ["--configfile", "config/paper.yaml"],
    TABLE: ["--configfile", "config/paper.yaml", "--forcerun", "table", "--", "table_subset_size"],
}


def run(settings: Settings) -> list[Row]:
    empty, done = settings.folder / "plan-empty", settings.folder / "plan-done"
    for folder in (empty, done):
        _copy(folder)
    if not (done / "touched").exists():
        _pretend(done)
    folders = {WHOLE: empty, DONE: done, TABLE: done}
    jobs = {name: _jobs(_plan(folders[name], COMMANDS[name])) for name in COMMANDS}
    subjects: dict[str, Callable[[int], object]] = {
        name: lambda _, name=name: _plan(folders[name], COMMANDS[name]) for name in COMMANDS
    }
    rows = durations(NAME, "snakemake -n", take_turns(subjects, settings.rounds(3), warm_up=0))
    return rows + [Row(NAME, "snakemake -n", name, "jobs", "jobs", count) for name, count in jobs.items()]


def _copy(folder: Path) -> None:
    """A working folder with the repository's workflow and its own results."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Snakefile", "rules", "config", "workflow", "profiles", "src", "envs"):
        if not (folder / name).exists():
            (folder / name).symlink_to(REPOSITORY / name)


def _plan(folder: Path, arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", *arguments],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"snakemake failed in {folder}:\n{done.stdout}{done.stderr}")
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
    lines = ["| | jobs planned | s | s of CPU time |", "|---|---:|---:|---:|"]
    for name in COMMANDS:
        jobs, wall, cpu = (find(rows, metric, subject=name) for metric in ("jobs", "seconds", "cpu_seconds"))
        lines.append(f"| {name} | {jobs:.0f} | {wall:.1f} | {cpu:.1f} |")
    return "\n".join(lines)
