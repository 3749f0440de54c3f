"""Robustness: test of finetuned networks on noisy videos (paper, section 4.4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.data.settings import MEAN, NOISELESS, NOISES
from videossl.evaluation.specs import RobustnessSpec
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RUN, WEIGHTS, Job, Stage, Work
from videossl.stages.data import noise_spec
from videossl.stages.parts.files import noiseless_manifest, noisy_manifests, run_folder

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


class Robustness(Stage[RobustnessSpec]):
    name = "robustness"
    title = "Robustness"
    folder = f"robustness/{{target}}/{RUN}"
    results = (PREDICTIONS, METRICS)
    specification = RobustnessSpec
    message = (
        "Robustness of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone"
        " {wildcards.epochs}) on noisy {wildcards.target}"
    )
    metrics = ("relative_decrease",)
    further_metrics = ("top1", "clean_top1", "gamma_a", "gamma_r")
    axes = (*PRETRAINING, "target", "noise", "severity")
    conditions = (*NOISES, MEAN)
    description = "finetuned networks on noisy test videos"
    baseline = True
    kind_of_time = "testing on noisy videos"

    def spec(self, study: Study, cell: Cell) -> RobustnessSpec:
        return RobustnessSpec(noise=noise_spec(study.config))

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("finetune")]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {
            "weights": [run_folder(study, cell.of_stage("finetune")) / WEIGHTS],
            "noiseless": [noiseless_manifest(study, cell.target)],
            "noisy": noisy_manifests(study, cell.target),
        }

    def work(self, study: Study, cell: Cell) -> Work:
        settings = study.finetune(cell)
        videos = sum(study.noisy_videos(cell.target, noise) for noise in (NOISELESS, *NOISES))
        clips = settings.test_clips * videos
        return Work(clips * study.gflops(cell.backbone, settings.clip), clips)

    def run(self, job: Job[RobustnessSpec]) -> None:
        from videossl.evaluation.robustness import robustness

        robustness(
            job.spec,
            job.identity,
            weights=job.file("weights"),
            noiseless=job.file("noiseless"),
            # .../<noise>/<severity>/manifest.parquet
            noisy={(path.parent.parent.name, int(path.parent.name)): path for path in job.files("noisy")},
            folder=job.folder,
            compute=job.compute,
        )


STAGE = Robustness()
