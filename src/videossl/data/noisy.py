"""Noisy copies of test videos: frame stores with noise added before resizing.

Noise is added to decoded frames at the video's original size. Frames are stored without compression, since lossy coding
would smooth the noise. A video is decoded once for all severities of a noise. The clean copy for comparison is stored
in the same way without noise, so that only the noise differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from videossl.common.errors import UserError
from videossl.common.files import atomic_path
from videossl.common.progress import track
from videossl.data.corruption import constant, corrupt, frame_generator
from videossl.data.encode import Encode
from videossl.data.manifest import test_split
from videossl.data.materialise import (
    Reading,
    VideoReport,
    merge_manifest,
    read_videos,
    require_videos,
    resize,
    write_report,
)
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.settings import NOISELESS
from videossl.data.specs import NoiseSpec
from videossl.data.store import ShardWriter


def noisy_listing(manifest: pd.DataFrame, videos: int | str, seed: int) -> pd.DataFrame:
    """The listing of a noisy test set: `videos` readable test videos of a manifest, or "all", in the manifest's order.

    The selection depends only on `seed`: smaller sets are subsets of larger ones, and all noises use the same videos.
    """
    labelled = manifest[manifest["label"] >= 0]
    usable = labelled[(labelled["split"] == test_split(labelled)) & (labelled["status"] == "ok")]
    if usable.empty:
        raise UserError("the dataset has no readable test videos to add noise to.")
    count = len(usable) if videos == "all" else min(int(videos), len(usable))
    order = np.random.default_rng(seed).permutation(len(usable))
    chosen = usable.iloc[np.sort(order[:count])].assign(status="found")
    return chosen[LISTING_SCHEMA.names].reset_index(drop=True)


def sample_size(spec: NoiseSpec, noise: str, severity: int) -> int | str:
    """Number of videos of a noisy test set, or "all"; `noise` may be NOISELESS, with severity 0."""
    return spec.videos[noise][0 if noise == NOISELESS else severity - 1]


def write_noisy_shards(
    manifest: pd.DataFrame,
    root: Path,
    spec: NoiseSpec,
    noise: str,
    shard: int,
    outputs: Mapping[int, Path],
    processes: int = 1,
) -> None:
    """Write one shard of the noisy sets of one noise, at every severity of `outputs`.

    Args:
        manifest: manifest of the clean dataset.
        root: folder of its videos.
        spec: noise strengths and numbers of videos.
        noise: kind of noise, or NOISELESS.
        shard: number of the shard, out of `spec.shards`.
        outputs: the shard's Arrow file by severity; its report (.parquet) is written to the same folder.
        processes: number of processes that decode; the files do not depend on it.
    """
    require_videos(root)
    listings = {level: noisy_listing(manifest, sample_size(spec, noise, level), spec.seed) for level in outputs}
    rows = {level: _rows_of(listing, shard, spec.shards) for level, listing in listings.items()}
    videos = list(dict.fromkeys(name for ids in rows.values() for name in ids))
    by_id = pd.concat(listings.values()).drop_duplicates("id").set_index("id", drop=False)
    reports: dict[int, list[VideoReport]] = {level: [] for level in outputs}
    with ExitStack() as stack:
        writers = {}
        for level, path in outputs.items():
            temporary = stack.enter_context(atomic_path(path))
            writer = ShardWriter(temporary, short_side=spec.short_side, quality=100, codec=spec.codec)
            writers[level] = stack.enter_context(writer)
        wanted = [{level: writers[level] for level in outputs if name in rows[level]} for name in videos]
        readings = [
            Reading(by_id.loc[name], number, _encoder(name, noise, levels, spec), full_size=True)
            for number, (name, levels) in enumerate(zip(videos, wanted, strict=True))
        ]
        found = read_videos(readings, root, spec.short_side, processes=processes)
        read = track(found, f"{noise} noise, videos", len(videos))
        for name, levels, (encoded, report) in zip(videos, wanted, read, strict=True):
            for place, level in enumerate(levels):
                batch = writers[level].append([frame[place] for frame in encoded]) if encoded else -1
                reports[level].append(replace(report, row=rows[level][name], batch=batch))
    for level, path in outputs.items():
        write_report(path.with_suffix(".parquet"), sorted(reports[level], key=lambda report: report.row))


def merge_noisy_manifest(
    manifest: pd.DataFrame, spec: NoiseSpec, noise: str, severity: int, reports: Sequence[Path]
) -> pa.Table:
    """The manifest of one noisy set, from the clean dataset's manifest and the reports of all shards."""
    return merge_manifest(noisy_listing(manifest, sample_size(spec, noise, severity), spec.seed), reports)


def _rows_of(listing: pd.DataFrame, shard: int, shards: int) -> dict[str, int]:
    """The videos of a shard, assigned as in clean sets: id -> row of the listing."""
    return {listing["id"].iloc[row]: row for row in range(shard, len(listing), shards)}


def _encoder(video: str, noise: str, writers: Mapping[int, ShardWriter], spec: NoiseSpec) -> Encode[list[bytes]]:
    """Encoder that maps a frame of `video` to its noisy, resized and encoded copies, one per severity of `writers`."""

    def encode(frame: np.ndarray, size: tuple[int, int], number: int) -> list[bytes]:
        copies = []
        for severity, writer in writers.items():
            copy = frame
            if noise != NOISELESS:
                rng = frame_generator(spec.seed, video, number, noise, severity)
                copy = corrupt(frame, noise, constant(noise, severity, spec.constants), rng)
            copies.append(writer.encode(resize(copy, size)))
        return copies

    return encode
