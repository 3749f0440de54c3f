"""Features of a frozen pretrained network, shared by the linear probe and retrieval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.specs import FeaturesSpec
from videossl.stages.base import RUN, WEIGHTS, Clips, Job, S, Stage, Work
from videossl.stages.finetune import finetune_build, finetune_clips, finetune_values
from videossl.stages.parts.builds import NetworkBuild
from videossl.stages.parts.files import manifest, run_folder
from videossl.stages.parts.networks import pretraining_of

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

FEATURES = "features.npz"


class OfFrozenNetwork(Stage[S]):
    """A stage that runs a frozen network, pretrained or not, on the videos of a target."""

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return pretraining_of(study, cell)

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        weights = [run_folder(study, before) / WEIGHTS for before in pretraining_of(study, cell)]
        return {"manifest": [manifest(study, cell.target)], "weights": weights}

    def clips(self, study: Study, cell: Cell) -> Clips:
        return finetune_clips(study, cell)

    def build(self, study: Study, cell: Cell) -> NetworkBuild:
        return finetune_build(study, cell)


class Features(OfFrozenNetwork[FeaturesSpec]):
    name = "features"
    title = "Features"
    folder = f"features/{{target}}/{RUN}"
    results = (FEATURES,)
    specification = FeaturesSpec
    message = (
        "Features of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone"
        " {wildcards.epochs}) for {wildcards.target}"
    )
    has_record = False
    axes = None

    def spec(self, study: Study, cell: Cell) -> FeaturesSpec:
        return features_spec(study, cell)

    def work(self, study: Study, cell: Cell) -> Work:
        settings, target = study.finetune(cell), study.videos(cell.target)
        estimated = target.finetuned if cell.is_scratch else 0  # one clip of each, for batch normalisation
        clips = settings.test_clips * (target.finetuned + target.test) + estimated
        return Work(clips * study.gflops(cell.backbone, settings.clip), clips)

    def run(self, job: Job[FeaturesSpec]) -> None:
        from videossl.evaluation.features import extract

        extract(
            job.spec,
            manifest=job.file("manifest"),
            weights=job.file_or_none("weights"),
            output=job.folder / FEATURES,
            compute=job.compute,
        )


def features_spec(study: Study, cell: Cell) -> FeaturesSpec:
    """Specification of a network's features for a target."""
    values = finetune_values(study, cell)
    kept = ("recipe_version", "backbone", "seed", "clip", "stride", "test_clips", "batch_size")
    own = {key: values[key] for key in kept}
    return FeaturesSpec(**own, augment=values["augment"].preparation, estimated_statistics=cell.is_scratch)


STAGE = Features()
