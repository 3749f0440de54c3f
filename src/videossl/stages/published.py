"""Weights of a published network: the user's file, checked name by name and written as a pretraining writes its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.published import place_of
from videossl.stages.base import WEIGHTS, Job, Stage
from videossl.stages.parts.builds import PublishedBuild
from videossl.training.specs import PublishedSpec

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class Published(Stage[PublishedSpec]):
    name = "published"
    title = "Published weights"
    folder = "published/{source}/{subset}/{variant}/{backbone}"
    results = (WEIGHTS,)
    specification = PublishedSpec
    message = "Published weights {wildcards.variant} of {wildcards.backbone}"
    runs_on = "cpu"
    axes = None

    def spec(self, study: Study, cell: Cell) -> PublishedSpec:
        entry, finetune = study.config.published[cell.task], study.finetune(cell)
        return PublishedSpec(
            recipe_version=entry.recipe_version,
            backbone=study.backbone(cell),
            keys=[list(pair) for pair in entry.keys.items()],
            clip=finetune.clip,
            stride=finetune.stride,
            augment=finetune.augment.preparation,
        )

    def places(self, study: Study, cell: Cell) -> dict[str, Path]:
        return {"weights": study.require_published(cell.task)}

    def outside_files(self, study: Study, cell: Cell) -> list[Path]:
        return [study.require_published(cell.task)]

    def unavailable(self, study: Study, cell: Cell) -> str:
        return study.missing_published(cell.task)

    def build(self, study: Study, cell: Cell) -> PublishedBuild | None:
        if study.missing_published(cell.task):
            return None
        path = study.require_published(cell.task)
        status = path.stat()
        return PublishedBuild(
            backbone=study.backbone(cell),
            clip=study.finetune(cell).clip,
            weights=str(path),
            state=f"{status.st_size} {status.st_mtime_ns}",
            keys=self.spec(study, cell).keys,
            where=place_of(cell.task),
        )

    def run(self, job: Job[PublishedSpec]) -> None:
        from videossl.training.published import import_network

        import_network(job.spec, job.identity, weights=job.places["weights"], folder=job.folder)


STAGE = Published()
