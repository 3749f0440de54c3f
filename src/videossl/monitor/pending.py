"""The pending jobs, from Snakemake's dry-run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videossl.common.errors import UserError
from videossl.stages.cells import Cell
from videossl.stages.registry import names as stage_names
from videossl.study.study import Study

COLUMNS = ("output_file", "date", "rule", "log-file(s)", "status", "plan")
"""Header of `snakemake --summary`."""


@dataclass(frozen=True)
class Pending:
    """The jobs that Snakemake would run."""

    cells: list[Cell]
    """In the order of dependencies."""
    others: dict[str, int]
    """Number of jobs by rule that are not cells: data, tables, figures."""


def pending_jobs(study: Study, targets: Sequence[str], configfiles: Sequence[str]) -> Pending:
    """Ask Snakemake what is pending for `targets` (none: the default target) under `configfiles`.

    Runs two dry-runs in parallel: the summary gives the files to make, the statistics the number of jobs. Both only
    read, so they work while a run is under way. Raises UserError with Snakemake's own message if it fails.
    """
    snakefile = study.project / "Snakefile"
    arguments = [*targets, "--snakefile", str(snakefile), "--nolock"]
    arguments += ["--configfile", *configfiles] if configfiles else []
    summary, jobs = _start("--summary", *arguments), _start("--quiet", "rules", "--dry-run", *arguments)
    rows = _rows(_output(summary))
    made = {str(Path(row["output_file"]).parent) for row in rows if row["plan"] == "update pending"}
    cells = [cell for cell in study.all_cells if f"{study.config.results_dir}/{cell.path}" in made]
    counts = _counts(_output(jobs))
    named = {f"{entry.kind}_{name}" for name, entry in study.entries.items()}  # targets that run nothing themselves
    return Pending(
        cells,
        {rule: n for rule, n in counts.items() if rule not in stage_names() and rule not in (*named, "all", "total")},
    )


def _start(*arguments: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"}
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _output(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate()
    if process.returncode:
        raise UserError(f"Snakemake could not plan the run:\n{err.strip() or out.strip()}")
    return out


def _rows(summary: str) -> list[dict[str, str]]:
    head, *lines = [tuple(line.split("\t")) for line in summary.splitlines() if "\t" in line]
    if head != COLUMNS:
        raise RuntimeError(f"`snakemake --summary` has the columns {head}, not {COLUMNS} as in Snakemake 9")
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def _counts(statistics: str) -> dict[str, int]:
    """Parse the table "Job stats:" of a dry-run, which is missing if there is nothing to do."""
    table = statistics.partition("Job stats:")[2].partition("\n\n")[0]
    return {name: int(number) for name, number in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
