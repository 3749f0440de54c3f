"""`videossl plan`: pending cells, their estimated hours, the critical path, and the schedule on a number of GPUs."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from videossl.claims import cells_of_claims
from videossl.cli.common import print_columns, print_records, say, study_of
from videossl.cli.parsing import add_format
from videossl.cli.schedule import print_schedule
from videossl.cli.targets import targets_of
from videossl.common.errors import UserError
from videossl.monitor.estimate import CALCULATED, MEASURED, UNKNOWN, Estimate, Estimator, critical_path
from videossl.monitor.gpu_types import BANDWIDTH, with_gpus
from videossl.monitor.pending import Pending, pending_jobs
from videossl.monitor.run_state import PENDING, cannot_be_run
from videossl.monitor.schedule import simulate
from videossl.report.dry import check_layouts
from videossl.report.left_out import left_out_here
from videossl.stages.cells import Cell
from videossl.study.availability import in_short
from videossl.study.inventory import assumptions
from videossl.study.storage import Storage, gigabytes, sentences, storage
from videossl.study.study import Study

EXAMPLES = (
    ("videossl plan", "everything that is pending, in sums"),
    ("videossl plan table_subset_size --cells", "one table, cell by cell"),
    ("videossl plan table_subset_size --profile slurm", "one table at the paper's scale"),
    ("videossl plan --profile slurm --gpus 8 --gpu-type h100", "how long it takes on eight GPUs"),
    ("videossl plan --format csv > plan.csv", "one line a cell"),
)
GROUP = ("stage", "task", "backbone", "source", "subset", "target", "epochs")
"""Columns of the table: cells that agree in all of them share a row."""
COLUMNS = (
    *GROUP, "complexity", "seed", "teachers", "against", "labels", "path", "hours", "device_hours", "estimated_from",
    "on_critical_path", "state", "reason",
)  # fmt: skip
IDENTIFYING = (*GROUP, "teachers")
"""Columns of the table of cells that cannot be run here."""
NOT_HERE = Estimate("")
"""Estimate of a cell that cannot be run here."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("targets", nargs="*", help="as for snakemake: table_NAME, figure_NAME, files; none: everything")
    parser.add_argument(
        "--cells", action="store_true", help="also list the pending cells, and those that cannot be run"
    )
    parser.add_argument("--gpus", type=positive, metavar="N", help="also place the jobs on N GPUs: how long it takes")
    parser.add_argument("--gpu-type", metavar="KIND", help=f"assume the speed of a kind of GPU: {', '.join(BANDWIDTH)}")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the pending cells."""
    study = study_of(arguments)
    assumed = ""
    if arguments.gpu_type:
        study.config, assumed = with_gpus(study.config, arguments.gpu_type)
    targets = targets_of(study, arguments.targets)
    pending = pending_of(study, targets, arguments.configfile)
    waiting = cannot_be_run(study, cells_of_targets(study, targets))
    estimator = Estimator(study)
    estimates = {cell: estimator.of(cell) for cell in pending.cells}
    if arguments.format == "table":
        print_plan(study, pending, estimator, estimates, cells=arguments.cells)
        print_waiting(waiting, cells=arguments.cells)
        if arguments.gpus:
            print_schedule(study, simulate(study, estimates, hours_of(estimates), arguments.gpus), assumed)
    else:
        path = set(critical(study, estimates))
        records = [_record(cell, estimates[cell], cell in path) for cell in estimates]
        records += [_record(cell, NOT_HERE, critical=False, reason=reason) for cell, reason in waiting.items()]
        print_records(records, COLUMNS, arguments.format)
    said = sys.stdout if arguments.format == "table" else sys.stderr
    if arguments.format != "table":
        for line in sentences(storage(study)):
            print(line, file=said)
    notes = [f"Left out of the estimates: {line}" for line in estimator.unreadable]
    notes += assumptions(study.config, counted_datasets(study, pending.cells), arguments.configfile)
    for line in notes:
        print(line, file=said)
    return 0


def pending_of(study: Study, targets: Sequence[str], configfiles: Sequence[str]) -> Pending:
    """The pending jobs. Raises UserError; for an impossible layout, which Snakemake finds too, without its frame."""
    try:
        return pending_jobs(study, targets, configfiles)
    except UserError:
        check_layouts(study)
        raise


def positive(text: str) -> int:
    """A number of things on the command line."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"should be a number from 1, not {text}")
    return int(text)


def cells_of_targets(study: Study, targets: Sequence[str]) -> list[Cell]:
    """The cells that Snakemake's targets are about, whether or not they can be run here."""
    asked = set(targets) or {"all"}
    if "all" in asked:
        return study.all_cells
    found = [cell for name, entry in study.entries.items() if f"{entry.kind}_{name}" in asked
             for cell in study.cells_of[name]]  # fmt: skip
    found += cells_of_claims(study.all_cells) if "table_claims" in asked else []
    files = [Path(target).parent for target in asked if "/" in target]
    return found + [cell for cell in study.all_cells if study.results / cell.path in files]


def print_plan(
    study: Study, pending: Pending, estimator: Estimator, estimates: dict[Cell, Estimate], *, cells: bool
) -> None:
    """Print the plan as tables; `cells`: with those of single cells."""
    if not pending.cells and not pending.others:
        print("Nothing is pending.")
        return
    unit = "GPU-hours" if study.config.compute.gpus else "hours"
    if cells and pending.cells:
        print_cells(estimates, unit)
    stages = {
        stage: [estimates[cell] for cell in estimates if cell.stage == stage]
        for stage in dict.fromkeys(cell.stage for cell in estimates)
    }
    sums = [[stage, *_sum(found)] for stage, found in stages.items() if found]
    if sums:
        print_columns(
            [["pending", "jobs", unit, "from"], *sums, ["all cells", *_sum(estimates.values())]],
            right=(1, 2),
            head=True,
        )
    if pending.others:
        print()
        say("Besides, not in the hours: " + ", ".join(f"{number} {rule}" for rule, number in pending.others.items()))
    print_storage(storage(study))
    if left_out := left_out_here(study, study.entries):
        say(left_out)
    print_critical_path(critical(study, estimates), estimates)
    print_sources(estimator, estimates)
    if not cells:
        print("`videossl plan --cells` lists the cells.")


def print_cells(estimates: Mapping[Cell, Estimate], unit: str) -> None:
    """Print the pending cells; those that agree in all columns share a row."""
    groups: dict[tuple[str, ...], list[Estimate]] = {}
    for cell, estimate in estimates.items():
        groups.setdefault(tuple(_text(cell, axis) for axis in GROUP), []).append(estimate)
    rows = [[*key, *_sum(found)] for key, found in groups.items()]
    print_columns([[*GROUP, "jobs", unit, "from"], *rows], right=(7, 8), head=True)
    print()


def print_waiting(waiting: Mapping[Cell, str], *, cells: bool) -> None:
    """Print the number of cells that cannot be run here, with each reason; `cells`: also which these are."""
    if not waiting:
        return
    groups = Counter((*(_text(cell, axis) for axis in IDENTIFYING), in_short(why)) for cell, why in waiting.items())
    rows = [[*axes, str(count), f"{PENDING}: {why}"] for (*axes, why), count in groups.items()]
    if cells:
        print()
        print_columns([[*IDENTIFYING, "jobs", "state"], *rows], right=(len(IDENTIFYING),), head=True)
    print()
    for reason, count in Counter(waiting.values()).items():
        say(f"{count} jobs cannot be run here, {PENDING}: {reason} (`videossl doctor` says how to get them)")


def print_storage(found: Sequence[Storage]) -> None:
    """Print how many videos the whole study stores, and how many of the listed ones it leaves out."""
    columns = ["frame stores", "listed", "stored", "train", "samples", "files", "GB", "GB saved"]
    rows = []
    for one in found:
        counts = one.listed, one.stored, one.train, one.samples, one.files
        sizes = gigabytes(one.bytes), gigabytes(one.saved_bytes)
        rows.append([one.dataset, *(f"{number:,}" for number in counts), *sizes])
    print()
    print_columns([columns, *rows], right=range(1, len(columns)), head=True)
    for line in sentences(found):
        say(line)


def counted_datasets(study: Study, cells: Iterable[Cell]) -> list[str]:
    """The datasets whose numbers of videos determine the estimates of `cells`."""
    found = [cell.target for cell in cells if cell.target]
    found += [cell.source for cell in cells if cell.stage == "pretrain" and study.config.subsets[cell.subset] == "all"]
    return list(dict.fromkeys(found))


def critical(study: Study, estimates: Mapping[Cell, Estimate]) -> list[Cell]:
    """Critical path of the pending cells."""
    return critical_path(study, estimates, hours_of(estimates))


def hours_of(estimates: Mapping[Cell, Estimate]) -> dict[Cell, float]:
    """Estimated hours; 0 where they are unknown: such jobs run no network and are short."""
    return {cell: estimate.hours or 0.0 for cell, estimate in estimates.items()}


def print_critical_path(path: list[Cell], estimates: Mapping[Cell, Estimate]) -> None:
    """Print the longest chain of jobs, which more machines cannot shorten."""
    if path:
        hours = sum(estimates[cell].hours or 0 for cell in path)
        print(f"\nCritical path: {len(path)} jobs one after the other, {_number(hours)} hours")
        print_columns([[cell.path, _number(estimates[cell].hours)] for cell in path], right=(1,), indent="  ")


def print_sources(estimator: Estimator, estimates: Mapping[Cell, Estimate]) -> None:
    """Explain the words in the column `from`."""
    used = {estimate.source for estimate in estimates.values()}
    print()
    if MEASURED in used:
        say("measured: from finished cells of the same task and backbone, by the number of videos and epochs.")
    if CALCULATED in used:
        stages = {cell.stage for cell, estimate in estimates.items() if estimate.source == CALCULATED}
        found = [f"{s} x {estimator.pace[s][0]:.2g} ({estimator.pace[s][1]})" for s in estimator.pace]
        paces = [text for text in found if text.split()[0] in stages]
        scaled = f", times what finished cells of the stage took (their number): {', '.join(paces)}" if paces else ""
        say(f"FLOPs: counted operations at the speeds of `compute.speed` in the configuration{scaled}.")
    if UNKNOWN in used:
        say("?: unknown until one has finished, as these jobs run no network; usually short. The sums exclude them.")


def _text(cell: Cell, axis: str) -> str:
    """An axis of a cell as printed; the task with its complexity if that is not the default."""
    value = cell.variant if axis == "task" else getattr(cell, axis)
    return str(value) if value not in ("", 0) else "-"


def _sum(estimates: Collection[Estimate]) -> list[str]:
    """Number of cells, sum of hours and its origin; marks sums that lack a part."""
    known = [estimate.device_hours for estimate in estimates if estimate.device_hours is not None]
    sources = {estimate.source for estimate in estimates}
    said = " + ".join(source for source in (MEASURED, CALCULATED) if source in sources)
    mark = " + ?" if known and UNKNOWN in sources else "?" if UNKNOWN in sources else ""
    return [str(len(estimates)), (_number(sum(known)) if known else "") + mark, said]


def _number(hours: float | None) -> str:
    if hours is None:
        return "?"
    return f"{hours:.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.3f}"


def _record(cell: Cell, estimate: Estimate, critical: bool, reason: str = "") -> dict[str, Any]:
    hours = {key: getattr(estimate, key) for key in ("hours", "device_hours")}
    return {
        **cell.identity,
        "path": cell.path,
        **{key: None if value is None else round(value, 5) for key, value in hours.items()},
        "estimated_from": estimate.source,
        "on_critical_path": critical,
        "state": f"{PENDING}: {in_short(reason)}" if reason else PENDING,
        "reason": reason,
    }
