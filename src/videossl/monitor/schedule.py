"""How long a study takes on a number of GPUs: its jobs placed one after the other, as a scheduler would.

List scheduling: whenever GPUs are free, the ready job with the longest chain of jobs behind it starts. Jobs without a
GPU start as soon as they are ready. Imports no torch.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from videossl.common.errors import UserError
from videossl.stages.cells import Cell
from videossl.study.study import Study


@dataclass(frozen=True)
class Placed:
    """A job in the schedule; times in hours from the start."""

    cell: Cell
    gpus: int
    start: float
    end: float


@dataclass(frozen=True)
class Schedule:
    """The jobs in the order in which they start."""

    jobs: list[Placed]
    gpus: int

    @property
    def hours(self) -> float:
        """From the first start to the last end."""
        return max((job.end for job in self.jobs), default=0.0)

    @property
    def gpu_hours(self) -> float:
        """Hours of GPUs that jobs hold."""
        return sum((job.end - job.start) * job.gpus for job in self.jobs)

    @property
    def busy(self) -> float:
        """Share of the GPUs' time that jobs hold them."""
        return self.gpu_hours / (self.hours * self.gpus) if self.hours else 0.0

    def of_stage(self, name: str) -> list[Placed]:
        """The jobs of a stage."""
        return [job for job in self.jobs if job.cell.stage == name]


def simulate(study: Study, cells: Iterable[Cell], hours: Mapping[Cell, float], gpus: int) -> Schedule:
    """Place the jobs of `cells` on `gpus` GPUs.

    Args:
        cells: each after its dependencies; dependencies that are not among them are done.
        hours: how long each job takes.

    Raises UserError if a job needs more GPUs than there are.
    """
    cells = list(cells)
    wanted = {cell: _gpus_of(study, cell, gpus) for cell in cells}
    needs = {cell: [need for need in study.dependencies(cell) if need in wanted] for cell in cells}
    followers: dict[Cell, list[Cell]] = defaultdict(list)
    for cell, before in needs.items():
        for need in before:
            followers[need].append(cell)
    rank = _ranks(cells, followers, hours)
    waiting = {cell: len(before) for cell, before in needs.items()}
    ready = [rank[cell] for cell in cells if not waiting[cell]]
    running: list[tuple[float, tuple[float, int]]] = []
    placed, free, now = [], gpus, 0.0
    while ready or running:
        held = []
        for one in sorted(ready):
            cell = cells[one[1]]
            if wanted[cell] > free:
                held.append(one)
                continue
            free -= wanted[cell]
            placed.append(Placed(cell, wanted[cell], now, now + hours[cell]))
            heapq.heappush(running, (now + hours[cell], one))
        ready = held
        now, ended = heapq.heappop(running)
        free += wanted[cells[ended[1]]]
        for cell in followers[cells[ended[1]]]:
            waiting[cell] -= 1
            if not waiting[cell]:
                ready.append(rank[cell])
    return Schedule(placed, gpus)


def _gpus_of(study: Study, cell: Cell, gpus: int) -> int:
    """GPUs that a job holds on all its nodes."""
    devices = study.devices(cell)
    wanted = devices.gpus * devices.nodes
    if wanted > gpus:
        raise UserError(
            f"the job {cell.path} asks for {wanted} GPUs (compute.gpus or compute.parallel), and the schedule has"
            f" {gpus}: give more with --gpus, or lower them."
        )
    return wanted


def _ranks(
    cells: list[Cell], followers: Mapping[Cell, list[Cell]], hours: Mapping[Cell, float]
) -> dict[Cell, tuple[float, int]]:
    """Sort keys: the job with the longest chain behind it first, then in the order of `cells`."""
    behind: dict[Cell, float] = {}
    for cell in reversed(cells):
        behind[cell] = hours[cell] + max((behind[other] for other in followers[cell]), default=0.0)
    return {cell: (-behind[cell], number) for number, cell in enumerate(cells)}
