"""k-NN accuracy: test videos get the class of similar training videos, by frozen features (not in the paper)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.settings import KNN
from videossl.evaluation.specs import KNNSpec
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RUN, Job, Stage
from videossl.stages.features import FEATURES, features_spec
from videossl.stages.parts.files import run_folder

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class NearestNeighbours(Stage[KNNSpec]):
    name = "knn"
    title = "k-NN"
    place = 25
    folder = f"knn/{{target}}/{RUN}"
    results = (PREDICTIONS, METRICS)
    specification = KNNSpec
    settings = KNN
    message = (
        "k-NN on {wildcards.target} by {wildcards.variant} with {wildcards.backbone} ({wildcards.source}"
        " {wildcards.subset}, milestone {wildcards.epochs})"
    )
    runs_on = "cpu"
    metrics = ("top1",)
    further_metrics = ()
    axes = (*PRETRAINING, "target")
    description = "accuracy of the vote of the nearest training videos by frozen features"
    baseline = True

    def spec(self, study: Study, cell: Cell) -> KNNSpec:
        return KNNSpec(features=features_spec(study, cell), **self.settings_in(study).model_dump())

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("features")]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {"features": [run_folder(study, cell.of_stage("features")) / FEATURES]}

    def run(self, job: Job[KNNSpec]) -> None:
        from videossl.evaluation.knn import nearest_neighbours

        nearest_neighbours(job.spec, job.identity, features=job.file("features"), folder=job.folder)


STAGE = NearestNeighbours()
