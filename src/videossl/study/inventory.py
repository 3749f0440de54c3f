"""How many videos a dataset has, as far as is known: from its manifest or listing, else from the configuration.

For estimates of time and disk. Every job of a cluster parses the workflow and may ask, so a file is read once a process
and only for datasets whose number is not known otherwise. Imports no torch.
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
"""Where the numbers are from."""
ASSUMPTION = {"train": 20000, "test": 5000}
"""What is assumed of a dataset of which nothing is known."""
_FILES = {STORED: "manifest.parquet", LISTED: "listing.parquet"}


@dataclass(frozen=True)
class Videos:
    """Videos that can be used by split, where the numbers are from, and how many are to be stored in all."""

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
        """Videos of the training split, of which subsets are taken."""
        return self.splits.get("train", 0)

    @property
    def test(self) -> int:
        """Videos of the split that evaluations use: `test`, or `val` where there is none."""
        return self.splits.get("test") or self.splits.get("val") or self.train

    @property
    def finetuned(self) -> int:
        """Videos that are finetuned on: training, and validation where that is not the test."""
        return self.train + (self.splits.get("val", 0) if self.splits.get("test") else 0)


def videos_of(config: Config, dataset: str) -> Videos:
    """The videos of a dataset."""
    entry = config.datasets[dataset]
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


def assumptions(config: Config, datasets: Iterable[str], configfiles: Sequence[str] = ()) -> list[str]:
    """Of which of `datasets` the number of videos is assumed, each with how to let it be known."""
    found = []
    options = " ".join(["", "--configfile", *configfiles]) if configfiles else ""
    for name in datasets:
        videos = videos_of(config, name)
        if videos.source == ASSUMED:
            found.append(
                f"Assumed: {videos.train:,} training and {videos.test:,} test videos of `{name}`, which nobody has"
                f" counted yet. Set `datasets.{name}.videos`, or list them first:"
                f" snakemake --cores 1 {config.results_dir}/data/{name}/{_FILES[LISTED]}{options}"
            )
    return found


def _counted(path: Path) -> tuple[tuple[tuple[str, int], ...], int, str] | None:
    """Usable videos by split, rows in all, and the path of the first video; None where there is no file to read, as
    while it is being written."""
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
    counts = labelled.group_by(["split", "status", "labelled"]).aggregate([([], "count_all")])
    for row in counts.to_pylist():
        # A training video needs no label for pretraining; a test video without one is of no use.
        if row["status"] in ("ok", "found") and (row["labelled"] or row["split"] == "train"):
            usable[row["split"]] = usable.get(row["split"], 0) + row["count_all"]
    return (tuple(usable.items()), table.num_rows, table["path"][0].as_py() or "") if table.num_rows else None


def _left_from_generated(config: Config, dataset: str, path: str) -> bool:
    """Whether the file was made of generated videos, before the dataset was given a root: its videos lie there."""
    made = Path(config.results_dir) / "generated" / dataset / "videos" / path
    return made.is_file() and not (Path(str(config.datasets[dataset].root)).expanduser() / path).exists()
