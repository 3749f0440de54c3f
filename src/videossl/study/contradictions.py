"""Detects values of a configuration that are valid by themselves but contradict each other, before the first job.

Jobs check the same, as they can be started by hand with other values; here nothing has been trained yet. Does not
import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from videossl.common.errors import UserError
from videossl.stages.base import Clips
from videossl.stages.cells import Cell
from videossl.stages.data import noisy_datasets, read_of
from videossl.stages.registry import stage
from videossl.study.costs import job_seconds
from videossl.study.inventory import GENERATED, Videos
from videossl.study.study import Study

LONGEST_PART = 200
"""Longest folder name in bytes; file systems allow 255, and some files beside it have longer names."""


def check_contradictions(study: Study) -> None:
    """Raise UserError for the first contradiction."""
    _paths_differ(study.all_cells)
    _shards_have_videos(study)
    for cell in {(cell.stage, cell.task, cell.complexity, cell.backbone): cell for cell in study.all_cells}.values():
        job_seconds(cell, study)  # every number that may differ by backbone has a value for the cell's
    for cell in study.all_cells:
        stage(cell.stage).check(study, cell)
    for clips in study.planned_clips:
        _videos_fill(study, clips)


def _paths_differ(cells: Iterable[Cell]) -> None:
    """Every cell has its own folder, with a name that file systems allow."""
    counts = Counter(cell.path.lower() for cell in set(cells))
    for path, count in counts.items():
        if count > 1:
            raise UserError(
                f"{count} different cells of the study would have the folder {path}: the names that it consists of"
                " are ambiguous when joined, or differ only in case. Rename one of the datasets, subsets or variants."
            )
        if long := [part for part in path.split("/") if len(part.encode()) > LONGEST_PART]:
            raise UserError(
                f"a cell's folder would be called {long[0]}, which has more than {LONGEST_PART} characters: choose"
                " shorter names of datasets, subsets or variants, or name fewer axes in `teachers` or `against`."
            )


def _shards_have_videos(study: Study) -> None:
    """No frame store has more files than videos, as far as their number is known."""
    for name in study.datasets:
        found, shards = study.videos(name), study.config.datasets[name].shards
        if _is_known(found) and read_of(study, name).whole and shards > found.all:
            raise UserError(_too_many(f"datasets.{name}.shards", shards, found.all, "videos", name))
    for name in noisy_datasets(study):
        found, shards = study.videos(name), study.config.noise.shards
        if _is_known(found) and shards > found.test:
            raise UserError(_too_many("noise.shards", shards, found.test, "test videos", name))


def _is_known(videos: Videos) -> bool:
    return videos.counted or videos.source == GENERATED


def _too_many(key: str, shards: int, count: int, videos: str, dataset: str) -> str:
    return (
        f"the configuration's `{key}` is {shards}, and {dataset} has {count} {videos}: some files of the frame store"
        f" would be empty. Set it to 1 to {count}."
    )


def _videos_fill(study: Study, clips: Clips) -> None:
    """A clip has no more frames than the longest video that it is cut from, as far as lengths are known.

    Shorter videos are repeated from their beginning to fill a clip. If all of them are, longer clips show nothing new.
    """
    longest, frames = study.longest_video(clips.dataset), clips.shape.frames
    if longest is not None and frames > longest:
        generated = study.config.datasets[clips.dataset].generated is not None
        raise UserError(
            f"{clips.where}: clip.frames is {frames}, and the longest video of {clips.dataset} has {longest} frames:"
            f" every clip would repeat the whole video. Set clip.frames to {longest} or less"
            + (f", or raise `datasets.{clips.dataset}.generated.frames`." if generated else ".")
        )
