"""CKA: similarity of the layers of two finetuned networks, or of one network (paper, section 4.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.settings import CKA
from videossl.evaluation.specs import CKASpec
from videossl.stages.base import METRICS, PRETRAINING, RUN, WEIGHTS, Job, Stage, Work
from videossl.stages.parts.files import manifest, run_folder
from videossl.stages.parts.networks import changed, in_order

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.config import Grid
    from videossl.study.study import Study


class Similarity(Stage[CKASpec]):
    name = "cka"
    title = "Similarity of layers"
    label = "cka"
    folder = f"cka/{{target}}/{RUN}/against_{{against}}"
    results = ("cka.parquet", METRICS)
    specification = CKASpec
    settings = CKA
    message = (
        "Layers of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone"
        " {wildcards.epochs}) against {wildcards.against}"
    )
    metrics = ("mean_cka",)
    axes = (*PRETRAINING, "target")
    further_axes = ("against",)
    plot = "cka"
    plot_alone = True
    description = "similarity of the layers of two finetuned networks"

    def spec(self, study: Study, cell: Cell) -> CKASpec:
        return CKASpec(seed=cell.seed, **self.settings_in(study).model_dump())

    def with_partners(self, study: Study, grid: Grid, cell: Cell) -> Iterator[Cell]:
        name = "-".join(f"{axis}_{value}" for axis, value in in_order(grid.against).items()) or "itself"
        other = (changed(study, cell, grid.against),) if grid.against else ()
        yield replace(cell, against=name, partners=other)

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("finetune"), *cell.partners]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        weights = [run_folder(study, network) / WEIGHTS for network in self.dependencies(study, cell)]
        return {"manifest": [manifest(study, cell.target)], "weights": weights}

    def work(self, study: Study, cell: Cell) -> Work:
        target = study.videos(cell.target)
        clips = min(self.settings_in(study).videos, target.test) if target.counted else self.settings_in(study).videos
        networks = [cell, *cell.partners]
        gflops = sum(study.gflops(one.backbone, study.finetune(one).clip) for one in networks)
        return Work(clips * gflops, clips * len(networks))

    def run(self, job: Job[CKASpec]) -> None:
        from videossl.evaluation.similarity import similarity

        weights, *others = job.files("weights")
        similarity(
            job.spec,
            job.identity,
            manifest=job.file("manifest"),
            weights=weights,
            other=others[0] if others else None,
            folder=job.folder,
            compute=job.compute,
        )


STAGE = Similarity()
