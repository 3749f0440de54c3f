"""End-to-end finetuning on a target, followed by the test on its videos (paper, section 3.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videossl.evaluation.specs import EPOCHS_RUN, FinetuneSpec, epochs_to_run
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RUN, WEIGHTS, Clips, Job, Stage, Work
from videossl.stages.parts.builds import NetworkBuild
from videossl.stages.parts.contradictions import batches_divide, precision_fits_the_device
from videossl.stages.parts.files import manifest, run_folder
from videossl.stages.parts.networks import pretraining_of
from videossl.training.flattening import CURVE_METRICS
from videossl.training.settings import by_backbone

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

VIDEO_COUNTS = tuple(f"videos_{what}" for what in ("evaluated", "trained", "missing", "broken"))


class Finetune(Stage[FinetuneSpec]):
    name = "finetune"
    title = "Finetuning"
    place = 10
    folder = f"finetune/{{target}}/{RUN}"
    results: ClassVar[tuple[str, ...]] = (WEIGHTS, PREDICTIONS, METRICS)
    further_files = ("train.jsonl",)
    specification: ClassVar[type[FinetuneSpec]] = FinetuneSpec
    message = (
        "Finetuning {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone"
        " {wildcards.epochs}) on {wildcards.target}"
    )
    runs_on = "all devices"
    kind_of_time: ClassVar[str] = "finetuning and its test"
    metrics = ("top1",)
    further_metrics: ClassVar[tuple[str, ...]] = ("top5", *VIDEO_COUNTS, EPOCHS_RUN, *CURVE_METRICS)
    axes: ClassVar[tuple[str, ...]] = (*PRETRAINING, "target")
    description = "accuracy on the target"
    baseline = True

    def spec(self, study: Study, cell: Cell) -> FinetuneSpec:
        return FinetuneSpec(**finetune_values(study, cell))

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [*pretraining_of(study, cell), *cell.partners]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        weights = [run_folder(study, before) / WEIGHTS for before in pretraining_of(study, cell)]
        return {"manifest": [manifest(study, cell.target)], "weights": weights}

    def work(self, study: Study, cell: Cell) -> Work | None:
        return finetuning_work(study, cell, study.videos(cell.target).finetuned)

    def clips(self, study: Study, cell: Cell) -> Clips:
        return finetune_clips(study, cell)

    def stop_epoch(self, study: Study, cell: Cell) -> int | None:
        return epochs_of(study, cell, study.videos(cell.target).finetuned)

    def check(self, study: Study, cell: Cell) -> None:
        finetune, where = study.finetune(cell), "the configuration's `finetune`"
        finetune.optimizer.of(cell.backbone)  # UserError if there is no value for the backbone
        values = finetune_values(study, cell)
        batches_divide(study, cell, where, values["batch_size"], values["accumulation_steps"], "all")
        precision_fits_the_device(study, finetune.precision, where)

    def build(self, study: Study, cell: Cell) -> NetworkBuild:
        return finetune_build(study, cell)

    def run(self, job: Job[FinetuneSpec]) -> None:
        from videossl.evaluation.finetune import finetune

        finetune(
            job.spec,
            job.identity,
            manifest=job.file("manifest"),
            weights=job.file_or_none("weights"),
            folder=job.folder,
            compute=job.compute,
            teachers=job.files("teachers"),
        )


def finetuning_work(study: Study, cell: Cell, videos: int) -> Work:
    """Work of a finetuning on `videos` training videos, and of its test."""
    settings, target = study.finetune(cell), study.videos(cell.target)
    train, test = epochs_of(study, cell, videos) * videos, settings.test_clips * target.test
    own = study.gflops(cell.backbone, settings.clip)
    networks = [teacher for teacher in cell.partners if not teacher.teaches_by_logits]
    teachers = sum(study.gflops(teacher.backbone, settings.clip) for teacher in networks)
    # A training step costs three forward passes, since a backward pass costs two.
    return Work(train * (3 * own + teachers) + test * own, train + test)


def epochs_of(study: Study, cell: Cell, videos: int) -> int:
    """Epochs of a finetuning on about so many training videos."""
    settings = study.config.finetune
    batch = by_backbone(settings.batch_size, cell.backbone, "finetune.batch_size")
    return epochs_to_run(settings.epochs, least_steps(study, cell), videos // max(1, min(batch, videos)))


def least_steps(study: Study, cell: Cell) -> int:
    """The least number of steps of a finetuning: the target's, else the backbone's."""
    steps = study.config.finetune.min_steps
    if isinstance(steps, dict) and cell.target in steps:
        return steps[cell.target]
    return by_backbone(steps, cell.backbone, "finetune.min_steps")


def finetune_values(study: Study, cell: Cell) -> dict[str, Any]:
    """Fields of the specification of a finetuning."""
    finetune = study.finetune(cell)
    values = {name: getattr(finetune, name) for name in type(finetune).model_fields}
    return {
        **values,
        "backbone": study.backbone(cell),
        "seed": cell.seed,
        "optimizer": finetune.optimizer.of(cell.backbone),
        "min_steps": least_steps(study, cell),
        "batch_size": by_backbone(finetune.batch_size, cell.backbone, "finetune.batch_size"),
        "accumulation_steps": by_backbone(finetune.accumulation_steps, cell.backbone, "finetune.accumulation_steps"),
    }


def finetune_clips(study: Study, cell: Cell) -> Clips:
    """The clips of finetuning, which all evaluations of its networks share."""
    finetune = study.finetune(cell)
    return Clips(finetune.clip, finetune.augment, cell.target, _where(study, cell))


def finetune_build(study: Study, cell: Cell) -> NetworkBuild:
    """The network with the clip shape of `finetune`, to test that it can be built."""
    where = f"the configuration's `finetune.clip`, and its `backbones.{cell.backbone}`"
    if cell.backbone in study.architectures:
        where = _where(study, cell)
    return NetworkBuild(backbone=study.backbone(cell), clip=study.finetune(cell).clip, where=where)


def _where(study: Study, cell: Cell) -> str:
    """The settings of the clips of a cell's network, for messages."""
    if cell.backbone not in study.architectures:
        return "the configuration's `finetune`"
    return f"the configuration's `published`, the input of {cell.backbone}"


STAGE = Finetune()
