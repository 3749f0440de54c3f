"""From a grid to cells of pretrained networks."""

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
"""In a teacher: a video-language model instead of a finetuned network."""


def cells_of_networks(stage: Stage[Any], study: Study, grid: Grid) -> Iterator[Cell]:
    """The product of a grid's axes, in the grid's order."""
    # A protocol that needs a target and has none left, for a restriction, has no cells.
    targets = grid.target if "target" in (stage.axes or ()) else [""]
    protocol = grid.protocol if "target" in (stage.axes or ()) else ""
    for task, variant in itertools.product(grid.task, grid.complexity):
        complexity, default = complexity_of(task, variant, study.recipes)
        for backbone, source, subset, epochs, target, seed in itertools.product(
            grid.backbone, grid.source, grid.subset, grid.epochs, targets, grid.seed
        ):
            cell = Cell(
                stage.name, task, complexity, backbone, source, subset, epochs, target, protocol, seed,
                default_complexity=default,
            )  # fmt: skip
            for found in stage.with_partners(study, grid, cell):
                # The axes of a student without pretraining are its teachers'; itself it has none.
                yield replace(found, source=NONE, subset=NONE, epochs=0) if found.is_scratch else found


def baselines(stage: Stage[Any], grid: Grid) -> Iterator[Cell]:
    """The same networks without pretraining, where the protocol has such a thing."""
    if stage.baseline:
        for backbone, target, seed in itertools.product(grid.backbone, grid.target, grid.seed):
            yield Cell(stage.name, SCRATCH, "", backbone, NONE, NONE, 0, target, grid.protocol, seed)


def complexity_of(task: str, variant: str, recipes: Mapping[str, Recipe]) -> tuple[str, bool]:
    """The complexity of a task that is meant by `variant` ("": the default), and whether it is the default."""
    if task == SCRATCH:
        return "", True
    complexity = variant or recipes[task].default_complexity
    recipes[task].task_options(complexity)  # raises on a variant that the recipe does not have
    return complexity, complexity == recipes[task].default_complexity


def changed(study: Study, cell: Cell, change: Change) -> Cell:
    """The finetuning of the network that differs from the cell's in the axes of `change`."""
    other = replace(cell.of_stage("finetune"), **cast("dict[str, Any]", change))
    if "task" in change or "complexity" in change:
        complexity, default = complexity_of(other.task, str(change.get("complexity", "")), study.recipes)
        other = replace(other, complexity=complexity, default_complexity=default)
    return other


def in_order(change: Change) -> dict[str, Any]:
    """The same change whatever the order in which it was written."""
    values = cast("dict[str, Any]", change)
    return {axis: values[axis] for axis in (*Cell.__dataclass_fields__, MODEL) if axis in values}


def pretraining_of(cell: Cell) -> list[Cell]:
    """The pretraining whose weights a cell starts from; none without pretraining."""
    return [] if cell.is_scratch else [cell.of_stage("pretrain")]
