"""How long pending cells will take: from what finished cells took. Imports no torch."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from videossl.cells import Cell
from videossl.experiments import Study
from videossl.files import canonical_json
from videossl.specs import pretrain_spec

MEASURED, UNKNOWN = "measured", "unknown"


@dataclass(frozen=True)
class Estimate:
    """Hours of one device (a GPU, or the CPU threads of a job) and where the number comes from; None: unknown."""

    hours: float | None
    source: str


class Estimator:
    """Estimates for the cells of a study."""

    def __init__(self, study: Study) -> None:
        self.study = study

    @cached_property
    def rates(self) -> Mapping[str, list[float]]:
        """Device seconds a unit of work, by kind of work, of all finished cells of the study."""
        found = defaultdict(list)
        for cell in self.study.all_cells:
            run = self._run(cell)
            if run is not None and (units := _units_done(cell, run)):
                found[self._kind(cell)].append(_device_seconds(run) / units)
        return found

    def of(self, cell: Cell) -> Estimate:
        """The estimate for one cell."""
        rates, units = self.rates.get(self._kind(cell)), self._units(cell)
        if rates and units:
            return Estimate(median(rates) * units / 3600, MEASURED)
        return Estimate(None, UNKNOWN)

    def _run(self, cell: Cell) -> dict[str, Any] | None:
        """The record of a finished cell, if it ran on the kind of device that the configuration asks for."""
        path = Path(self.study.config.results_dir) / cell.path / "run.json"
        try:
            run = json.loads(path.read_text())
        except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
            return None
        wanted = self.study.config.compute.device
        return run if wanted == "auto" or run["device"].startswith(wanted) or cell.stage in ON_CPU else None

    def _kind(self, cell: Cell) -> str:
        """Cells of the same text do the same work a unit. Nothing in it is learnt from the data or the weights."""
        config = self.study.config
        shared = {"stage": cell.stage, "backbone": [cell.backbone, (config.backbones or {}).get(cell.backbone)]}
        if cell.stage == "pretrain":
            spec = pretrain_spec(self.study, cell)
            return canonical_json({**shared, **{key: spec[key] for key in ("task", "options", "clip")}})
        others = [[partner.task, partner.backbone] for partner in cell.partners]
        return canonical_json({**shared, "target": cell.target, "partners": others})

    def _units(self, cell: Cell) -> float | None:
        """What a pending cell has to do: videos times epochs of a pretraining, epochs of a finetuning, else itself."""
        if cell.stage == "pretrain":
            before = self.study.previous(cell)
            epochs = self.study.config.epochs
            videos = self._videos(cell)
            return videos and videos * (epochs[cell.epochs] - (epochs[before.epochs] if before else 0))
        return self.study.config.finetune.epochs if cell.stage in ("finetune", "distill") else 1

    def _videos(self, cell: Cell) -> int | None:
        """The training videos of a pretraining: of `all` only a run on the same subset knows the number."""
        size = self.study.config.subsets[cell.subset]
        if size != "all":
            return size
        same = (other for other in self.study.pretraining if (other.source, other.subset) == (cell.source, cell.subset))
        return next((run["samples"]["train"] for run in map(self._run, same) if run), None)


ON_CPU = ("linear_probe", "retrieval", "network")
"""Stages that never use a GPU."""


def _units_done(cell: Cell, run: Mapping[str, Any]) -> float:
    """What the finished cell of `run` did, by the same measure; the time of a pretraining counts from its start."""
    if cell.stage == "pretrain":
        return run["recipe"]["stop"] * run["samples"]["train"]
    return run["recipe"]["epochs"] if cell.stage in ("finetune", "distill") else 1


def _device_seconds(run: Mapping[str, Any]) -> float:
    """GPU-seconds of a run on GPUs, else its wall time."""
    return 3600 * run["gpu_hours"] or run["wall_seconds"]


def critical_path(study: Study, cells: Iterable[Cell], hours: Mapping[Cell, float]) -> list[Cell]:
    """Of the chains of `cells` in which each needs the one before it, the longest in hours: however many machines there
    are, it is run one after the other. `cells`: each after the ones that it needs.
    """
    longest: dict[Cell, tuple[float, Cell | None]] = {}
    for cell in cells:
        before = study.previous(cell) if cell.stage == "pretrain" else None
        needs = [need for need in ([before] if before else cell.needs) if need in longest]
        last = max(needs, key=lambda need: longest[need][0], default=None)
        longest[cell] = (hours[cell] + (longest[last][0] if last else 0), last)
    path = [max(longest, key=lambda cell: longest[cell][0])] if longest else []
    while path and (before := longest[path[-1]][1]):
        path.append(before)
    return path[::-1]
