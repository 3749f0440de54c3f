"""Corrupted test videos of a target: one corruption at every severity, for all networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.data.settings import SEVERITIES, Corruptions
from videossl.data.specs import DATA_VERSION, CorruptedSpec
from videossl.stages.base import Job, Stage, Work
from videossl.stages.cells import Cell
from videossl.stages.parts.files import manifest, run_folder

if TYPE_CHECKING:
    from videossl.study.study import Study

WITHOUT, LEVELS = 0, (0, *SEVERITIES)
"""The copy without corruption, and all copies."""
FRAMES_PER_CLIP = 16  # of the clips that `compute.speed` counts


class Corrupted(Stage[CorruptedSpec]):
    name = "corrupted"
    title = "Corrupted test videos"
    folder = "corrupted/{target}/{complexity}"
    results = tuple(f"severity{level}/{file}" for level in LEVELS for file in ("manifest.parquet", "shards/0000.arrow"))
    specification = CorruptedSpec
    settings = Corruptions
    message = "Test videos of {wildcards.target} with the corruption {wildcards.complexity}"
    has_record = False
    runs_on = "cpu"
    axes = None
    kind_of_time = "testing on corrupted videos"

    def spec(self, study: Study, cell: Cell) -> CorruptedSpec:
        form = study.config.store.model_dump(exclude={"videos_per_shard"})
        own = self.settings_in(study).model_dump()
        return CorruptedSpec(data_version=DATA_VERSION, kind=cell.complexity, severities=list(LEVELS), **form, **own)

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        return {"manifest": [manifest(study, cell.target)]}

    def work(self, study: Study, cell: Cell) -> Work:
        """As if its frames were loaded, though some corruptions take longer."""
        frames = copies(study, cell.target) * len(LEVELS) * study.config.datasets[cell.target].frames
        return Work(0.0, frames / FRAMES_PER_CLIP)

    def run(self, job: Job[CorruptedSpec]) -> None:
        from videossl.data.corrupted import write_corrupted

        write_corrupted(job.spec, job.file("manifest"), job.folder)


def corrupted_cell(target: str, kind: str) -> Cell:
    """The cell of a target's test videos with one corruption, which is in the place of a variant."""
    return Cell("corrupted", "", kind, "", "", "", 0, target, "", 0)


def corrupted_manifest(study: Study, target: str, kind: str, severity: int) -> Path:
    """Manifest of a target's test videos with one corruption; severity 0: without it."""
    return run_folder(study, corrupted_cell(target, kind)) / f"severity{severity}/manifest.parquet"


def copies(study: Study, target: str) -> int:
    """Number of test videos of a target that are corrupted, about."""
    videos, test = STAGE.settings_in(study).videos, study.videos(target).test
    return test if videos == "all" else min(videos, test)


STAGE = Corrupted()
