"""Corrupted copies of test videos: frame stores of one corruption at every severity, made once for all networks.

They are made from the stored frames of the dataset, not from the video files as noisy sets are: their lengths in pixels
are scaled to the frames anyway, and the order of frames is the same. They are stored as the dataset is. So is a copy
without corruption (severity 0), so that only the corruption differs.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from videossl.common.files import atomic_path, write_parquet
from videossl.common.progress import track
from videossl.data.corruptions import corrupt_video
from videossl.data.manifest import MANIFEST, open_store, read_manifest
from videossl.data.materialise import manifest_table
from videossl.data.noisy import noisy_listing
from videossl.data.specs import CorruptedSpec
from videossl.data.store import ShardWriter


def write_corrupted(spec: CorruptedSpec, manifest: Path, folder: Path) -> None:
    """Write `severity<s>/manifest.parquet` and its shard to `folder`, for every severity.

    Args:
        spec: the corruption, the number of videos and their format.
        manifest: manifest of the dataset; its frame store is in the same folder.
        folder: of the corruption.
    """
    rows = read_manifest(manifest)
    listing, store = noisy_listing(rows, spec.videos, spec.seed), open_store(manifest, rows)
    stored = rows.set_index("id", drop=False).loc[listing["id"]].reset_index(drop=True)
    with ExitStack() as stack:
        writers = {}
        for severity in spec.severities:
            path = stack.enter_context(atomic_path(_folder(folder, severity) / "shards/0000.arrow"))
            writer = ShardWriter(path, short_side=spec.short_side, quality=spec.quality, codec=spec.codec)
            writers[severity] = stack.enter_context(writer)
        for video in track(list(stored.itertuples()), f"{spec.kind}, videos"):
            frames = store.read(video.shard, video.batch, np.arange(video.frames))
            for severity, writer in writers.items():
                changed = corrupt_video(frames, spec.kind, severity, spec.seed, video.id)
                writer.append(writer.encode(frame) for frame in changed)
    measured = stored.assign(shard=0, batch=np.arange(len(stored)))
    for severity in spec.severities:
        write_parquet(_folder(folder, severity) / MANIFEST, manifest_table(listing, measured))


def _folder(folder: Path, severity: int) -> Path:
    return folder / f"severity{severity}"
