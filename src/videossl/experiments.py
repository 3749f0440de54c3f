"""The cell table: from `experiments.yaml` to the jobs of the study, their identities and paths.

A cell is one training or evaluation job. The table is computed here and nowhere else; rules, wildcard
constraints, `videossl plan`, `videossl status` and the tables read it. Imports no torch: Snakemake loads this
module whenever it parses the workflow.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from videossl.backbones.registry import names as backbone_names
from videossl.config import Config, Experiment, Grid, Recipe, load_config, load_recipe, read_yaml, task_names
from videossl.config.base import Strict
from videossl.errors import UserError, unknown_name

SCRATCH = "scratch"
"""The task of a cell without pretraining: the baseline of every table."""
NONE = "none"
"""Source and subset of a cell without pretraining."""


@dataclass(frozen=True, order=True)
class Cell:
    """Full identity of one job. `epochs` is the milestone's name, not the number of epochs run at a scale."""

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
    default_complexity: bool = True

    @property
    def variant(self) -> str:
        """The task's directory: its name, with the complexity when that is not the recipe's default."""
        return self.task if self.default_complexity else f"{self.task}-{self.complexity}"

    @property
    def wildcards(self) -> dict[str, str]:
        """The values of the path's wildcards, one an axis."""
        axes = {
            "source": self.source,
            "subset": self.subset,
            "variant": self.variant,
            "backbone": self.backbone,
            "seed": str(self.seed),
            "epochs": str(self.epochs),
        }
        return axes if self.stage == "pretrain" else {"target": self.target, **axes}

    @property
    def path(self) -> str:
        """Directory of the cell below the results' folder; one directory an axis."""
        return PATHS[self.stage].format(**self.wildcards)

    @property
    def identity(self) -> dict[str, Any]:
        """The columns that identify the cell's rows in every Parquet file."""
        columns = asdict(self)
        del columns["default_complexity"]
        return columns

    @property
    def is_scratch(self) -> bool:
        """True for the baseline without pretraining."""
        return self.task == SCRATCH

    def pretraining(self) -> Cell:
        """The pretraining cell whose weights this one starts from."""
        if self.is_scratch:
            raise ValueError(f"{self.path} has no pretraining")
        return replace(self, stage="pretrain", target="", protocol="")


PATHS = {
    "pretrain": "pretrain/{source}/{subset}/{variant}/{backbone}/seed{seed}/epochs{epochs}",
    "finetune": "finetune/{target}/{source}/{subset}/{variant}/{backbone}/seed{seed}/epochs{epochs}",
}
"""Directory of a cell of each stage; the braces are the rules' wildcards."""


class _Entries(Strict):
    experiments: dict[str, Experiment]


class Study:
    """The configuration with everything that follows from it: recipes, entries, cells."""

    def __init__(self, config: Config) -> None:
        self.config = config
        for name in config.backbones:
            if name not in backbone_names():
                raise unknown_name("backbone", name, backbone_names(), "the configuration's `backbones`")
        self.entries = self._read_entries()
        self.cells_of = {name: self._expand(name) for name in self.entries}

    def _read_entries(self) -> dict[str, Experiment]:
        path = self.config.experiments_file
        entries = _Entries.parse({"experiments": read_yaml(path)}, path).experiments
        entries |= self.config.experiments
        wanted = self.config.only
        for name in wanted or []:
            if name not in entries:
                raise unknown_name("table or figure", name, entries, "the configuration's `only`")
        chosen = {name: entry for name, entry in entries.items() if wanted is None or name in wanted}
        for name, entry in entries.items():
            if entry.cells_of is not None and entry.cells_of not in entries:
                raise unknown_name("entry", entry.cells_of, entries, f"`cells_of` of {name}")
        self._all_entries = entries
        return chosen

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each pretext task, with this scale's overrides."""
        config = self.config
        names = task_names(config.recipes_dir)
        for name in config.recipe_overrides or {}:
            if name not in ("all", *names):
                raise unknown_name("pretext task", name, ("all", *names), "recipe_overrides")
        recipes = {name: load_recipe(config.recipes_dir, name, config.recipe_overrides) for name in names}
        for name, recipe in recipes.items():
            _check_backbones(recipe.batch_size, f"batch_size of the recipe {name}")
            _check_backbones(recipe.optimizer.lr, f"optimizer.lr of the recipe {name}")
        return recipes

    def _expand(self, name: str) -> list[Cell]:
        """The cells of entry `name`, the baseline's last, each once, in the order of the entry."""
        entry = self._all_entries[name]
        owner, passed = entry, [name]
        while owner.cells_of is not None:
            if owner.cells_of in passed:
                raise UserError(f"`cells_of` goes in a circle: {' -> '.join([*passed, owner.cells_of])}")
            passed.append(owner.cells_of)
            owner = self._all_entries[owner.cells_of]
        cells: dict[Cell, None] = {}
        for grid in owner.grids:
            self._check(grid, f"{self.config.experiments_file}: {name}")
            cells |= dict.fromkeys(self._product(grid))
        if entry.baseline:
            for grid in owner.grids:
                cells |= dict.fromkeys(_baselines(grid))
        return list(cells)

    def _check(self, grid: Grid, where: str) -> None:
        config = self.config
        valid = {
            "task": self.recipes,
            "backbone": backbone_names(),
            "source": config.datasets,
            "target": config.datasets,
            "subset": config.subsets,
            "epochs": config.epochs,
        }
        for axis, names in valid.items():
            for value in getattr(grid, axis):
                if value not in names:
                    raise unknown_name(axis, value, names, where)

    def _product(self, grid: Grid) -> Iterator[Cell]:
        for task, variant in itertools.product(grid.task, grid.complexity):
            recipe = self.recipes[task]
            complexity = variant or recipe.default_complexity
            recipe.task_options(complexity)  # raises on a variant that the recipe does not have
            for backbone, source, subset, epochs, target, protocol, seed in itertools.product(
                grid.backbone, grid.source, grid.subset, grid.epochs, grid.target, grid.protocol, grid.seed
            ):
                yield Cell(
                    stage=protocol,
                    task=task,
                    complexity=complexity,
                    backbone=backbone,
                    source=source,
                    subset=subset,
                    epochs=epochs,
                    target=target,
                    protocol=protocol,
                    seed=seed,
                    default_complexity=complexity == recipe.default_complexity,
                )

    @cached_property
    def downstream(self) -> list[Cell]:
        """All evaluation cells of the study, each once."""
        return list(dict.fromkeys(itertools.chain.from_iterable(self.cells_of.values())))

    @cached_property
    def pretraining(self) -> list[Cell]:
        """All pretraining cells: those that an evaluation needs and the milestones on the way to them."""
        needed = dict.fromkeys(cell.pretraining() for cell in self.downstream if not cell.is_scratch)
        return list(dict.fromkeys(step for cell in needed for step in self.milestones(cell)))

    def milestones(self, cell: Cell) -> list[Cell]:
        """The pretraining cells of the same run, up to and including `cell`."""
        return [replace(cell, epochs=name) for name in sorted(self.config.epochs) if name <= cell.epochs]

    def previous(self, cell: Cell) -> Cell | None:
        """The milestone that pretraining `cell` continues; None for the first."""
        steps = self.milestones(cell)
        return steps[-2] if len(steps) > 1 else None

    @cached_property
    def datasets(self) -> list[str]:
        """Names of the datasets that some cell needs, sources first."""
        used = [cell.source for cell in self.downstream if not cell.is_scratch]
        return list(dict.fromkeys(used + [cell.target for cell in self.downstream]))

    @cached_property
    def _by_wildcards(self) -> dict[tuple[str, ...], Cell]:
        return {_key(cell.stage, cell.wildcards): cell for cell in self.pretraining + self.downstream}

    def find(self, stage: str, wildcards: Mapping[str, str]) -> Cell:
        """The cell of `stage` with these path wildcards; an unknown one is an error naming the nearest."""
        cell = self._by_wildcards.get(_key(stage, wildcards))
        if cell is None:
            asked = PATHS[stage].format(**wildcards)
            known = [cell.path for cell in self._by_wildcards.values() if cell.stage == stage]
            near = get_close_matches(asked, known, n=3, cutoff=0)
            lines = "\n".join(f"  {path}" for path in near)
            raise UserError(
                f"no table or figure needs the cell {asked}. The nearest that are planned:\n{lines}\n"
                f"Cells come from {self.config.experiments_file} and the configuration's `experiments`."
            )
        return cell

    def axis_values(self, axis: str) -> list[str]:
        """All values that the path wildcard `axis` takes, for the wildcard constraints."""
        cells = self.pretraining + self.downstream
        return sorted({cell.wildcards[axis] for cell in cells if axis in cell.wildcards})


def _check_backbones(value: object, where: str) -> None:
    """A number that differs by backbone must name backbones that there are."""
    valid = ("default", *backbone_names())
    for name in value if isinstance(value, dict) else ():
        if name not in valid:
            raise unknown_name("backbone", name, valid, where)


def _baselines(grid: Grid) -> Iterable[Cell]:
    for backbone, target, protocol, seed in itertools.product(grid.backbone, grid.target, grid.protocol, grid.seed):
        yield Cell(protocol, SCRATCH, "", backbone, NONE, NONE, 0, target, protocol, seed)


def _key(stage: str, wildcards: Mapping[str, str]) -> tuple[str, ...]:
    axes = ("target", "source", "subset", "variant", "backbone", "seed", "epochs")
    skip = {"target"} if stage == "pretrain" else set()
    return (stage, *(str(wildcards[axis]) for axis in axes if axis not in skip))


def load_study(paths: list[str | Path]) -> Study:
    """The study of the configuration files `paths` (base first, overlays after it)."""
    return Study(load_config(paths))
