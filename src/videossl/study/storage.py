"""How many videos a study stores of each dataset, in how many files and bytes, and how many it leaves out.

Numbers of videos come from :mod:`videossl.study.inventory`; bytes from the shards that exist, otherwise from an assumed
size of a frame. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.stages.base import WEIGHTS
from videossl.stages.data import read_of
from videossl.stages.parts import files
from videossl.stages.registry import stage
from videossl.study.costs import parameters
from videossl.study.inventory import ASSUMED, videos_of

if TYPE_CHECKING:
    from videossl.data.settings import FrameFormat
    from videossl.stages.cells import Cell
    from videossl.study.config import Config
    from videossl.study.study import Study

PIXEL_BYTES = {"jpeg": 0.345, "raw": 3.0, "lz4": 2.6}
"""Bytes of a pixel by codec: measured on frames of 170 x 128 pixels, JPEG at quality 90 (docs/performance.md)."""
ASPECT = 4 / 3
RECORDS = 3e4
"""Bytes of metrics, predictions, records and log of a job."""


@dataclass(frozen=True)
class Storage:
    """What a study stores of one dataset, without noisy copies."""

    dataset: str
    listed: int
    """Videos of its lists that can be stored."""
    whole: int
    """Videos stored as those of a target: all."""
    train: int
    """Training videos stored for subsets."""
    samples: int
    """Validation videos stored to measure pretext tasks, and videos for figures alone."""
    files: int
    video_bytes: float
    """Mean size of a stored video."""
    measured: bool
    """Whether `video_bytes` is that of stored videos."""
    assumed: bool
    """Whether nothing is known of the number of videos."""
    made: float
    """Size of the files that exist, bytes."""

    @property
    def stored(self) -> int:
        """Number of stored videos; one that is stored twice counts twice."""
        return self.whole + self.train + self.samples

    @property
    def bytes(self) -> float:
        """Size of all frames in the end."""
        return self.stored * self.video_bytes

    @property
    def twice(self) -> int:
        """Videos that are stored twice: as those of a dataset that is stored as a whole, and for subsets or samples."""
        return self.train + self.samples if self.whole else 0

    @property
    def saved(self) -> int:
        """Videos that are not stored, compared with all videos of the lists."""
        return self.listed - (self.stored - self.twice)

    @property
    def saved_bytes(self) -> float:
        """Size of the frames that are not stored."""
        return self.saved * self.video_bytes


def storage_of(study: Study, name: str) -> Storage:
    """What the study stores of a dataset."""
    config, found, needed = study.config, videos_of(study.config, name), read_of(study, name)
    listed = sum(found.splits.values())
    shards = _shards(study, name)
    train = [path for path in shards if path.parent.name == "train"]
    whole = listed if needed.whole else 0
    subset_videos = min(found.train, len(train) * config.store.videos_per_shard)
    limits = {"heldout": found.heldout(config.datasets[name].validation), "shown": found.train}
    counts = {"shards": found.all / config.datasets[name].shards, "train": config.store.videos_per_shard}
    there = {path: size for path in shards if (size := _size(path))}
    videos = sum(counts[path.parent.name] for path in there)
    return Storage(
        dataset=name,
        listed=listed,
        whole=whole,
        train=subset_videos,
        samples=sum(min(limits[sample], config.heldout_videos) for sample in needed.samples),
        files=len(shards) + len(needed.subsets) + len(needed.samples),
        video_bytes=sum(there.values()) / min(videos, whole + subset_videos) if there else _assumed(config, name),
        measured=bool(there),
        assumed=found.source == ASSUMED,
        made=sum(there.values()),
    )


def storage(study: Study, datasets: Iterable[str] | None = None) -> list[Storage]:
    """What the study stores of each of its datasets, or of some of them. A combination stores no videos itself."""
    names = study.datasets if datasets is None else datasets
    return [storage_of(study, name) for name in names if not study.config.datasets[name].combine]


def frame_bytes(form: FrameFormat) -> float:
    """Assumed size of a stored frame in bytes."""
    return form.short_side**2 * ASPECT * PIXEL_BYTES[form.codec]


def mean_frames(config: Config, name: str) -> float:
    """Approximate number of frames of a dataset's videos."""
    generated = config.datasets[name].generated
    return sum(generated.frames) / 2 if generated is not None else config.datasets[name].frames


def read_mb(study: Study, cell: Cell) -> int:
    """About how many MB of stored frames the job of a cell reads: those of its target, or of its subset of a source."""
    config = study.config
    name = cell.target or cell.source
    if name not in config.datasets:
        return 0
    size = config.subsets.get(cell.subset, "all") if not cell.target else "all"
    parts = config.parts_of(name)
    videos = {part: sum(videos_of(config, part).splits.values()) for part in parts}
    total = sum(videos.values())
    frames = sum(count * mean_frames(config, part) for part, count in videos.items())
    read = min(size, total) if isinstance(size, int) else total
    return math.ceil(frames * read / max(total, 1) * frame_bytes(config.store) / 1e6)


def files_of_run(name: str) -> int:
    """Number of files that a job of a stage leaves, its log included."""
    one = stage(name)
    return len(one.outputs) + len(one.further_files) + 1


def run_bytes(study: Study, cell: Cell) -> float:
    """About how many bytes a job leaves: a pretraining its weights and the state from which it goes on, other trainings
    their weights. A state has the weights, their momentum, and what a task has besides."""
    if WEIGHTS not in stage(cell.stage).results or stage(cell.stage).of_models:
        return RECORDS
    numbers = 4 * float(parameters(study.config, cell.backbone))
    return RECORDS + (3 * numbers if cell.stage == "pretrain" else numbers)


def _assumed(config: Config, name: str) -> float:
    return mean_frames(config, name) * frame_bytes(config.store)


def _shards(study: Study, name: str) -> list[Path]:
    """The shards that the study reads of a dataset, without those of subsets and samples."""
    needed, sizes = read_of(study, name), study.config.subsets
    reports = files.shard_reports(study, name) if needed.whole else []
    largest = max((size for subset in needed.subsets if isinstance(size := sizes[subset], int)), default=0)
    reports += files.train_reports(study, name, largest)
    return [path.with_suffix(".arrow") for path in reports]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def gigabytes(size: float) -> str:
    """A size in GB (10^9 bytes), with two significant digits below 10."""
    value = size / 1e9
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def sentences(found: Iterable[Storage]) -> list[str]:
    """How much a study stores and saves, where the sizes come from, and what is stored twice."""
    found = list(found)
    listed, left_out = (sum(getattr(one, name) for one in found) for name in ("listed", "saved"))
    size, saved = (sum(getattr(one, name) for one in found) for name in ("bytes", "saved_bytes"))
    lines = [
        f"Frame stores: {listed - left_out:,} of {listed:,} videos ({gigabytes(size)} GB) are stored, in"
        f" {sum(one.files for one in found):,} files. Nothing planned reads the other {left_out:,} videos"
        f" ({gigabytes(saved)} GB), which are not stored."
    ]
    if guessed := [one.dataset for one in found if not one.measured]:
        lines.append(
            f"Sizes of {', '.join(guessed)} are assumed from the mean length of a video (`datasets.*.frames`)."
        )
    if twice := [f"{one.twice:,} videos of {one.dataset}" for one in found if one.twice]:
        lines.append(
            "Stored twice, as part of a whole dataset (a target, or a subset of all videos) and for subsets or held-out"
            f" videos: {', '.join(twice)}."
        )
    return lines
