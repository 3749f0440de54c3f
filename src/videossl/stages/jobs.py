"""The jobs of a study that train, evaluate or prepare data, as defined in the rules.

Rendering jobs (tables and figures) are in :mod:`videossl.report.renderings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.specification import Specification
from videossl.stages import registry
from videossl.stages.cells import Cell
from videossl.stages.parts.files import run_folder

if TYPE_CHECKING:
    from videossl.study.study import Study


@dataclass(frozen=True)
class PlannedJob:
    """One job: its specification and its files."""

    outputs: tuple[Path, ...]
    inputs: tuple[Path, ...]
    spec: Callable[[], Specification]
    cell: Cell | None = None
    is_rendering: bool = False
    """Whether the job renders results. It then needs all inputs to exist; rerunning it takes seconds."""


def jobs_of(study: Study) -> Iterator[PlannedJob]:
    """All jobs of the study, each after the jobs that it depends on."""
    from videossl.stages.data import data_jobs, noise_jobs, noisy_datasets  # which imports PlannedJob from here

    for name in study.datasets:
        yield from data_jobs(study, name)
    for name in noisy_datasets(study):
        yield from noise_jobs(study, name)
    for cell in study.all_cells:
        if not study.unavailable(cell):
            yield job_of(study, cell)


def job_of(study: Study, cell: Cell) -> PlannedJob:
    """The job of a cell."""
    stage, folder = registry.stage(cell.stage), run_folder(study, cell)
    used = [path for paths in stage.inputs(study, cell).values() for path in paths]
    outputs = tuple(folder / name for name in stage.outputs)
    return PlannedJob(outputs, tuple(used), lambda: stage.spec(study, cell), cell)
