"""Cells: the jobs of the study, what identifies each, and where its files are. Imports no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from videossl.study.config import Grid, Recipe
from videossl.study.config.experiments import MODEL, NEEDS, Change
from videossl.study.config.videolanguage import ModelRecipe

SCRATCH = "scratch"
"""The task of a cell without pretraining: the baseline of every table."""
NONE = "none"
"""Source and subset of a cell without pretraining."""
VIDEO_LANGUAGE = "videolanguage"
"""The task of a video-language model, which stands in the cell's `backbone`."""
MODEL_STAGES = ("vifm", "zero_shot", "class_logits")
"""The stages of the cells of video-language models."""
_RUN = "{source}/{subset}/{variant}/{backbone}/seed{seed}/epochs{epochs}"
_MODEL = "{stage}/{{source}}/{{subset}}/{{backbone}}/seed{{seed}}"
PATHS = {
    "network": "networks/{backbone}",
    "pretrain": f"pretrain/{_RUN}",
    **{
        stage: f"{stage}/{{target}}/{_RUN}"
        for stage in ("features", "finetune", "linear_probe", "retrieval", "robustness")
    },
    "distill": f"distill/{{target}}/{_RUN}/from_{{teachers}}",
    "cka": f"cka/{{target}}/{_RUN}/against_{{against}}",
    "vifm": _MODEL.format(stage="vifm"),
    **{stage: _MODEL.format(stage=f"{stage}/{{target}}") for stage in ("zero_shot", "class_logits")},
}
"""Directory of a cell of each stage; the braces are the rules' wildcards."""
WITH_BASELINE = ("finetune", "linear_probe", "retrieval", "robustness")
"""The protocols that a network without pretraining can go through for comparison."""
WITHOUT_METRICS = ("features",)
"""Stages whose results are only for others to start from."""


@dataclass(frozen=True, order=True)
class Cell:
    """Full identity of one job. `epochs` is the milestone's name, not the number of epochs run at a scale.

    The last two fields follow from the others and are no part of the identity: whether the complexity is the recipe's
    default, and the cells of the teachers or of the network that is compared with.
    """

    stage: str
    task: str
    complexity: str
    backbone: str
    source: str
    subset: str
    epochs: int
    target: str
    protocol: str
    seed: int
    teachers: str = ""
    against: str = ""
    default_complexity: bool = True
    partners: tuple[Cell, ...] = ()

    @property
    def variant(self) -> str:
        """The task's directory: its name, with the complexity when that is not the recipe's default."""
        return self.task if self.default_complexity else f"{self.task}-{self.complexity}"

    @property
    def wildcards(self) -> dict[str, str]:
        """The values of the path's wildcards, one an axis."""
        return {axis: str(getattr(self, axis)) for axis in axes_of(self.stage)}

    @property
    def path(self) -> str:
        """Directory of the cell below the results' folder; one directory an axis."""
        return PATHS[self.stage].format(**self.wildcards)

    @property
    def identity(self) -> dict[str, Any]:
        """The columns that identify the cell's rows in every Parquet file."""
        names = [name for name in self.__dataclass_fields__ if name not in ("default_complexity", "partners")]
        return {name: getattr(self, name) for name in names}

    @property
    def is_scratch(self) -> bool:
        """True for a network that was not pretrained."""
        return self.task == SCRATCH

    def pretraining(self) -> Cell:
        """The pretraining cell whose weights this one starts from, or which it is."""
        if self.stage == "network" or self.is_scratch:
            raise ValueError(f"{self.path} has no pretraining")
        return self._as("pretrain", protocol="", target="")

    def model(self) -> Cell:
        """The video-language model of a cell that uses one."""
        return self._as("vifm", protocol="", target="")

    def finetuning(self) -> Cell:
        """The finetuning of the same network on the same target."""
        return self._as("finetune", protocol="finetune")

    def features(self) -> Cell:
        """The features of the same pretrained network for the videos of the same target."""
        return self._as("features", protocol="")

    def _as(self, stage: str, **changes: str) -> Cell:
        return replace(self, stage=stage, teachers="", against="", partners=(), **changes)

    @property
    def needs(self) -> list[Cell]:
        """The cells whose results this one starts from."""
        if self.stage in ("network", "pretrain", "vifm"):
            return []
        if self.stage in MODEL_STAGES:
            return [self.model()]
        if self.stage in ("robustness", "cka"):
            return [self.finetuning(), *self.partners]
        if self.stage in ("linear_probe", "retrieval"):
            return [self.features()]
        return [*([] if self.is_scratch else [self.pretraining()]), *self.partners]


def axes_of(stage: str) -> list[str]:
    """The wildcards in a stage's path."""
    return [part.split("}")[0] for part in PATHS[stage].split("{")[1:]]


Models = Mapping[str, ModelRecipe]


def cells_of_grid(grid: Grid, recipes: Mapping[str, Recipe], models: Models) -> Iterator[Cell]:
    """The product of a grid's axes, in the grid's order. `models`: the recipes of the video-language models."""
    # A protocol that needs a target and has none left, for a restriction, has no cells.
    targets = grid.target if "target" in NEEDS[grid.protocol] else [""]
    if grid.protocol in MODEL_STAGES:
        for model, target, seed in itertools.product(grid.model, targets, grid.seed):
            yield model_cell(grid.protocol, model, models, target, seed)
        return
    if grid.protocol == "network":
        for backbone in grid.backbone:
            yield Cell("network", "", "", backbone, "", "", 0, "", "network", 0)
        return
    # A pretext task's own metrics are made at the end of its pretraining: the same cell.
    stage, protocol = ("pretrain", "") if grid.protocol == "pretext" else (grid.protocol, grid.protocol)
    for task, variant in itertools.product(grid.task, grid.complexity):
        complexity, default = _complexity(task, variant, recipes)
        for backbone, source, subset, epochs, target, seed in itertools.product(
            grid.backbone, grid.source, grid.subset, grid.epochs, targets, grid.seed
        ):
            cell = Cell(
                stage, task, complexity, backbone, source, subset, epochs, target, protocol, seed,
                default_complexity=default,
            )  # fmt: skip
            yield from _with_partners(cell, grid, recipes, models)


def model_cell(stage: str, model: str, models: Models, target: str, seed: int) -> Cell:
    """A cell of a video-language model; its source and subset are the data that the published model was trained on."""
    data = models[model].data
    protocol = stage if stage == "zero_shot" else ""
    return Cell(stage, VIDEO_LANGUAGE, "", model, data.name, short_count(data.videos), 0, target, protocol, seed)


def short_count(number: int) -> str:
    """240000 as 240k, 10000000 as 10m."""
    for size, letter in ((10**6, "m"), (10**3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return str(number)


def baselines_of_grid(grid: Grid) -> Iterator[Cell]:
    """The same networks without pretraining, for the protocols that have such a thing."""
    if grid.protocol in WITH_BASELINE:
        for backbone, target, seed in itertools.product(grid.backbone, grid.target, grid.seed):
            yield Cell(grid.protocol, SCRATCH, "", backbone, NONE, NONE, 0, target, grid.protocol, seed)


def _complexity(task: str, variant: str, recipes: Mapping[str, Recipe]) -> tuple[str, bool]:
    """The complexity of a task that is meant by `variant` ("": the default), and whether it is the default."""
    if task == SCRATCH:
        return "", True
    complexity = variant or recipes[task].default_complexity
    recipes[task].task_options(complexity)  # raises on a variant that the recipe does not have
    return complexity, complexity == recipes[task].default_complexity


def _with_partners(cell: Cell, grid: Grid, recipes: Mapping[str, Recipe], models: Models) -> Iterator[Cell]:
    """`cell` with its teachers, once for every pair of them, or with the network that it is compared with."""
    if grid.protocol == "distill":
        for changes in grid.all_teachers:
            teachers = tuple(_teacher(cell, change, recipes, models) for change in changes)
            names = "+".join("-".join(map(str, _in_order(change).values())) for change in changes)
            yield _without_axes_of_none(replace(cell, teachers=names, partners=teachers))
        return
    if grid.protocol == "cka":
        other = (_changed(cell, grid.against, recipes),) if grid.against else ()
        name = "-".join(f"{axis}_{value}" for axis, value in _in_order(grid.against).items()) or "itself"
        cell = replace(cell, against=name, partners=other)
    yield _without_axes_of_none(cell)


def _without_axes_of_none(cell: Cell) -> Cell:
    """The axes of a student without pretraining are its teachers'; itself it has none."""
    return replace(cell, source=NONE, subset=NONE, epochs=0) if cell.is_scratch else cell


def _teacher(cell: Cell, change: Change, recipes: Mapping[str, Recipe], models: Models) -> Cell:
    """The cell that teaches: a finetuned network, or what a video-language model says of the target's videos."""
    if MODEL in change:
        return model_cell("class_logits", change[MODEL], models, cell.target, cell.seed)
    return _changed(cell, change, recipes)


def _in_order(change: Change) -> Change:
    """The same change whatever the order in which it was written."""
    return {axis: change[axis] for axis in (*Cell.__dataclass_fields__, MODEL) if axis in change}


def _changed(cell: Cell, change: Change, recipes: Mapping[str, Recipe]) -> Cell:
    """The finetuning of the network that differs from the cell's in the axes of `change`."""
    other = replace(cell.finetuning(), **change)
    if "task" in change or "complexity" in change:
        complexity, default = _complexity(other.task, str(change.get("complexity", "")), recipes)
        other = replace(other, complexity=complexity, default_complexity=default)
    return other
