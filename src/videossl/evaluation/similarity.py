"""CKA job: similarity of the layers of two finetuned networks on the same test videos."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from videossl.analysis.cka import compare
from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.progress import track
from videossl.common.results import write_metrics
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.data.sampling import UniformClips
from videossl.evaluation.model import load_classifier
from videossl.evaluation.specs import CKASpec
from videossl.training.interrupt import until_stopped
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.session import Compute

SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("column", pa.int32()),
        ("row_layer", pa.string()),
        ("column_layer", pa.string()),
        ("cka", pa.float64()),
    ]
)
"""One row per pair of layers: both layers' numbers (in forward order) and names; an undefined `cka` is null."""


def similarity(
    spec: CKASpec,
    identity: dict[str, Any],
    *,
    manifest: Path,
    weights: Path,
    other: Path | None,
    folder: Path,
    compute: Compute,
) -> None:
    """Compute CKA of all layers of two finetuned networks; writes `cka.parquet`, metrics and `run.json` to `folder`.

    Args:
        spec: number of videos, and the seed that draws them.
        identity: the cell's identity columns.
        manifest: manifest of the target dataset; both networks see one centre clip of each drawn test video.
        weights: `weights.pt` of the first finetuning.
        other: `weights.pt` of the second finetuning; None: compare the network with itself.
        folder: the run folder.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    start = time.monotonic()
    with exclusive(folder, signals):
        rows = read_manifest(manifest)
        videos = target_videos(rows).test
        chosen = videos.sample(min(spec.videos, len(videos)), random_state=spec.seed).sort_index()
        first, own = load_classifier(weights)
        second, others = (first, own) if other is None else load_classifier(other)
        if (own.clip, own.stride) != (others.clip, others.stride):
            raise UserError(
                f"{weights} and {other} were finetuned on clips of different form: {own.clip} with stride {own.stride},"
                f" and {others.clip} with stride {others.stride}."
            )
        sampler = UniformClips(own.clip.frames, own.stride, 1)
        dataset = ClipDataset(
            open_store(manifest, rows), chosen.reset_index(drop=True), sampler, own.test_augmentation, spec.seed
        )
        size = min(spec.batch_size, len(chosen))

        def batches() -> Iterator[Tensor]:
            loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
            for batch in until_stopped(track(loader, "comparing layers"), signals):
                yield prepare(batch, device)[:, 0]

        matrix, row_names, column_names, used = compare(first.to(device), second.to(device), batches())
        write_parquet(folder / "cka.parquet", _long(matrix, row_names, column_names))
        defined = matrix[np.isfinite(matrix)]
        if not defined.size:
            raise UserError("no pair of layers has a defined CKA; are there enough different videos?")
        value = {"split": "test", "metric": "mean_cka", "value": float(defined.mean()), "n": used}
        write_metrics(folder / "metrics.parquet", identity, [value])
        write_run(
            folder / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=time.monotonic() - start,
            samples={"videos": used, "left_out": len(chosen) - used},
        )
    print(
        f"{len(row_names)} by {len(column_names)} layers on {used} videos; mean CKA {defined.mean():.3f};"
        f" {matrix.size - defined.size} pairs are not defined",
        flush=True,
    )


def _long(matrix: np.ndarray, rows: list[str], columns: list[str]) -> pa.Table:
    row, column = (index.ravel() for index in np.indices(matrix.shape))
    values = matrix.ravel()
    return pa.table(
        {
            "row": row,
            "column": column,
            "row_layer": [rows[index] for index in row],
            "column_layer": [columns[index] for index in column],
            "cka": pa.array(values, pa.float64(), mask=~np.isfinite(values)),
        },
        schema=SCHEMA,
    )
