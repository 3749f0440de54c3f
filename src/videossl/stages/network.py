"""Size and cost of a backbone: parameters and operations (paper, Table 10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.specification import Specification
from videossl.data.provenance import digest_of
from videossl.stages.base import METRICS, Job, Stage
from videossl.stages.cells import Cell

if TYPE_CHECKING:
    from videossl.study.config import Grid
    from videossl.study.study import Study

LIBRARY = Path(__file__).parents[1]


class NetworkSpec(Specification):
    """The network, and the code that determines its size and cost.

    Counting takes seconds, so it is repeated when the code changes.
    """

    backbone: str
    code: list[str]
    """Digests of the source files."""


class Network(Stage[NetworkSpec]):
    name = "network"
    title = "Network"
    label = "network"
    folder = "networks/{backbone}"
    results = (METRICS,)
    specification = NetworkSpec
    message = "Size and cost of {wildcards.backbone}"
    has_record = False
    runs_on = "cpu"
    metrics = ("parameters_millions", "gflops")
    is_tested = False
    axes = ()
    plot = "scatter"
    description = "size and cost of the backbone"

    def cells(self, study: Study, grid: Grid) -> Iterator[Cell]:
        for backbone in grid.backbone:
            yield Cell(self.name, "", "", backbone, "", "", 0, "", self.name, 0)

    def spec(self, study: Study, cell: Cell) -> NetworkSpec:
        code = [*sorted((LIBRARY / "backbones").rglob("*.py")), LIBRARY / "analysis/complexity.py"]
        return NetworkSpec(backbone=cell.backbone, code=[digest_of(path) for path in code])

    def run(self, job: Job[NetworkSpec]) -> None:
        from videossl.analysis.complexity import network_metrics
        from videossl.common.results import write_metrics

        rows = network_metrics(job.spec.backbone)
        write_metrics(job.folder / METRICS, job.identity, rows)
        print("\n".join(f"{job.spec.backbone}: {row['metric']} {row['value']:.2f}" for row in rows))


STAGE = Network()
