"""Attentive probe: attention with a learned query over the frozen feature map, then a classifier (as V-JEPA does)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from videossl.common.ranges import Count, Few, NotNegative, Once, Positive, Version
from videossl.common.specification import Specification
from videossl.common.strict import Strict
from videossl.evaluation.specs import FeaturesSpec
from videossl.stages.base import METRICS, PREDICTIONS, PRETRAINING, RUN, Job, Work
from videossl.stages.features import OfFrozenNetwork, features_spec
from videossl.stages.parts.contradictions import has_validation

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study

LEARNING_RATE = "learning_rate"


class AttentiveProbe(Strict):
    """Attention over the positions of the frozen feature map (Bardes et al. 2024, V-JEPA)."""

    # V-JEPA's released configurations train at 1e-3 (configs/evals); V-JEPA 2 tries several rates and keeps the best.
    rates: Annotated[list[Positive], Once] = Field(
        [1e-4, 3e-4, 1e-3, 3e-3],
        min_length=1,
        description="candidates for AdamW's learning rate, which falls to 0 along a cosine; the best on validation"
        " videos is used",
    )
    weight_decay: NotNegative = Field(0.01, description="AdamW's weight decay")
    queries: Few = Field(1, description="learned queries; the classifier reads the mean of their outputs")
    epochs: Count = Field(20, description="passes over all clips of the training videos")
    batch_size: Count = Field(64, description="clips a step")
    train_clips: Few = Field(4, description="evenly spaced clips of a training video")


class AttentiveProbeSpec(AttentiveProbe, Specification):
    """Every setting that affects the result; the weights of the frozen network are an input."""

    recipe_version: Version = 1
    features: FeaturesSpec


class Attentive(OfFrozenNetwork[AttentiveProbeSpec]):
    name = "attentive_probe"
    title = "Attentive probe"
    place = 22
    folder = f"attentive_probe/{{target}}/{RUN}"
    results = (PREDICTIONS, METRICS)
    specification = AttentiveProbeSpec
    settings = AttentiveProbe
    message = (
        "Attentive probe of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset},"
        " milestone {wildcards.epochs}) on {wildcards.target}"
    )
    metrics = ("top1",)
    further_metrics = ("top5", "validation_top1", LEARNING_RATE)
    axes = (*PRETRAINING, "target")
    description = "accuracy of attention over the frozen feature map"
    baseline = True

    def spec(self, study: Study, cell: Cell) -> AttentiveProbeSpec:
        return AttentiveProbeSpec(features=features_spec(study, cell), **self.settings_in(study).model_dump())

    def work(self, study: Study, cell: Cell) -> Work:
        """Of the frozen network, which runs once on each clip. The probe's own passes cost a fraction of that."""
        own, clip, target = self.settings_in(study), study.finetune(cell).clip, study.videos(cell.target)
        estimated = target.finetuned if cell.is_scratch else 0  # one clip of each, for batch normalisation
        clips = own.train_clips * target.finetuned + study.config.finetune.test_clips * target.test + estimated
        return Work(clips * study.gflops(cell.backbone, clip), clips)

    def check(self, study: Study, cell: Cell) -> None:
        has_validation(study, cell, "attentive probing chooses its learning rate")

    def run(self, job: Job[AttentiveProbeSpec]) -> None:
        from videossl.evaluation.attentive_probe import attentive_probe

        attentive_probe(
            job.spec,
            job.identity,
            manifest=job.file("manifest"),
            weights=job.file_or_none("weights"),
            folder=job.folder,
            compute=job.compute,
        )


STAGE = Attentive()
