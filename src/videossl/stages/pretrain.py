"""Pretraining on a pretext task: one job per milestone, each continuing the previous one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.common.errors import UserError
from videossl.stages.base import METRICS, PRETRAINING, RUN, WEIGHTS, Clips, Job, Stage, Work
from videossl.stages.parts.builds import TaskBuild
from videossl.stages.parts.contradictions import batches_divide, precision_fits_the_device
from videossl.stages.parts.files import described, heldout, run_folder, subset
from videossl.training.settings import by_backbone
from videossl.training.specs import COLLAPSE_METRICS, PretrainSpec

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

STATE = "state.pt"


class Pretrain(Stage[PretrainSpec]):
    name = "pretrain"
    title = "Pretraining"
    folder = f"pretrain/{RUN}"
    results = (WEIGHTS, STATE, METRICS)
    further_files = ("checkpoint.pt", "train.jsonl")
    specification = PretrainSpec
    message = (
        "Pretraining {wildcards.variant} with {wildcards.backbone} on {wildcards.source} {wildcards.subset} to"
        " milestone {wildcards.epochs}"
    )
    runs_on = "all devices"
    kind_of_time = "pretraining"
    further_metrics = ("loss", *COLLAPSE_METRICS)
    protocol = "pretext"
    axes = PRETRAINING
    description = "the pretext task's own metrics on held-out videos"

    def spec(self, study: Study, cell: Cell) -> PretrainSpec:
        config, recipe = study.config, study.recipes[cell.task]
        return PretrainSpec(
            recipe_version=recipe.recipe_version,
            task=cell.task,
            options=recipe.task_options(cell.complexity, cell.source),
            backbone=study.backbone(cell),
            seed=cell.seed,
            epochs=config.epochs_of(cell.backbone, max(config.epochs)),
            stop=self.stop_epoch(study, cell),
            clip=recipe.clip,
            augment=recipe.augment,
            optimizer=recipe.optimizer.of(cell.backbone),
            batch_size=recipe.videos_a_step(cell.complexity, cell.backbone),
            accumulation_steps=by_backbone(recipe.accumulation_steps, cell.backbone, "accumulation_steps"),
            precision=recipe.precision,
            reference_batch_size=recipe.reference_batch_size,
            schedule=recipe.schedule,
            heldout_videos=config.heldout_videos,
        )

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        before = study.previous(cell)
        return [before] if before else []

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {
            "subset": described(subset(study, cell.source, cell.subset)),
            "heldout": described(heldout(study, cell.source)),
            "previous": [run_folder(study, before) / STATE for before in self.dependencies(study, cell)],
        }

    def metrics_of(self, study: Study, cell: Cell) -> tuple[list[str], list[str]]:
        return list(study.recipes[cell.task].metrics), list(self.further_metrics)

    def work(self, study: Study, cell: Cell) -> Work:
        config = study.config
        video = study.work_of_task(cell)
        source, size = study.videos(cell.source), config.subsets[cell.subset]
        # A subset cannot be larger than the source, if the source's size is known.
        videos = source.train if size == "all" else size if source.is_assumed else min(size, source.train)
        heldout = min(config.heldout_videos, source.heldout(config.datasets[cell.source].validation))
        before = study.previous(cell)
        epochs = self.stop_epoch(study, cell) - (self.stop_epoch(study, before) if before else 0)
        # Held-out videos cost one forward pass each, a third of a training step. Their features, one clip of at most
        # COLLAPSE_VIDEOS, are within the head-room.
        return Work(video.gflops * (epochs * videos + heldout / 3), video.clips * (epochs * videos + heldout))

    def clips(self, study: Study, cell: Cell) -> Clips:
        recipe = study.recipes[cell.task]
        where = f"{study.config.recipes_dir}/{cell.task}.yaml (with recipe_overrides)"
        return Clips(recipe.clip, recipe.augment, cell.source, where)

    def parallel_key(self, cell: Cell) -> str:
        return cell.task

    def stop_epoch(self, study: Study, cell: Cell) -> int:
        return study.config.epochs_of(cell.backbone, cell.epochs)

    def check(self, study: Study, cell: Cell) -> None:
        recipe = study.recipes[cell.task]
        where = f"the recipe of {cell.task} (with recipe_overrides)"
        recipe.optimizer.of(cell.backbone)  # UserError if there is no value for the backbone
        _enough_is_generated(study, cell)
        batches_divide(
            study,
            cell,
            where,
            recipe.videos_a_step(cell.complexity, cell.backbone),
            by_backbone(recipe.accumulation_steps, cell.backbone, "accumulation_steps"),
            study.config.subsets[cell.subset],
        )
        precision_fits_the_device(study, recipe.precision, f"the recipe of {cell.task}")

    def build(self, study: Study, cell: Cell) -> TaskBuild:
        recipe = f"{study.config.recipes_dir}/{cell.task}.yaml with the configuration's recipe_overrides"
        spec = self.spec(study, cell)
        task = spec.task_alone.model_copy(update={"seed": 0})  # networks of all seeds have the same shape
        return TaskBuild(
            task=task,
            clip=spec.clip,
            source=cell.source,
            longest_video=study.longest_video(cell.source),
            where=f"the recipe {recipe}, and its `backbones.{cell.backbone}`",
        )

    def kind_of_work(self, study: Study, cell: Cell) -> dict[str, Any]:
        spec = self.spec(study, cell).values
        return {key: spec[key] for key in ("task", "options", "clip")}

    def run(self, job: Job[PretrainSpec]) -> None:
        from videossl.training.pretrain import pretrain

        pretrain(
            job.spec,
            job.identity,
            subset=job.files("subset")[0],
            heldout=job.files("heldout")[0],
            folder=job.folder,
            previous=job.file_or_none("previous"),
            compute=job.compute,
        )


def _enough_is_generated(study: Study, cell: Cell) -> None:
    """Raise UserError if a subset is larger than the number of videos generated for its source."""
    size, parts = study.config.subsets[cell.subset], study.config.parts_of(cell.source)
    designs = [study.config.datasets[part].generated for part in parts]
    generated = [design for design in designs if design is not None]
    if len(generated) < len(parts) or size == "all":
        return
    most = sum(design.classes * design.videos["train"] for design in generated)
    if size > most:
        sums = " + ".join(f"{design.classes} classes x {design.videos['train']}" for design in generated)
        keys = " and ".join(f"`datasets.{part}.generated`" for part in parts)
        raise UserError(
            f"the configuration's `subsets.{cell.subset}` is {size}, and {keys} {'has' if len(parts) == 1 else 'have'}"
            f" {most} training videos ({sums}): set it to 1 to {most}, or generate more."
        )


STAGE = Pretrain()
