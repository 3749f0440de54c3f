"""The numbers to read first: on each target, what the best pretraining gains over the same network from scratch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from videossl.report.best_task import METRIC, Answer, answers
from videossl.report.collect import Results, collect
from videossl.report.spec import Spec
from videossl.report.tally import tally
from videossl.stages.cells import Cell
from videossl.study.study import Study
from videossl.study.titles import BASELINE_TASK, label, labels_a_class

STAGES = {"finetune": "finetuned", "low_shot": "finetuned", "linear_probe": "linearly probed", "knn": "frozen"}
"""Protocols, by how well they answer what a pretraining is good for, and what they do to a network. The first with
numbers is shown."""
MOST = 3
"""Largest number of targets."""


def headlines(study: Study) -> list[str]:
    """Up to three lines, one a target, in percentage points with a 95 % interval, and one of all networks.

    [] if nothing can be compared.

    The task is that of the report's first screen. The best of many is chosen by its own number, so its gain is likely
    to be smaller than it looks: a line says of how many it is the best.
    """
    shown = _shown_runs(study)
    for stage, done_to_it in STAGES.items():
        every = _results(study, [cell for cell in study.all_cells if cell.stage == stage and not cell.teachers])
        if every is None:
            continue
        in_report = replace(every, records=tuple(record for record in every.records if record.run_dir in shown))
        lines = [line for answer in answers([in_report], fewest=1) if (line := _line(study, answer))]
        if lines:
            return [*lines[:MOST], tally(every.records).sentence(f"{done_to_it} networks")]
    return []


def _shown_runs(study: Study) -> set[str]:
    """Folders of the cells whose accuracy itself a table or figure shows: the report knows no others."""
    found: set[str] = set()
    for name, cells in study.views_of.items():
        entry = study.entries[name]
        for cell, views in cells.items():
            plain = any(view["metric"] == METRIC and not view.get("noise") for view in views)
            if plain and not entry.gain and (entry.baseline or cell.task != BASELINE_TASK):
                found.add(_run_dir(study, cell))
    return found


def _run_dir(study: Study, cell: Cell) -> str:
    return f"{study.config.results_dir}/{cell.path}"


def _results(study: Study, cells: Iterable[Cell]) -> Results | None:
    """The accuracies of the finished ones of `cells`; None if no network from scratch is among them."""
    asked: list[dict[str, Any]] = [
        {
            **cell.identity,
            "run_dir": _run_dir(study, cell),
            "metrics": f"{_run_dir(study, cell)}/metrics.parquet",
            "views": [{"metric": METRIC}],
        }
        for cell in cells
        if (study.results / cell.path / "metrics.parquet").is_file()
    ]
    if not any(cell["task"] == BASELINE_TASK for cell in asked):
        return None
    complexities = {task: recipe.default_complexity for task, recipe in study.recipes.items()}
    layout = {"name": "headlines", "title": "headlines", "rows": "task", "columns": ["target"], "baseline": True}
    return collect(Spec.parse({**layout, "complexities": complexities}, "headlines"), asked)


def _line(study: Study, answer: Answer) -> str:
    """The line of a target; "" if the best task has no partner from scratch."""
    gain = answer.gain
    if gain is None:
        return ""
    best, setting = answer.best, answer.setting
    tasks = {task: recipe.title or task for task, recipe in study.recipes.items()}
    tasks |= {name: one.title for name, one in study.config.published.items()}
    networks = {name: one.title for name, one in study.architectures.items()}
    settings = [label("backbone", setting["backbone"], {"backbone": networks}), setting["subset"]]
    settings += [labels_a_class(setting["labels"])] if setting["labels"] else []
    interval = "" if gain.low is None or gain.high is None else f" ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    several = f", {len(best.records)} seeds" if len(best.records) > 1 else ""
    dataset = study.config.datasets[setting["target"]].title or setting["target"]
    return (
        f"{dataset}: {tasks.get(best.task, best.task)} {100 * gain.value:+.1f}{interval}; "
        f"{', '.join(settings)}{several}; best of {len(answer.contenders)}"
    )
