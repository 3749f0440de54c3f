"""Retrieval: test videos query the training videos with frozen features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.settings import Retrieval
from videossl.evaluation.specs import RetrievalSpec
from videossl.stages.base import METRICS, PRETRAINING, RUN, Job, Stage
from videossl.stages.features import FEATURES, features_spec
from videossl.stages.parts.files import run_folder

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class Retrieve(Stage[RetrievalSpec]):
    name = "retrieval"
    title = "Clip retrieval"
    label = "retrieval"
    place = 30
    folder = f"retrieval/{{target}}/{RUN}"
    results = (METRICS,)
    specification = RetrievalSpec
    settings = Retrieval
    message = (
        "Retrieval on {wildcards.target} by {wildcards.variant} with {wildcards.backbone} ({wildcards.source}"
        " {wildcards.subset}, milestone {wildcards.epochs})"
    )
    runs_on = "cpu"
    metrics = ("recall_at_1",)
    further_metrics = ()
    axes = (*PRETRAINING, "target")
    description = "retrieval of test videos among training videos by pretrained features"
    baseline = True

    def spec(self, study: Study, cell: Cell) -> RetrievalSpec:
        return RetrievalSpec(features=features_spec(study, cell), **self.settings_in(study).model_dump())

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("features")]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {"features": [run_folder(study, cell.of_stage("features")) / FEATURES]}

    def metrics_of(self, study: Study, cell: Cell) -> tuple[list[str], list[str]]:
        return list(self.metrics), [f"recall_at_{k}" for k in self.settings_in(study).ks]

    def run(self, job: Job[RetrievalSpec]) -> None:
        from videossl.evaluation.retrieve import retrieve

        retrieve(job.spec, job.identity, features=job.file("features"), folder=job.folder)


STAGE = Retrieve()
