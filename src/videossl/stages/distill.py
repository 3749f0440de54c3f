"""Finetuning with teachers: multi-teacher distillation (paper, section 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.errors import UserError
from videossl.evaluation.specs import DistillationSpec, DistillSpec
from videossl.stages.base import PRETRAINING, RUN, WEIGHTS
from videossl.stages.finetune import Finetune, finetune_values
from videossl.stages.parts.files import run_folder
from videossl.stages.parts.models import model_cell
from videossl.stages.parts.networks import MODEL, changed, in_order

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.config import Grid
    from videossl.study.config.experiments import Change
    from videossl.study.study import Study


class Distill(Finetune):
    name = "distill"
    title = "Distillation"
    place = 40
    folder = f"distill/{{target}}/{RUN}/from_{{teachers}}"
    specification = DistillSpec
    message = (
        "Distilling {wildcards.teachers} into {wildcards.variant} with {wildcards.backbone} ({wildcards.source}"
        " {wildcards.subset}, milestone {wildcards.epochs}) on {wildcards.target}"
    )
    axes = (*PRETRAINING, "target", "teachers")
    description = "finetuning with teachers"
    further_axes = ("pairs",)
    allows_scratch = True
    baseline = False
    plot = "distillation"
    kind_of_time = "distillation and its test"

    def spec(self, study: Study, cell: Cell) -> DistillSpec:
        settings = DistillationSpec(**study.config.distillation.model_dump())
        views = study.config.vifm.views if cell.taught_by_models else None
        return DistillSpec(**finetune_values(study, cell), distillation=settings, views=views)

    def with_partners(self, study: Study, grid: Grid, cell: Cell) -> Iterator[Cell]:
        for changes in grid.all_teachers:
            teachers = tuple(_teacher(study, cell, change) for change in changes)
            names = "+".join("-".join(map(str, in_order(change).values())) for change in changes)
            yield replace(cell, teachers=names, partners=teachers)

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        teachers = [
            run_folder(study, teacher) / ("logits.npz" if teacher.teaches_by_logits else WEIGHTS)
            for teacher in cell.partners
        ]
        return {**super().inputs(study, cell), "teachers": teachers}

    def check(self, study: Study, cell: Cell) -> None:
        super().check(study, cell)
        distillation, augment = study.config.distillation, study.finetune(cell).augment
        least = 1 / len(cell.partners)
        if distillation.weighting == "aekd" and distillation.max_weight < least:
            raise UserError(
                f"the configuration's `distillation.max_weight` is {distillation.max_weight}, and a student has"
                f" {len(cell.partners)} teachers: set it to {least:.4g} (their mean) to 1."
            )
        if cell.taught_by_models and (augment.crop != "center" or augment.flip or augment.rotation):
            raise UserError(
                "the students' augmentation changes the crops, and video-language models as teachers have seen the"
                " centre crops of the training clips. Set crop: center, flip: 0 and rotation: 0 in the configuration's"
                " `vifm.student_augment` (without it: `finetune.augment`)."
            )


def _teacher(study: Study, cell: Cell, change: Change) -> Cell:
    """The teacher's cell: a finetuned network, or the logits of a video-language model for the target's videos."""
    if MODEL in change:
        return model_cell(study, "class_logits", str(change[MODEL]), cell.target, cell.seed)
    return changed(study, cell, change)


STAGE = Distill()
