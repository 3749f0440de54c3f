"""Time estimates for pending cells, from finished cells or from calculated costs. Imports no torch."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import canonical_json
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.costs import job_seconds
from videossl.study.study import Study
from videossl.training.record import gpu_seconds, read_run

MEASURED, CALCULATED, UNKNOWN = "measured", "FLOPs", "unknown"


@dataclass(frozen=True)
class Estimate:
    """Estimated time of one cell, and its source.

    `hours` is the wall-clock time of the job, `device_hours` the total of all its GPUs (of one CPU job if there are
    none); None if unknown.
    """

    source: str
    hours: float | None = None
    device_hours: float | None = None


class Estimator:
    """Time estimates for the cells of a study.

    :mod:`videossl.study.costs` calculates relative times, such as twice the time for twice the videos. Finished cells
    calibrate them by the median ratio of measured to calculated time: of cells that do the same kind of work in
    different amounts (`measured`), else of cells of the same stage (`FLOPs`). Without finished cells, the configured
    speeds are used.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.gpus = max(1, study.config.compute.gpus)
        self.unreadable: list[str] = []
        """Errors of unreadable records, which the estimates ignore."""

    def of(self, cell: Cell) -> Estimate:
        """The estimate for one cell."""
        if not self._runs_a_network(cell):  # only finished cells give an estimate
            seconds = self._ratios.get(self._kind(cell))
            return self._estimate(MEASURED, median(seconds)) if seconds else Estimate(UNKNOWN)
        calculated = job_seconds(cell, self.study) * self.gpus
        if same := self._ratios.get(self._kind(cell)):
            return self._estimate(MEASURED, calculated * median(same))
        return self._estimate(CALCULATED, calculated * self.pace.get(cell.stage, (1.0, 0))[0])

    def _estimate(self, source: str, device_seconds: float) -> Estimate:
        return Estimate(source, device_seconds / self.gpus / 3600, device_seconds / 3600)

    @cached_property
    def pace(self) -> dict[str, tuple[float, int]]:
        """Median ratio of measured to calculated time of finished cells and their number, by stage."""
        by_stage = defaultdict(list)
        for kind, ratios in self._ratios.items():
            by_stage[json.loads(kind)["stage"]] += ratios
        pace = {name: (median(ratios), len(ratios)) for name, ratios in by_stage.items()}
        return {name: found for name, found in pace.items() if name in self._with_networks}

    @cached_property
    def _ratios(self) -> Mapping[str, list[float]]:
        """Ratios of measured to calculated device seconds of all finished cells, by kind of work.

        For stages that run no network: the measured seconds.
        """
        found = defaultdict(list)
        for cell in self.study.all_cells:
            if run := self._run(cell):
                found[self._kind(cell)].append(gpu_seconds(run) / self._calculated_from_start(cell))
        return found

    def _calculated_from_start(self, cell: Cell) -> float:
        """Calculated device seconds to compare with the record, which counts from a pretraining's first milestone."""
        cells = self.study.milestones(cell) if cell.stage == "pretrain" else [cell]
        return sum(job_seconds(one, self.study) for one in cells) * self.gpus or 1.0

    def _run(self, cell: Cell) -> dict[str, Any] | None:
        """The record of a finished cell, if it ran on the kind of device that the configuration requests."""
        path = Path(self.study.config.results_dir) / cell.path / "run.json"
        if not path.exists():
            return None
        try:
            run = read_run(path)
        except (OSError, UserError) as error:
            self.unreadable.append(str(error))
            return None
        wanted = self.study.config.compute.device
        return run if wanted == "auto" or run["device"].startswith(wanted) or not self._runs_a_network(cell) else None

    def _kind(self, cell: Cell) -> str:
        """Key of the kind of work: cells with equal keys differ only in the amount, such as videos and epochs."""
        config = self.study.config
        shared = {"stage": cell.stage, "backbone": [cell.backbone, (config.backbones or {}).get(cell.backbone)]}
        return canonical_json(shared | stage(cell.stage).kind_of_work(self.study, cell))

    def _runs_a_network(self, cell: Cell) -> bool:
        return stage(cell.stage).work(self.study, cell) is not None

    @cached_property
    def _with_networks(self) -> set[str]:
        """Stages whose work can be calculated."""
        return {cell.stage for cell in self.study.all_cells if self._runs_a_network(cell)}


def critical_path(study: Study, cells: Iterable[Cell], hours: Mapping[Cell, float]) -> list[Cell]:
    """The longest chain of dependent `cells`, in hours: a lower bound on the total time with any number of machines.

    `cells`: each after its dependencies.
    """
    longest: dict[Cell, tuple[float, Cell | None]] = {}
    for cell in cells:
        needs = [need for need in study.dependencies(cell) if need in longest]
        last = max(needs, key=lambda need: longest[need][0], default=None)
        longest[cell] = (hours[cell] + (longest[last][0] if last else 0), last)
    path = [max(longest, key=lambda cell: longest[cell][0])] if longest else []
    while path and (before := longest[path[-1]][1]):
        path.append(before)
    return path[::-1]
