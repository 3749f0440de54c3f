"""Zero-shot test of a video-language model: it recognises classes from their names (paper, section 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.evaluation.specs import ZeroShotSpec
from videossl.stages.base import METRICS, PREDICTIONS, Job
from videossl.stages.parts.models import MODEL_FOLDER, ModelTest, view_values

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

OFFICIAL_SPLITS = {"ucf101": [1, 2, 3], "hmdb51": [1, 2, 3]}
"""Official train/test splits by reader; zero-shot accuracy is their mean."""


class ZeroShot(ModelTest[ZeroShotSpec]):
    name = "zero_shot"
    title = "Zero-shot classification"
    label = "zero-shot"
    place = 50
    folder = f"zero_shot/{{target}}/{MODEL_FOLDER}"
    results = (PREDICTIONS, METRICS)
    specification = ZeroShotSpec
    message = "Zero-shot accuracy of {wildcards.backbone} on {wildcards.target}"
    metrics = ("top1",)
    axes = ("model", "target")
    description = "accuracy of video-language models on a target without training on it"

    def spec(self, study: Study, cell: Cell) -> ZeroShotSpec:
        return ZeroShotSpec(
            **view_values(study, cell),
            reader=_reader(study, cell),
            splits=OFFICIAL_SPLITS.get(_reader(study, cell), []),
        )

    def places(self, study: Study, cell: Cell) -> dict[str, Path]:
        return {kind: study.dataset_folder(cell.target, kind) for kind in ("root", "annotations")}

    def metrics_of(self, study: Study, cell: Cell) -> tuple[list[str], list[str]]:
        splits = OFFICIAL_SPLITS.get(_reader(study, cell), [])
        return list(self.metrics), [f"split{number}_top1" for number in splits]

    def run(self, job: Job[ZeroShotSpec]) -> None:
        from videossl.evaluation.zero_shot import evaluate

        evaluate(
            job.spec,
            job.identity,
            weights=job.file("weights"),
            manifest=job.file("manifest"),
            root=job.places["root"],
            annotations=job.places["annotations"],
            folder=job.folder,
            compute=job.compute,
        )


def _reader(study: Study, cell: Cell) -> str:
    return str(study.config.datasets[cell.target].reader)


STAGE = ZeroShot()
