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


def cells_of_networks(stage: Stage[Any], study: Study, grid: Grid) -> Iterator[Cell]:
    """The product of a grid's axes, in the grid's order."""
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


def baselines(stage: Stage[Any], grid: Grid) -> Iterator[Cell]:
    """The same networks without pretraining, if the protocol has a baseline."""
    if stage.baseline:
        for backbone, target, labels, seed in itertools.product(grid.backbone, grid.target, _labels(grid), grid.seed):
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
    """The finetuning cell that differs from `cell` in the axes of `change`."""
    other = replace(cell.of_stage("finetune"), **cast("dict[str, Any]", change))
    if "task" in change or "complexity" in change:
        complexity, default = complexity_of(other.task, str(change.get("complexity", "")), study.recipes)
        other = replace(other, complexity=complexity, default_complexity=default)
    return other


def in_order(change: Change) -> dict[str, Any]:
    """`change` in a canonical order of axes."""
    values = cast("dict[str, Any]", change)
    return {axis: values[axis] for axis in (*Cell.__dataclass_fields__, MODEL) if axis in values}


def pretraining_of(cell: Cell) -> list[Cell]:
    """The pretraining cell that provides a cell's initial weights; empty without pretraining."""
    return [] if cell.is_scratch else [cell.of_stage("pretrain")]
