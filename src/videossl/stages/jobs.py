"""The jobs of a study that make what others start from, as the rules have them.

Those that show results, tables and figures, are in :mod:`videossl.report.renderings`.
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
    """Whether it shows results. Then all of them must be there; to show them again costs seconds."""


def jobs_of(study: Study) -> Iterator[PlannedJob]:
    """All jobs of the study, each after those that it starts from."""
    from videossl.stages.data import data_jobs, noise_jobs, noisy_datasets  # which has the same jobs

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
