"""What is pending, how long it will take, and the longest chain of jobs that must follow one another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from videossl.cells import Cell
from videossl.cli.common import add_format, entry_named, overlays, print_columns, print_records, study_of
from videossl.errors import unknown_name
from videossl.estimate import MEASURED, UNKNOWN, Estimate, Estimator, critical_path
from videossl.experiments import Study
from videossl.pending import Pending, pending_jobs

NAME = "plan"
HELP = "the pending cells, with an estimate of their hours and the critical path"
GROUP = ("stage", "task", "backbone", "source", "subset", "target", "epochs")
"""The columns of the table: cells that agree in them are one row."""
COLUMNS = (*GROUP, "complexity", "seed", "teachers", "against", "path", "hours", "hours_from", "on_critical_path")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("targets", nargs="*", help="as for snakemake: table_NAME, figure_NAME, files; none: everything")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what is pending."""
    study = study_of(arguments)
    pending = pending_jobs(study, targets_of(study, arguments.targets), overlays(arguments))
    estimator = Estimator(study)
    estimates = {cell: estimator.of(cell) for cell in pending.cells}
    path = critical_path(study, pending.cells, {cell: estimates[cell].hours or 0.0 for cell in pending.cells})
    if arguments.format == "table":
        print_plan(study, pending, estimates, path)
    else:
        print_records([_record(cell, estimates[cell], cell in path) for cell in estimates], COLUMNS, arguments.format)
    return 0


def targets_of(study: Study, asked: Sequence[str]) -> list[str]:
    """Snakemake's targets; an entry may be named without its kind. UserError for a name that means nothing."""
    targets = []
    for name in asked:
        entry = entry_named(study, name)
        if entry is not None:
            targets.append(f"{study.entries[entry].kind}_{entry}")
        elif name in ("all", "table_claims") or "/" in name:
            targets.append(name)
        else:
            valid = [f"{entry.kind}_{key}" for key, entry in study.entries.items()]
            raise unknown_name("table or figure", name, ["all", "table_claims", *valid], study.config.experiments_file)
    return targets


def print_plan(study: Study, pending: Pending, estimates: dict[Cell, Estimate], path: list[Cell]) -> None:
    """The plan for reading."""
    unit = "GPU-hours" if study.config.compute.gpus or study.config.compute.device == "cuda" else "hours"
    if not pending.cells and not pending.others:
        print("Nothing is pending.")
        return
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in pending.cells:
        groups.setdefault(tuple(_text(cell, axis) for axis in GROUP), []).append(cell)
    rows = [[*key, str(len(cells)), *_hours([estimates[cell] for cell in cells])] for key, cells in groups.items()]
    if rows:
        print_columns([[*GROUP, "jobs", unit, "from"], *rows], right=(7, 8))
        print()
    stages = list(dict.fromkeys(cell.stage for cell in pending.cells))
    sums = [
        [stage, str(sum(cell.stage == stage for cell in pending.cells)), *_hours(_of(stage, estimates))]
        for stage in stages
    ]
    total = ["all cells", str(len(pending.cells)), *_hours(list(estimates.values()))]
    print_columns([["pending", "jobs", unit, "from"], *sums, *([total] if len(sums) > 1 else [])], right=(1, 2))
    if pending.others:
        print("\nFurther jobs, not in the hours: " + ", ".join(f"{n} {rule}" for rule, n in pending.others.items()))
    if path:
        hours = sum(estimates[cell].hours or 0 for cell in path)
        print(f"\nCritical path, {len(path)} jobs one after the other, {_number(hours)} {unit}:")
        print_columns([[cell.path, *_hours([estimates[cell]])[:1]] for cell in path], right=(1,), indent="  ")
    if missing := sum(estimate.source == UNKNOWN for estimate in estimates.values()):
        print(f"\n? : no estimate for {missing} cells, of whose kind none has finished here yet; sums are without them.")


def _of(stage: str, estimates: dict[Cell, Estimate]) -> list[Estimate]:
    return [estimate for cell, estimate in estimates.items() if cell.stage == stage]


def _text(cell: Cell, axis: str) -> str:
    """An axis of a cell as printed; the task with its complexity if that is not the default."""
    value = cell.variant if axis == "task" else getattr(cell, axis)
    return str(value) if value not in ("", 0) else "-"


def _hours(estimates: Sequence[Estimate]) -> list[str]:
    """The sum and where it comes from; a sum that lacks a part says so."""
    known = [estimate.hours for estimate in estimates if estimate.hours is not None]
    sources = sorted({estimate.source for estimate in estimates} - {UNKNOWN}, key=lambda name: name != MEASURED)
    mark = "?" if len(known) < len(estimates) else ""
    return [(_number(sum(known)) if known else "") + mark, " + ".join(sources)]


def _number(hours: float) -> str:
    return f"{hours:.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.3f}"


def _record(cell: Cell, estimate: Estimate, critical: bool) -> dict[str, Any]:
    hours = None if estimate.hours is None else round(estimate.hours, 5)
    return {
        **cell.identity, "path": cell.path, "hours": hours, "hours_from": estimate.source, "on_critical_path": critical
    }  # fmt: skip
