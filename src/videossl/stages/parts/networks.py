"""Expands grids into cells of pretrained networks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from videossl.stages.cells import NONE, SCRATCH, Cell

if TYPE_CHECKING:
    from videossl.stages.base import Stage
    from videossl.study.config import Grid, Recipe
    from videossl.study.config.experiments import Change
    from videossl.study.study import Study

MODEL = "model"
"""Key of a teacher that is a video-language model instead of a finetuned network."""
PUBLISHED_NETWORK = "published"
"""Key of a teacher, or of a network to compare with, that others trained."""


def cells_of_networks(stage: Stage[Any], study: Study, grid: Grid) -> Iterator[Cell]:
    """The product of a grid's axes, in the grid's order."""
    if grid.published:
        yield from _published_cells(stage, study, grid)
        return
    # If a restriction removes all targets, a protocol that needs a target has no cells.
    targets = grid.target if "target" in (stage.axes or ()) else [""]
    protocol = grid.protocol if "target" in (stage.axes or ()) else ""
    for task, variant in itertools.product(grid.task, grid.complexity):
        complexity, default = complexity_of(task, variant, study.recipes)
        for backbone, source, subset, epochs, target, labels, seed in itertools.product(
            grid.backbone, grid.source, grid.subset, grid.epochs, targets, _labels(grid), grid.seed
        ):
            cell = Cell(
                stage.name, task, complexity, backbone, source, subset, epochs, target, protocol, seed,
                labels=labels, default_complexity=default,
            )  # fmt: skip
            for found in stage.with_partners(study, grid, cell):
                # A student without pretraining has no axes of its own; the grid's axes apply to its teachers.
                yield replace(found, source=NONE, subset=NONE, epochs=0) if found.is_scratch else found


def _published_cells(stage: Stage[Any], study: Study, grid: Grid) -> Iterator[Cell]:
    for name, target, labels, seed in itertools.product(grid.published, grid.target, _labels(grid), grid.seed):
        cell = replace(published_cell(study, stage.name, name, target, seed), labels=labels)
        yield from stage.with_partners(study, grid, cell)


def published_cell(study: Study, stage: str, name: str, target: str, seed: int) -> Cell:
    """A cell of a network that others trained, of a stage with a target. Its name stands for the pretext task; source
    and subset name the data that it was trained on."""
    data = study.config.published[name].data
    return Cell(stage, name, "", study.network_of(name), data.name, short_count(data.videos), 0, target, stage, seed)


def baselines(stage: Stage[Any], study: Study, grid: Grid) -> Iterator[Cell]:
    """The same networks without pretraining, if the protocol has a baseline."""
    if stage.baseline:
        networks = dict.fromkeys([*grid.backbone, *(study.network_of(name) for name in grid.published)])
        for backbone, target, labels, seed in itertools.product(networks, grid.target, _labels(grid), grid.seed):
            yield Cell(stage.name, SCRATCH, "", backbone, NONE, NONE, 0, target, grid.protocol, seed, labels=labels)


def _labels(grid: Grid) -> list[str]:
    """Values of the axis `labels`; "" for a protocol without it."""
    return [str(labels) for labels in grid.labels] or [""]


def complexity_of(task: str, variant: str, recipes: Mapping[str, Recipe]) -> tuple[str, bool]:
    """Complexity of a task for `variant` ("": the default), and whether it is the recipe's default."""
    if task == SCRATCH:
        return "", True
    complexity = variant or recipes[task].default_complexity
    recipes[task].task_options(complexity)  # UserError if the recipe has no such variant
    return complexity, complexity == recipes[task].default_complexity


def changed(study: Study, cell: Cell, change: Change) -> Cell:
    """The finetuning cell that differs from `cell` in the axes of `change`, or is that of a published network."""
    if PUBLISHED_NETWORK in change:
        return published_cell(study, "finetune", str(change[PUBLISHED_NETWORK]), cell.target, cell.seed)
    other = replace(cell.of_stage("finetune"), **cast("dict[str, Any]", change))
    if "task" in change or "complexity" in change:
        complexity, default = complexity_of(other.task, str(change.get("complexity", "")), study.recipes)
        other = replace(other, complexity=complexity, default_complexity=default)
    return other


def in_order(change: Change) -> dict[str, Any]:
    """`change` in a canonical order of axes."""
    values = cast("dict[str, Any]", change)
    named = (*Cell.__dataclass_fields__, MODEL, PUBLISHED_NETWORK)
    return {axis: values[axis] for axis in named if axis in values}


def short_count(number: int) -> str:
    """Short form of a count: 240000 as 240k, 10000000 as 10m."""
    for size, letter in ((10**6, "m"), (10**3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return str(number)


def pretraining_of(study: Study, cell: Cell) -> list[Cell]:
    """The cell that provides a cell's initial weights: of a pretraining, or of the files of a published network, which
    are the same for every seed; empty without pretraining."""
    if cell.is_scratch:
        return []
    if cell.task in study.config.published:
        return [replace(cell.of_stage("published"), seed=0)]
    return [cell.of_stage("pretrain")]
