"""Finetuning with a few labelled videos of each class (not in the paper; SEVERE-benchmark has the same axis)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.evaluation.specs import SHORT_CLASSES, LowShotSpec
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RECORD, RUN, Job, RunsOn, Work
from videossl.stages.finetune import Finetune, epochs_of, finetune_values, finetuning_work
from videossl.stages.parts.files import run_folder

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

ALL = "all"
"""All labels: the results of the finetuning, which is not run again."""


class LowShot(Finetune):
    name = "low_shot"
    title = "Low-shot finetuning"
    place = 15
    folder = f"low_shot/{{target}}/{RUN}/labels{{labels}}"
    results = (PREDICTIONS, METRICS)
    specification = LowShotSpec
    message = (
        "Finetuning {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone"
        " {wildcards.epochs}) on {wildcards.labels} labelled videos a class of {wildcards.target}"
    )
    further_metrics = (*Finetune.further_metrics, SHORT_CLASSES)
    axes = (*PRETRAINING, "target", "labels")
    description = "finetuning with a few labelled videos of each class"

    def spec(self, study: Study, cell: Cell) -> LowShotSpec:
        values = {**finetune_values(study, cell), "labels": ALL if cell.labels == ALL else int(cell.labels)}
        return LowShotSpec(**values)

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("finetune")] if cell.labels == ALL else super().dependencies(study, cell)

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        if cell.labels != ALL:
            return super().inputs(study, cell)
        finetuned = run_folder(study, cell.of_stage("finetune"))
        return {"finetuned": [finetuned / name for name in (METRICS, PREDICTIONS, RECORD)]}

    def work(self, study: Study, cell: Cell) -> Work | None:
        return None if cell.labels == ALL else finetuning_work(study, cell, _labelled(study, cell))

    def stop_epoch(self, study: Study, cell: Cell) -> int | None:
        return None if cell.labels == ALL else epochs_of(study, cell, _labelled(study, cell))

    def devices_of(self, cell: Cell) -> RunsOn:
        return "cpu" if cell.labels == ALL else self.runs_on

    def kind_of_work(self, study: Study, cell: Cell) -> dict[str, Any]:
        return {**super().kind_of_work(study, cell), "trains": cell.labels != ALL}

    def run(self, job: Job[LowShotSpec]) -> None:  # type: ignore[override]
        if job.spec.labels != ALL:
            super().run(job)  # type: ignore[arg-type]
            return
        from videossl.evaluation.relabel import take_over

        metrics, predictions, record = job.files("finetuned")
        take_over(job.spec, job.identity, metrics=metrics, predictions=predictions, record=record, folder=job.folder)


def _labelled(study: Study, cell: Cell) -> int:
    """Number of labelled training videos, at most: the number of classes is known of generated datasets alone."""
    target, generated = study.videos(cell.target), study.config.datasets[cell.target].generated
    return min(int(cell.labels) * generated.classes, target.finetuned) if generated else target.finetuned


STAGE = LowShot()
