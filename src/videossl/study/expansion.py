"""Expands the entries of `experiments.yaml` into cells, with the numbers that each entry shows of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError, unknown_name
from videossl.stages.cells import SCRATCH, VIDEO_LANGUAGE, Cell
from videossl.stages.parts.networks import PUBLISHED_NETWORK, baselines, short_count
from videossl.stages.registry import protocols, stage
from videossl.study import leaving_out
from videossl.study.config import Experiment, Grid
from videossl.study.entry_checks import check_axes, check_fits, check_gain, check_published
from videossl.study.leaving_out import LeftOut
from videossl.study.published import require_known, with_supervised

if TYPE_CHECKING:
    from videossl.study.study import Study

REMEDIES = {
    "task": "A new task needs a recipe: docs/adding_a_task.md.",
    "backbone": "A new backbone is a file: docs/adding_a_backbone.md.",
    "source": "A new dataset needs an entry under `datasets`: docs/adding_a_dataset.md.",
    "target": "A new dataset needs an entry under `datasets`: docs/adding_a_dataset.md.",
    "subset": "A new subset needs its number of videos under `subsets` in the configuration.",
    "epochs": "A new milestone needs its number of epochs under `epochs` in the configuration.",
}
"""How to define a new value of an axis, for error messages."""

Shown = dict[Cell, list[dict[str, Any]]]
"""Cells of an entry; of each the metric, noise and severity of the numbers that the entry shows."""


class Expansion:
    """Expands entries. Entries may show the cells of other entries, so all are needed."""

    def __init__(self, study: Study, entries: Mapping[str, Experiment]) -> None:
        self._study = study
        self._entries = entries
        self._left_out = leaving_out.effective(study.config)
        self._check_restrictions()
        self._check_left_out()

    def _check_restrictions(self) -> None:
        """Raise UserError for an unknown name in the configuration's `restrict`."""
        study, restrict = self._study, self._study.config.restrict
        valid = {axis: list(names) for axis, names in _valid_names(study, scratch=True).items()}
        if {"task", "backbone", "source", "subset"} & set(restrict):
            published = study.config.published
            data = [*(model.data for model in study.models.values()), *(one.data for one in published.values())]
            valid["task"] += [VIDEO_LANGUAGE, *published]
            valid["backbone"] += [*study.models, *study.architectures]
            valid["source"] += [one.name for one in data]
            valid["subset"] += [short_count(one.videos) for one in data]
        for axis, kept in restrict.items():
            names = dict.fromkeys(valid.get(axis, kept))
            for value in kept:
                if value not in names:
                    raise unknown_name(axis, value, names, "the configuration's `restrict`")

    def shown(self, name: str) -> Shown:
        """The cells of entry `name`, each once, in the order of the entry, with baselines last.

        Raises:
            UserError: the entry names something unknown, or its layout does not fit its cells.
        """
        study, entry = self._study, self._entries[name]
        if not entry.has_cells:
            return self._shown_in_parts(name, entry)
        owner, where = self._owner_of(name), study.place_of(name)
        check_fits(name, entry, self._entries[owner].grids, where)
        grids = [self._resolved(grid, entry, owner) for grid in self._entries[owner].grids]
        pairs = [(grid, cell) for grid in grids for cell in protocols()[grid.protocol].cells(study, grid)]
        pairs = [(grid, cell) for grid, cell in pairs if self._is_wanted(cell)]
        if entry.gain:
            check_gain(grids, where)
        if entry.baseline or entry.gain:
            own = self._entries[owner].grids
            of_baselines = [
                self._with_more_seeds(grid) if not raw.seed else grid for raw, grid in zip(own, grids, strict=True)
            ]
            pairs += [
                (grid, cell) for grid in of_baselines for cell in baselines(protocols()[grid.protocol], study, grid)
            ]
        shown: Shown = {}
        for grid, cell in pairs:
            views = shown.setdefault(cell, [])
            views += [view for view in self._views_of(name, entry, grid, cell) if view not in views]
        if entry.published:
            check_published(itertools.chain.from_iterable(shown.values()), where)
        return shown

    def left_out(self, name: str) -> LeftOut:
        """The values that the cells of entry `name` lose at this scale, by axis."""
        entry = self._entries[name]
        if not entry.has_cells:
            return leaving_out.joined(self.left_out(part.cells_of) for part in entry.parts)
        owner = self._owner_of(name)
        grids = map(self._with_all_tasks, self._entries[owner].grids)
        return leaving_out.joined(leaving_out.lost(grid, self._left_out_of(owner)) for grid in grids)

    def _left_out_of(self, owner: str) -> LeftOut:
        """The values that the grids of an entry lose. An entry of the configuration's `experiments` loses none."""
        return {} if owner in self._study.config.experiments else self._left_out

    def _check_left_out(self) -> None:
        """Raise UserError for a value of `leave_out` that no entry lists, or that leaves none of an axis."""
        study = self._study
        own = {name: entry for name, entry in self._entries.items() if name not in study.config.experiments}
        grids = {name: [self._with_all_tasks(grid) for grid in entry.grids] for name, entry in own.items()}
        leaving_out.check(study.config, itertools.chain.from_iterable(grids.values()), study.place_of_key)
        for name, found in grids.items():
            for grid in found:
                leaving_out.thinned(grid, self._left_out, study.place_of(name), study.place_of_key)

    def _with_all_tasks(self, grid: Grid) -> Grid:
        """`grid` with `task: all` expanded."""
        return grid.model_copy(update={"task": list(self._study.recipes)}) if grid.task == ["all"] else grid

    def _owner_of(self, name: str) -> str:
        """The entry that defines the grids of entry `name`: itself, or the entry that `cells_of` leads to."""
        passed = [name]
        while (other := self._entries[passed[-1]].cells_of) is not None:
            if other in passed:
                raise UserError(f"`cells_of` goes in a circle: {' -> '.join([*passed, other])}")
            passed.append(other)
        return passed[-1]

    def _shown_in_parts(self, name: str, entry: Experiment) -> Shown:
        """The students of each part of a distillation figure, each after its teachers, with the part in the views."""
        study = self._study
        shown: Shown = {}
        drawn = " or ".join(name for name, one in protocols().items() if one.plot == entry.plot)
        for number, part in enumerate(entry.parts):
            grids = [
                one
                for one in self._entries[self._owner_of(part.cells_of)].grids
                if protocols()[one.protocol].plot == entry.plot
            ]
            where = f"{study.place_of(name)}: part {number + 1}, '{part.title}'"
            if not grids:
                raise UserError(f"{where}: `cells_of` names {part.cells_of}, which has no cells of protocol {drawn}.")
            check_axes({"x": part.x}, grids, where)
            students = [cell for cell in self.shown(part.cells_of) if stage(cell.stage).plot == entry.plot]
            for cell in dict.fromkeys(itertools.chain.from_iterable((*s.partners, s) for s in students)):
                view = {"noise": "", "severity": 0, "part": number}
                metrics = entry.metric or stage(cell.stage).metrics_of(study, cell)[0]
                shown.setdefault(cell, []).extend({"metric": metric, **view} for metric in metrics)
        return shown

    def _resolved(self, grid: Grid, entry: Experiment, owner: str) -> Grid:
        """`grid` with `task: all` expanded, supervised networks beside published ones of `entry`, and `leave_out` and
        `restrict` of the configuration applied. Raises UserError for unknown names.

        Args:
            owner: the entry that defines the grid.
        """
        study, config, where = self._study, self._study.config, self._study.place_of(owner)
        # A network without pretraining can be a student of a distillation, not only a baseline.
        valid = _valid_names(study, scratch=protocols()[grid.protocol].allows_scratch)
        for name in grid.target:
            if parts := config.datasets[name].combine if name in config.datasets else None:
                raise UserError(
                    f"{where}: `target` names {name}, which combines the training videos of {', '.join(parts)} and has"
                    " neither classes nor test videos: it is a source for pretraining only. Use one of its parts."
                )
        grid = self._with_all_tasks(grid)
        grid = leaving_out.thinned(grid, self._left_out_of(owner), where, study.place_of_key)
        if not grid.seed:
            grid = grid.model_copy(update={"seed": self._seeds(grid)})
        for axis, names in valid.items():
            for value in getattr(grid, axis):
                if value not in names:
                    raise unknown_name(axis, value, names, where, REMEDIES[axis])
        for model in grid.models:
            if model not in study.models:
                raise unknown_name("video-language model", model, study.models, where)
        for name in grid.published:
            require_known(name, config, where)
        if entry.baseline and protocols()[grid.protocol].baseline:
            grid = with_supervised(config, grid, where)
        for change in [*grid.teachers, grid.against]:
            if PUBLISHED_NETWORK in change:
                require_known(str(change[PUBLISHED_NETWORK]), config, where)
            for axis, value in change.items():
                if axis in valid and value not in valid[axis]:
                    raise unknown_name(axis, value, valid[axis], where, REMEDIES[axis])
        for axis, kept in config.restrict.items():
            grid = grid.model_copy(update={axis: [value for value in getattr(grid, axis) if value in kept]})
        return grid.model_copy(update={"published": [name for name in grid.published if self._keeps(name)]})

    def _keeps(self, name: str) -> bool:
        """Whether `restrict` allows a published network, which has no epochs."""
        data = self._study.config.published[name].data
        own = {"task": name, "backbone": self._study.network_of(name), "source": data.name}
        own["subset"] = short_count(data.videos)
        return all(own[axis] in kept for axis, kept in self._study.config.restrict.items() if axis in own)

    def _seeds(self, grid: Grid) -> list[int]:
        """The seeds of a grid that names none. A published model is the same with every seed, so it has one."""
        config = self._study.config
        is_published = protocols()[grid.protocol].of_models and config.vifm.training is None
        return [0] if is_published else list(range(config.seeds))

    def _with_more_seeds(self, grid: Grid) -> Grid:
        """A grid of networks without pretraining, with all seeds of those that are trained from scratch."""
        config = self._study.config
        more = config.seeds_from_scratch or 0
        if protocols()[grid.protocol].runs_on != "all devices" or more <= config.seeds:
            return grid  # networks that are not trained, or as many seeds as the others
        kept = config.restrict.get("seed", range(more))
        return grid.model_copy(update={"seed": [seed for seed in range(more) if seed in kept]})

    def _is_wanted(self, cell: Cell) -> bool:
        """Whether `restrict` allows a video-language model, the teachers of `cell`, or the network that it is compared
        with. All other cells were restricted with the grid."""
        own = [cell] if stage(cell.stage).of_models else []
        return all(self._is_allowed(other) for other in (*own, *cell.partners))

    def _is_allowed(self, cell: Cell) -> bool:
        """Whether `restrict` names all values of a cell. Axes on which a model has no value do not restrict it."""
        values = {axis: getattr(cell, axis) for axis in self._study.config.restrict}
        if stage(cell.stage).of_models or cell.task in self._study.config.published:
            values = {axis: value for axis, value in values.items() if axis != "epochs" and value != ""}
        return all(value in self._study.config.restrict[axis] for axis, value in values.items())

    def _views_of(self, name: str, entry: Experiment, grid: Grid, cell: Cell) -> list[dict[str, Any]]:
        """The numbers that `entry` shows of a cell: one per metric, noise and severity."""
        study = self._study
        own = stage(cell.stage).metrics_of(study, cell)[0]
        # Network sizes are shown independently of the entry's accuracy metric.
        named = ([entry.x_metric] if entry.x_metric else []) if stage(cell.stage).plot == "scatter" else entry.metric
        metrics = named or own
        valid = study.metrics_of(cell)
        for metric in metrics:
            if metric not in valid:
                place = f"`metric` of {study.place_of(name)} (protocol {grid.protocol}, task {cell.task or 'none'})"
                raise unknown_name("metric", metric, valid, place)
        return [
            {"metric": metric, "noise": noise, "severity": severity}
            for noise, severity in itertools.product(grid.noise or [""], grid.severity or [0])
            for metric in metrics
        ]


def _valid_names(study: Study, *, scratch: bool) -> dict[str, Any]:
    """The valid values of a grid's axes. scratch: whether networks without pretraining are among the tasks."""
    config = study.config
    return {
        "task": [*study.recipes, *([SCRATCH] if scratch else [])],
        "backbone": backbones.names(),
        "source": config.datasets,
        "target": {name: one for name, one in config.datasets.items() if not one.combine},
        "subset": config.subsets,
        "epochs": config.epochs,
    }
