"""Number of videos of a dataset: from its manifest or listing, else from the configuration.

Used for estimates of time and disk space. Every job on a cluster parses the workflow and may need them, so each process
reads a file once, and only for datasets whose number is not known otherwise. Does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from videossl.common.errors import UserError
from videossl.common.intact import read_table
from videossl.study.config import Config

GENERATED, STORED, LISTED, CONFIGURED, ASSUMED = "generated", "manifest", "listing", "configured", "assumed"
"""Sources of the numbers."""
ASSUMPTION = {"train": 20000, "test": 5000}
"""Numbers assumed for a dataset about which nothing is known."""
_FILES = {STORED: "manifest.parquet", LISTED: "listing.parquet"}


@dataclass(frozen=True)
class Videos:
    """Usable videos per split, the source of the numbers, and the total number of videos to store."""

    splits: Mapping[str, int]
    source: str
    all: int

    @property
    def counted(self) -> bool:
        """Whether the videos themselves were counted."""
        return self.source in (STORED, LISTED)

    @property
    def is_assumed(self) -> bool:
        """Whether nothing is known."""
        return self.source == ASSUMED

    @property
    def train(self) -> int:
        """Videos of the training split, from which subsets are taken."""
        return self.splits.get("train", 0)

    @property
    def test(self) -> int:
        """Videos of the split that evaluations use: `test`, or `val` if there is none."""
        return self.splits.get("test") or self.splits.get("val") or self.train

    def heldout(self, share: float) -> int:
        """Validation videos; a `share` of the training videos, if they are not counted yet and no number is known."""
        return self.splits.get("val", 0 if self.counted else round(share * self.train))

    @property
    def finetuned(self) -> int:
        """Videos for finetuning: training, plus validation unless that is the test split."""
        return self.train + (self.splits.get("val", 0) if self.splits.get("test") else 0)


def videos_of(config: Config, dataset: str) -> Videos:
    """The videos of a dataset."""
    entry = config.datasets[dataset]
    if entry.combine:
        return _together(config, entry.combine)
    if entry.generated is not None:
        splits: dict[str, int] = {
            name: count * entry.generated.classes for name, count in entry.generated.videos.items()
        }
        return Videos(splits, GENERATED, sum(splits.values()))
    folder = Path(config.results_dir) / "data" / dataset
    for source, name in _FILES.items():
        found = _counted(folder / name)
        if found and not _left_from_generated(config, dataset, found[2]):
            return Videos(dict(found[0]), source, found[1])
    if not entry.videos:
        return Videos(ASSUMPTION, ASSUMED, sum(ASSUMPTION.values()))
    configured: dict[str, int] = {
        "train": max(entry.videos.values()),
        **{str(name): count for name, count in entry.videos.items()},
    }
    return Videos(configured, CONFIGURED, sum(configured.values()))


def _together(config: Config, names: Sequence[str]) -> Videos:
    """The training and validation videos of several datasets, which a combination reads from their stores. Their number
    is known as well as that of the least known part."""
    parts = [videos_of(config, name) for name in names]
    heldout = [part.heldout(config.datasets[name].validation) for name, part in zip(names, parts, strict=True)]
    splits = {"train": sum(part.train for part in parts), "val": sum(heldout)}
    sources = [part.source for part in parts]
    known = (ASSUMED, CONFIGURED, LISTED, STORED, GENERATED)  # the least known first
    return Videos(splits, min(sources, key=known.index), 0)


def longest_video(config: Config, dataset: str) -> int | None:
    """Largest number of frames of a dataset's training videos: as they are generated, or as its manifest or its subsets
    say; None if nothing is known before they are stored."""
    entry = config.datasets[dataset]
    if entry.combine:
        longest = [longest_video(config, part) for part in entry.combine]
        return max((frames for frames in longest if frames is not None), default=None) if None not in longest else None
    if entry.generated is not None:
        return int(entry.generated.frames[1])
    folder = Path(config.results_dir) / "data" / dataset
    known = []
    for path in (folder / _FILES[STORED], *sorted((folder / "subsets").glob("*.parquet"))):
        found = _counted(path)
        if found and not _left_from_generated(config, dataset, found[2]):
            state = path.stat()
            known.append(_longest(str(path), state.st_mtime_ns, state.st_size))
    return max((frames for frames in known if frames is not None), default=None)


@lru_cache(maxsize=256)
def _longest(path: str, changed: int, size: int) -> int | None:
    table = read_table(path, columns=["split", "status", "frames"])
    usable = pc.and_(pc.equal(table["split"], "train"), pc.equal(table["status"], "ok"))
    frames = pc.max(table["frames"].filter(usable)).as_py()
    return None if frames is None else int(frames)


def assumptions(config: Config, datasets: Iterable[str], configfiles: Sequence[str] = ()) -> list[str]:
    """Messages for those of `datasets` whose number of videos is assumed, with how to provide it."""
    found = []
    options = " ".join(["", "--configfile", *configfiles]) if configfiles else ""
    for name in dict.fromkeys(part for dataset in datasets for part in config.parts_of(dataset)):
        videos = videos_of(config, name)
        if videos.source == ASSUMED:
            found.append(
                f"Assumed: {videos.train:,} training and {videos.test:,} test videos of `{name}`, which are not"
                f" counted yet. Set `datasets.{name}.videos`, or list them first:"
                f" snakemake --cores 1 {config.results_dir}/data/{name}/{_FILES[LISTED]}{options}"
            )
    return found


def _counted(path: Path) -> tuple[tuple[tuple[str, int], ...], int, str] | None:
    """Usable videos per split, total number of rows, and the path of the first video; None if there is no readable
    file, for example while it is being written."""
    try:
        state = path.stat()
        return _read(str(path), state.st_mtime_ns, state.st_size)
    except (OSError, UserError, pa.ArrowException, KeyError):
        return None


@lru_cache(maxsize=256)
def _read(path: str, changed: int, size: int) -> tuple[tuple[tuple[str, int], ...], int, str] | None:
    table = read_table(path, columns=["split", "status", "label", "path"])
    usable: dict[str, int] = {}
    labelled = table.append_column("labelled", pc.greater_equal(table["label"], 0))
    counts = labelled.group_by(["split", "status", "labelled"], use_threads=False).aggregate([([], "count_all")])
    for row in counts.to_pylist():
        # A training video needs no label for pretraining; a test video without label cannot be used.
        if row["status"] in ("ok", "found") and (row["labelled"] or row["split"] == "train"):
            usable[row["split"]] = usable.get(row["split"], 0) + row["count_all"]
    return (tuple(usable.items()), table.num_rows, table["path"][0].as_py() or "") if table.num_rows else None


def _left_from_generated(config: Config, dataset: str, path: str) -> bool:
    """Whether the file describes generated videos from before the dataset was given a root."""
    made = Path(config.results_dir) / "generated" / dataset / "videos" / path
    return made.is_file() and not (Path(str(config.datasets[dataset].root)).expanduser() / path).exists()
