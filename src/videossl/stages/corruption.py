"""Corruption: test of finetuned networks on corrupted videos, scored by group as Schiappa et al. 2023 do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.ranges import Version
from videossl.common.specification import Specification
from videossl.data.settings import ALL_CORRUPTIONS, CORRUPTIONS, SEVERITIES
from videossl.data.specs import CorruptedSpec
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RUN, WEIGHTS, Job, Stage, Work
from videossl.stages.corrupted import LEVELS, WITHOUT, copies, corrupted_cell, corrupted_manifest
from videossl.stages.parts.files import run_folder
from videossl.stages.registry import stage

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

KINDS = tuple(kind for kinds in CORRUPTIONS.values() for kind in kinds)
GROUPS = {**{group: list(kinds) for group, kinds in CORRUPTIONS.items()}, ALL_CORRUPTIONS: list(KINDS)}


class CorruptionSpec(Specification):
    """Test on corrupted videos; the network and its test settings are an input."""

    recipe_version: Version = 1
    corrupted: list[CorruptedSpec]
    groups: dict[str, list[str]]


class Corruption(Stage[CorruptionSpec]):
    name = "corruption"
    title = "Corruption"
    place = 45
    folder = f"corruption/{{target}}/{RUN}"
    results = (PREDICTIONS, METRICS)
    specification = CorruptionSpec
    message = (
        "Test of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone"
        " {wildcards.epochs}) on corrupted {wildcards.target}"
    )
    metrics = ("gamma_a",)  # defined whatever the accuracy without corruption is, which few videos may make 0
    further_metrics = ("top1", "clean_top1", "relative_decrease", "gamma_r")
    axes = (*PRETRAINING, "target", "noise", "severity")
    conditions = (*KINDS, *GROUPS)
    description = "finetuned networks on corrupted test videos"
    baseline = True
    kind_of_time = "testing on corrupted videos"

    def spec(self, study: Study, cell: Cell) -> CorruptionSpec:
        made = stage("corrupted")
        corrupted = [made.spec(study, corrupted_cell(cell.target, kind)) for kind in KINDS]
        return CorruptionSpec(corrupted=corrupted, groups=GROUPS)

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("finetune"), *(corrupted_cell(cell.target, kind) for kind in KINDS)]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {
            "weights": [run_folder(study, cell.of_stage("finetune")) / WEIGHTS],
            "clean": [corrupted_manifest(study, cell.target, KINDS[0], WITHOUT)],
            "corrupted": [
                corrupted_manifest(study, cell.target, kind, severity) for kind in KINDS for severity in SEVERITIES
            ],
        }

    def work(self, study: Study, cell: Cell) -> Work:
        settings, sets = study.finetune(cell), len(KINDS) * len(SEVERITIES) + 1
        clips = settings.test_clips * sets * copies(study, cell.target)
        return Work(clips * study.gflops(cell.backbone, settings.clip), clips)

    def run(self, job: Job[CorruptionSpec]) -> None:
        from videossl.evaluation.robustness import robustness

        conditions = [(kind, severity) for kind in KINDS for severity in LEVELS[1:]]
        robustness(
            job.spec,
            job.identity,
            weights=job.file("weights"),
            noiseless=job.file("clean"),
            noisy=dict(zip(conditions, job.files("corrupted"), strict=True)),
            groups=job.spec.groups,
            folder=job.folder,
            compute=job.compute,
        )


STAGE = Corruption()
