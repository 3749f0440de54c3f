"""Weights of a video-language model: published weights, or a small model trained here (paper, section 5.3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.stages.base import METRICS, WEIGHTS, Clips, Job
from videossl.stages.parts.builds import ModelBuild
from videossl.stages.parts.files import listing, manifest, run_folder
from videossl.stages.parts.models import MODEL_FOLDER, ModelStage
from videossl.videolanguage.settings import CLIP
from videossl.videolanguage.specs import PublishedModelSpec, TrainedModelSpec

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class VideoLanguageModel(ModelStage[PublishedModelSpec | TrainedModelSpec]):
    name = "vifm"
    title = "Video-language model"
    label = "vifm"
    folder = f"vifm/{MODEL_FOLDER}"
    results = (WEIGHTS, METRICS)
    specification = PublishedModelSpec
    message = "Weights of the video-language model {wildcards.backbone}"
    metrics = ("training_videos", "frames")
    further_metrics = ("parameters_millions",)
    is_tested = False
    axes = ("model",)
    description = "frames and training data of video-language models"

    def spec(self, study: Study, cell: Cell) -> PublishedModelSpec | TrainedModelSpec:
        recipe = study.models[cell.backbone]
        values: dict[str, Any] = {
            "recipe_version": recipe.recipe_version,
            "model": cell.backbone,
            "options": recipe.network_options(),
            "clip": recipe.clip,
            "data": recipe.data,
            "seed": cell.seed,
        }
        if study.config.vifm.training is None:
            return PublishedModelSpec(**values)
        training = study.small_models
        return TrainedModelSpec(
            **values,
            videos=training.corpora[recipe.data.name].videos,
            templates=recipe.prompts.templates,
            objective=recipe.objective,
            motion_weight=recipe.motion_weight,
            epochs=training.epochs,
            optimizer=training.optimizer.of(cell.backbone),
            augment=training.augment.model_copy(update={"mean": recipe.mean, "std": recipe.std}),
            **small_training(study),
        )

    def parse(self, values: dict[str, Any]) -> PublishedModelSpec | TrainedModelSpec:
        model = TrainedModelSpec if "epochs" in values else PublishedModelSpec
        return model.parse(values, f"the specification of a job of stage {self.name}")

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        if study.config.vifm.training is None:
            return []
        return [replace(cell.of_stage("small_clip"), backbone=CLIP, source="", subset="")]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        if study.config.vifm.training is None:
            return {}
        training = study.small_models
        (start,) = self.dependencies(study, cell)
        return {
            "manifest": [manifest(study, training.corpora[cell.source].dataset)],
            "left_out": [listing(study, name) for name in training.leave_out],
            "start": [run_folder(study, start) / WEIGHTS],
        }

    def places(self, study: Study, cell: Cell) -> dict[str, Path]:
        if study.config.vifm.training is not None:
            return {}
        found = study.published_files(cell.backbone)
        files = {"weights": found.weights, "base": found.base, "tokenizer": found.tokenizer}
        return {name: path for name, path in files.items() if path}

    def outside_files(self, study: Study, cell: Cell) -> list[Path]:
        return study.published_files(cell.backbone).files if study.config.vifm.training is None else []

    def unavailable(self, study: Study, cell: Cell) -> str:
        return study.missing_weights(cell.backbone) if study.config.vifm.training is None else ""

    def metrics_of(self, study: Study, cell: Cell) -> tuple[list[str], list[str]]:
        trained = study.config.vifm.training is not None  # published weights have no training metrics
        return list(self.metrics), [*self.further_metrics, *(("loss", "hits") if trained else ())]

    def clips(self, study: Study, cell: Cell) -> Clips | None:
        if study.config.vifm.training is None:
            return None
        training = study.small_models
        corpus = training.corpora[cell.source].dataset
        return Clips(study.models[cell.backbone].clip, None, corpus, _recipe(study, cell))

    def build(self, study: Study, cell: Cell) -> ModelBuild:
        spec = self.spec(study, cell)
        return ModelBuild(model=spec.model, options=spec.options, clip=spec.clip, where=_recipe(study, cell))

    def run(self, job: Job[PublishedModelSpec | TrainedModelSpec]) -> None:
        from videossl.videolanguage.train import import_model, train_model

        if isinstance(job.spec, TrainedModelSpec):
            train_model(
                job.spec,
                job.identity,
                manifest=job.file("manifest"),
                left_out=job.files("left_out"),
                start=job.file("start"),
                folder=job.folder,
                compute=job.compute,
            )
        else:
            import_model(
                job.spec,
                job.identity,
                weights=job.places["weights"],
                base=job.places.get("base"),
                tokenizer=job.places["tokenizer"],
                folder=job.folder,
                compute=job.compute,
            )


def _recipe(study: Study, cell: Cell) -> str:
    """The model's recipe, for messages."""
    return f"the recipe {study.config.vifm.recipes_dir}/{cell.backbone}.yaml with `vifm.recipe_overrides`"


def small_training(study: Study) -> dict[str, Any]:
    """Specification fields shared by the trainings of all small models."""
    training = study.small_models
    return {
        "subset_seed": study.config.subset_seed,
        "batch_size": training.batch_size,
        "schedule": training.schedule,
    }


STAGE = VideoLanguageModel()
