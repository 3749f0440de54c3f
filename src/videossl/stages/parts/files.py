"""Paths of a study's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossl.data.settings import NOISELESS, NOISES, SEVERITIES

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


def run_folder(study: Study, cell: Cell) -> Path:
    """Run folder of a cell."""
    return study.results / cell.path


def listing(study: Study, dataset: str) -> Path:
    """List of a dataset's videos."""
    return study.results / f"data/{dataset}/listing.parquet"


def shard_reports(study: Study, dataset: str) -> list[Path]:
    """Reports of the shards of a dataset that is stored as a whole."""
    folder, shards = study.results / f"data/{dataset}/shards", study.config.datasets[dataset].shards
    return [folder / f"{number:04d}.parquet" for number in range(shards)]


def train_reports(study: Study, dataset: str, videos: int) -> list[Path]:
    """Reports of the shards of a source that hold the first `videos` training videos in the order of subsets."""
    folder, each = study.results / f"data/{dataset}/train", study.config.store.videos_per_shard
    return [folder / f"{number:04d}.parquet" for number in range(-(-videos // each))]


def manifest(study: Study, dataset: str) -> Path:
    """Manifest of a dataset that is stored as a whole."""
    return study.results / f"data/{dataset}/manifest.parquet"


def subset(study: Study, dataset: str, name: str) -> Path:
    """File that lists the training videos of a subset."""
    return study.results / f"data/{dataset}/subsets/{name}.parquet"


def heldout(study: Study, dataset: str) -> Path:
    """File that lists the validation videos of a source on which pretext tasks are measured."""
    return sample(study, dataset, "heldout")


def sample(study: Study, dataset: str, name: str) -> Path:
    """File that lists the videos of a sample of a dataset."""
    return study.results / f"data/{dataset}/{name}.parquet"


def described(path: Path) -> list[Path]:
    """The files of a subset that its readers depend on: the list of its videos, and the description."""
    return [path, path.with_suffix(".json")]


def noisy_manifest(study: Study, dataset: str, noise: str, severity: int) -> Path:
    """Manifest of a noisy test set. For the set without noise, pass NOISELESS and severity 0."""
    return study.results / f"data/{dataset}/noisy/{noise}/{severity}/manifest.parquet"


def noiseless_manifest(study: Study, dataset: str) -> Path:
    """Manifest of the test videos without noise, stored in the same way as the noisy ones."""
    return noisy_manifest(study, dataset, NOISELESS, 0)


def noisy_manifests(study: Study, dataset: str) -> list[Path]:
    """Manifests of all noisy test sets of a dataset."""
    return [noisy_manifest(study, dataset, noise, severity) for noise in NOISES for severity in SEVERITIES]
