"""Subsets and held-out videos of a source, with their frames: only what trainings read is decoded.

A source is stored in the order in which subsets take its training videos (:class:`videossl.data.subsets.SubsetOrder`),
cut into shards of a fixed number of videos. A subset of n videos reads the first shards, so a larger subset only adds
shards to those of a smaller one, whose files stay as they are.

Which videos are broken is known only after decoding. The job that chooses a subset reads the reports of its shards and
decodes the videos that replace broken ones itself, the next of the same class in the order, until the subset is full.
What a subset contains therefore depends neither on the size of shards nor on the order in which they are written: it
is the first n usable videos of the order, as if all videos of the dataset had been decoded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from videossl.common.errors import UserError
from videossl.common.files import atomic_path, write_json, write_parquet
from videossl.common.intact import frame_of, read_frame, read_json
from videossl.common.progress import track
from videossl.data.materialise import (
    MANIFEST_SCHEMA,
    REPORT_SCHEMA,
    Reading,
    VideoReport,
    manifest_table,
    plainly,
    read_videos,
    require_videos,
    write_rows,
)
from videossl.data.settings import FrameFormat
from videossl.data.specs import SampleSpec, SubsetSpec, TrainStoreSpec
from videossl.data.store import FrameStore, ShardWriter
from videossl.data.subsets import SubsetOrder, checksum, describe, require_size, subset_order

REMAKE_SHARDS = "Remove the shards and their reports and run the workflow again."


def write_train_shard(
    listing: pd.DataFrame,
    root: Path,
    number: int,
    spec: TrainStoreSpec,
    frames: Path,
    report: Path,
    processes: int = 1,
) -> None:
    """Write shard `number` of a source, and its report: its part of the order of all training videos that were found.

    `processes` decode; the files do not depend on their number.

    Raises UserError if the order ends before the shard.
    """
    order = SubsetOrder(listing, spec.seed).of((listing["status"] == "found").to_numpy())
    first = number * spec.videos_per_shard
    if first >= len(order):
        listed = int((listing["split"] == "train").sum())
        raise UserError(
            f"a subset needs more than {first} training videos, but only {len(order)} of {listed} listed ones were"
            " found. Get the missing videos, or lower the subset's size (`subsets` in the configuration)."
        )
    rows = order[first : first + spec.videos_per_shard]
    write_rows(listing, root, rows, frames, report, spec, f"shard {number + 1} of the training videos", processes)


def write_subset(
    listing: pd.DataFrame,
    root: Path,
    spec: SubsetSpec,
    reports: Sequence[Path],
    output: Path,
    name: str,
    processes: int = 1,
) -> dict[str, Any]:
    """Write a subset of `spec.size` training videos: `output` (.parquet), its description (.json), and the frames of
    the videos that replace broken ones (.arrow). Returns the description.

    Args:
        listing: one row per video.
        root: folder of the videos.
        reports: reports of the source's first shards.
        name: of the subset, for progress.
        processes: number of processes that decode; the files do not depend on it.

    Raises UserError if too few videos are usable.
    """
    size = int(spec.size)
    found = int(((listing["split"] == "train") & (listing["status"] == "found")).sum())
    require_size(size, found, listing)
    known = _read_reports(listing, reports)
    order = SubsetOrder(listing, spec.seed)
    rows, further = _decode_rest(
        listing, root, spec, order, size, known["status"], len(reports), output, name, processes
    )
    require_size(size, len(rows), listing)
    shards = [*(path.with_suffix(".arrow") for path in reports), output.with_suffix(".arrow")]
    replaced = int((further["status"] == "ok").sum())
    return write_chosen(
        listing, _joined(known, further), rows, "train", spec.seed, shards, output, {"replaced": replaced}
    )


def write_sample(
    listing: pd.DataFrame, root: Path, spec: SampleSpec, output: Path, name: str = "sample", processes: int = 1
) -> dict[str, Any]:
    """Write up to `spec.at_most` usable videos of a split with all their frames, in the order of the listing. Files as
    of :func:`write_subset`."""
    order, shards = SubsetOrder(listing, spec.seed, spec.split), [output.with_suffix(".arrow")]
    nothing = _read_reports(listing, [])["status"]
    rows, known = _decode_rest(listing, root, spec, order, spec.at_most, nothing, 0, output, name, processes)
    return write_chosen(listing, known, np.sort(rows), spec.split, spec.seed, shards, output, {})


def write_whole(manifest: pd.DataFrame, spec: SubsetSpec, shards: Sequence[Path], output: Path) -> dict[str, Any]:
    """Write the subset of all usable training videos of a dataset that is stored as a whole. Files as of
    :func:`write_subset`; `shards`: of the manifest."""
    order = subset_order(manifest, spec.seed)
    require_size(len(order), len(order), manifest)
    write_empty_store(output, spec)
    return write_chosen(manifest, manifest, order, "train", spec.seed, list(shards), output, {"replaced": 0})


def read_subset(path: Path) -> tuple[pd.DataFrame, list[Path]]:
    """The videos of a subset or sample, in order (columns of a manifest), and their shard files.

    Raises UserError if the ids do not match the checksum in the description.
    """
    described = path.with_suffix(".json")
    rows = read_frame(path, schema=MANIFEST_SCHEMA)
    videos = rows[rows["status"] == "ok"].reset_index(drop=True)
    description = read_json(described, {"checksum": str, "size": int, "shards": list}, "description of a subset")
    if checksum(videos["id"]) != description["checksum"] or len(videos) != description["size"]:
        raise UserError(
            f"the subset {path} does not match the checksum in {described}. "
            f"Remove {path} and {described}, and let the workflow make them again."
        )
    return videos, [path.parent / str(name) for name in description["shards"]]


def open_subset(path: Path) -> tuple[pd.DataFrame, FrameStore]:
    """The videos of a subset or sample, and the store of their frames."""
    videos, shards = read_subset(path)
    return videos, FrameStore(shards)


def write_empty_store(output: Path, form: FrameFormat) -> None:
    """Write the store beside a subset or sample all of whose frames are in other shards."""
    with atomic_path(output.with_suffix(".arrow")) as temporary, _writer(temporary, form):
        pass


def _writer(path: Path, form: FrameFormat) -> ShardWriter:
    return ShardWriter(path, short_side=form.short_side, quality=form.quality, codec=form.codec)


def _read_reports(listing: pd.DataFrame, reports: Sequence[Path]) -> pd.DataFrame:
    """The reports of all shards, by row of the listing, with the shard's number. Raises UserError if a report is of
    another listing, or two are of shards of different sizes."""
    parts = []
    for shard, path in enumerate(reports):
        part = read_frame(path, schema=REPORT_SCHEMA).assign(shard=shard)
        rows = part["row"].to_numpy()
        known = rows.min(initial=0) >= 0 and rows.max(initial=-1) < len(listing)
        if not known or (listing["id"].to_numpy()[rows] != part["id"].to_numpy()).any():
            raise UserError(
                f"{path} is the report of another listing: the listing has changed since then. {REMAKE_SHARDS}"
            )
        parts.append(part)
    found = _joined(*parts, _frame([], 0)).sort_index()
    if found.index.has_duplicates:
        raise UserError(
            f"two reports beside {reports[0]} name the same video: their shards differ in size. {REMAKE_SHARDS}"
        )
    return found


def _frame(reports: Sequence[VideoReport], shard: int) -> pd.DataFrame:
    """Reports as a table, with the shard's number."""
    columns = {name: [getattr(report, name) for report in reports] for name in REPORT_SCHEMA.names}
    return frame_of(pa.table(columns, schema=REPORT_SCHEMA)).assign(shard=shard)


def _joined(*parts: pd.DataFrame) -> pd.DataFrame:
    """Reports below each other, indexed by row of the listing."""
    parts = tuple(part if part.index.name == "row" else part.set_index("row") for part in parts)
    return pd.concat([part for part in parts if len(part)] or parts[:1])


def _decode_rest(
    listing: pd.DataFrame,
    root: Path,
    form: FrameFormat,
    order: SubsetOrder,
    size: int,
    known: pd.Series,
    shard: int,
    output: Path,
    name: str,
    processes: int,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Decode what is lacking of the first `size` usable videos of `order`, into the store of `output`.

    `known`: status of the videos that have been decoded, by row; `shard`: number of the store among the subset's.
    Returns the rows of the first usable videos in order, and the reports of those decoded here.

    A video counts as usable until it is decoded. One that turns out broken moves the later ones of its class forward
    and no other back, so none is decoded in vain.
    """
    require_videos(root)
    unread = np.ones(len(listing), dtype=bool)
    unread[known.index] = False
    usable = (listing["status"] == "found").to_numpy(copy=True)
    usable[known.index[known != "ok"]] = False
    reports = []
    with atomic_path(output.with_suffix(".arrow")) as temporary, _writer(temporary, form) as writer:
        while lacking := [row for row in order.of(usable)[:size].tolist() if unread[row]]:
            videos = [Reading(listing.iloc[row], row, plainly(writer)) for row in lacking]
            found = read_videos(videos, root, form.short_side, form.reader, processes)
            for frames, report in track(found, f"{name}, further videos", len(lacking)):
                unread[report.row], usable[report.row] = False, bool(frames)
                reports.append(replace(report, batch=writer.append(frames) if frames else -1))
    return order.of(usable)[:size], _joined(_frame(reports, shard))


def write_chosen(
    listing: pd.DataFrame,
    known: pd.DataFrame,
    chosen: np.ndarray,
    split: str,
    seed: int,
    shards: Sequence[Path],
    output: Path,
    more: dict[str, Any],
) -> dict[str, Any]:
    """Write the table of the `chosen` rows, followed by the unusable videos that were read, and the description.

    Args:
        listing: one row per video; `known`: the reports of those that were read, by row.
        chosen: rows of the listing, all usable, in order.
        shards: files of the frames, by the shard numbers in `known`.
        more: further keys of the description.
    """
    read = known[(listing["split"] == split).to_numpy()[known.index]]
    unusable = read[read["status"].isin(["missing", "broken"])].sort_index()
    rows = np.concatenate([chosen, unusable.index])
    write_parquet(output, manifest_table(listing.iloc[rows], known.loc[rows]))
    counts = unusable["status"].value_counts()
    description = {
        **describe(listing.iloc[chosen], listing, seed, split),
        **{name: int(counts.get(name, 0)) for name in ("missing", "broken")},
        **more,
        "shards": [os.path.relpath(path, output.parent) for path in shards],
    }
    write_json(output.with_suffix(".json"), description)
    return description
