"""Logits of a video-language model for the training clips of a target, stored for the students that it teaches.

They are computed once per model and shared by all its students.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.specs import ClassLogitsSpec, StudentClips
from videossl.stages.base import METRICS, Job
from videossl.stages.parts.models import MODEL_FOLDER, ModelTest, view_values

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class ClassLogits(ModelTest[ClassLogitsSpec]):
    name = "class_logits"
    title = "Logits of the classes"
    folder = f"class_logits/{{target}}/{MODEL_FOLDER}"
    results = ("logits.npz", METRICS)
    specification = ClassLogitsSpec
    message = "Logits of {wildcards.backbone} for the training videos of {wildcards.target}"
    further_metrics = ("top1",)
    axes = None

    def spec(self, study: Study, cell: Cell) -> ClassLogitsSpec:
        finetune = study.config.finetune
        student = StudentClips(frames=finetune.clip.frames, stride=finetune.stride, views=study.config.vifm.views)
        return ClassLogitsSpec(**view_values(study, cell), student=student)

    def places(self, study: Study, cell: Cell) -> dict[str, Path]:
        return {"root": study.dataset_folder(cell.target, "root")}

    def run(self, job: Job[ClassLogitsSpec]) -> None:
        from videossl.evaluation.class_logits import write_logits

        write_logits(
            job.spec,
            job.identity,
            weights=job.file("weights"),
            manifest=job.file("manifest"),
            root=job.places["root"],
            output=job.folder / "logits.npz",
            compute=job.compute,
        )


STAGE = ClassLogits()
