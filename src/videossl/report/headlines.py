"""The numbers to read first: on each target, the pretraining that gains most over the same network from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from videossl.common.errors import UserError
from videossl.report.collect import Record, collect
from videossl.report.gains import gains, shared_with_scratch
from videossl.report.over_seeds import of_places, over_seeds
from videossl.report.spec import Spec
from videossl.report.status import OK
from videossl.stages.cells import Cell
from videossl.study.study import Study
from videossl.study.titles import BASELINE_TASK, label

STAGES = ("finetune", "low_shot", "linear_probe", "knn")
"""Protocols, by how well they answer what a pretraining is good for; the first with numbers is shown."""
METRIC = "top1"
MOST = 3
"""Largest number of targets."""


def headlines(study: Study) -> list[str]:
    """Up to three lines, one a target, in percentage points with a 95 % interval; [] if nothing can be compared.

    The best of many is chosen by its own number, so its gain is likely to be smaller than it looks: a line says of how
    many it is the best.
    """
    for stage in STAGES:
        records = _records(study, [cell for cell in study.all_cells if cell.stage == stage])
        targets = list(dict.fromkeys(record.identity["target"] for record in records))
        lines = [line for target in targets if (line := _best(study, stage, records, target))]
        if lines:
            return lines[:MOST]
    return []


def _records(study: Study, cells: Sequence[Cell]) -> list[Record]:
    """The measured accuracies of cells."""
    results = study.config.results_dir
    asked = [
        {
            **cell.identity,
            "run_dir": f"{results}/{cell.path}",
            "metrics": f"{results}/{cell.path}/metrics.parquet",
            "views": [{"metric": METRIC}],
        }
        for cell in cells
        if not cell.teachers and (study.results / cell.path / "metrics.parquet").is_file()
    ]
    if not any(cell["task"] == BASELINE_TASK for cell in asked):
        return []
    spec = Spec.parse(
        {"name": "headlines", "title": "headlines", "rows": "task", "columns": ["target"], "baseline": True},
        "headlines",
    )
    return [record for record in collect(spec, asked).records if record.status == OK]


def _best(study: Study, stage: str, records: Sequence[Record], target: str) -> str:
    """The line of a target; "" if no network of it has a partner from scratch."""
    here = [record for record in records if record.identity["target"] == target]
    scratch = {shared_with_scratch(record.identity): record for record in here if record.is_baseline}
    places = [
        place
        for place in of_places([record for record in here if not record.is_baseline])
        if all(shared_with_scratch(record.identity) in scratch for record in place)
    ]
    if not places:
        return ""
    best = max(places, key=lambda place: fmean(_simple_gain(record, scratch) for record in place))
    partners = [scratch[shared_with_scratch(record.identity)] for record in best]
    mean = over_seeds(gains([*best, *partners], "headlines"))
    tasks = {task: recipe.title or task for task, recipe in study.recipes.items()}
    identity = best[0].identity
    settings = [label("backbone", identity["backbone"], {}), identity["subset"]]
    settings += [f"{identity['labels']} labels a class"] if identity["labels"] else []
    interval = "" if mean.low is None else f" ({100 * mean.low:+.1f} to {100 * mean.high:+.1f})"
    several = f", {len(best)} seeds" if len(best) > 1 else ""
    dataset = study.config.datasets[target].title or target
    return (
        f"{dataset}: {tasks.get(identity['task'], identity['task'])} {100 * mean.value:+.1f}{interval}; "
        f"{', '.join(settings)}{several}; best of {len(places)}"
    )


def _simple_gain(record: Record, scratch: dict[tuple[object, ...], Record]) -> float:
    partner = scratch[shared_with_scratch(record.identity)]
    if record.value is None or partner.value is None:
        raise UserError(f"{record.place} has no value.")
    return record.value - partner.value
