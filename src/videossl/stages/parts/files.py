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


def manifest(study: Study, dataset: str) -> Path:
    """Manifest of a dataset."""
    return study.results / f"data/{dataset}/manifest.parquet"


def subset(study: Study, dataset: str, name: str) -> Path:
    """File that lists the training videos of a subset."""
    return study.results / f"data/{dataset}/subsets/{name}.parquet"


def noisy_manifest(study: Study, dataset: str, noise: str, severity: int) -> Path:
    """Manifest of a noisy test set. For the set without noise, pass NOISELESS and severity 0."""
    return study.results / f"data/{dataset}/noisy/{noise}/{severity}/manifest.parquet"


def noiseless_manifest(study: Study, dataset: str) -> Path:
    """Manifest of the test videos without noise, stored in the same way as the noisy ones."""
    return noisy_manifest(study, dataset, NOISELESS, 0)


def noisy_manifests(study: Study, dataset: str) -> list[Path]:
    """Manifests of all noisy test sets of a dataset."""
    return [noisy_manifest(study, dataset, noise, severity) for noise in NOISES for severity in SEVERITIES]
