"""Linear probe: a linear classifier on frozen features (paper, appendix B, Table 9)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.settings import LinearProbe
from videossl.evaluation.specs import LinearProbeSpec
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RUN, Job, Stage
from videossl.stages.features import FEATURES, features_spec
from videossl.stages.parts.contradictions import has_validation
from videossl.stages.parts.files import run_folder

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class Probe(Stage[LinearProbeSpec]):
    name = "linear_probe"
    title = "Linear probe"
    place = 20
    folder = f"linear_probe/{{target}}/{RUN}"
    results = (PREDICTIONS, METRICS)
    specification = LinearProbeSpec
    settings = LinearProbe
    message = (
        "Linear probe of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset},"
        " milestone {wildcards.epochs}) on {wildcards.target}"
    )
    runs_on = "cpu"
    metrics = ("top1",)
    further_metrics = ("top5", "validation_top1", "inverse_regularisation")
    axes = (*PRETRAINING, "target")
    description = "accuracy on the target with a frozen backbone"
    baseline = True

    def spec(self, study: Study, cell: Cell) -> LinearProbeSpec:
        return LinearProbeSpec(features=features_spec(study, cell), **self.settings_in(study).model_dump())

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("features")]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {"features": [run_folder(study, cell.of_stage("features")) / FEATURES]}

    def check(self, study: Study, cell: Cell) -> None:
        has_validation(study, cell, "linear probing chooses its regularisation")

    def run(self, job: Job[LinearProbeSpec]) -> None:
        from videossl.evaluation.probe import linear_probe

        linear_probe(job.spec, job.identity, features=job.file("features"), folder=job.folder)


STAGE = Probe()
