"""The small CLIP that initialises small video-language models, as CLIP initialised the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.stages.base import WEIGHTS, Clips, Job
from videossl.stages.parts.files import listing, manifest
from videossl.stages.parts.models import ModelStage
from videossl.stages.vifm import small_training
from videossl.videolanguage.settings import CLIP
from videossl.videolanguage.specs import SmallClipSpec

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class SmallClip(ModelStage[SmallClipSpec]):
    name = "small_clip"
    title = "Small CLIP"
    folder = "vifm/clip/seed{seed}"
    results = (WEIGHTS,)
    axes = None
    specification = SmallClipSpec
    message = "Training the small CLIP that video-language models start from"

    def spec(self, study: Study, cell: Cell) -> SmallClipSpec:
        training, recipe = study.small_models, study.models[CLIP]
        # Its vocabulary covers the prompts of all models.
        templates = [template for model in study.models.values() for template in model.prompts.templates]
        optimizer = training.optimizer.model_copy(update={"lr": training.clip.lr})
        return SmallClipSpec(
            recipe_version=recipe.recipe_version,
            options=recipe.network_options(),
            clip=recipe.clip.model_copy(update={"frames": training.clip.frames}),
            seed=cell.seed,
            videos=training.clip.videos,
            templates=list(dict.fromkeys(templates)),
            epochs=training.clip.epochs,
            optimizer=optimizer.of(CLIP),
            augment=training.augment.model_copy(update={"mean": recipe.mean, "std": recipe.std}),
            **(small_training(study) | {"batch_size": training.clip.batch_size}),
        )

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        training = study.small_models
        left_out = [listing(study, name) for name in training.leave_out]
        return {"manifest": [manifest(study, training.clip.dataset)], "left_out": left_out}

    def clips(self, study: Study, cell: Cell) -> Clips:
        training = study.small_models
        shape = study.models[CLIP].clip.model_copy(update={"frames": training.clip.frames})
        return Clips(shape, None, training.clip.dataset, "the configuration's `vifm.training`")

    def run(self, job: Job[SmallClipSpec]) -> None:
        from videossl.videolanguage.start import train_start

        train_start(
            job.spec,
            manifest=job.file("manifest"),
            left_out=job.files("left_out"),
            folder=job.folder,
            compute=job.compute,
        )


STAGE = SmallClip()
