"""Decodes videos of a listing, resizes them, and writes them into the shards of a frame store.

One job writes one shard, in which several processes may decode. Of a dataset that is stored as a whole, it holds the
videos whose listing row modulo the number of shards is the shard's number; of a source, see
:mod:`videossl.data.selection`. An unusable video never stops a shard: it is reported as broken or missing, with the
reason. The manifest, merged from the reports of the shards, passes that on to every later stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from videossl.common.errors import UserError
from videossl.common.files import atomic_path, write_parquet
from videossl.common.intact import read_frame
from videossl.common.progress import track
from videossl.data.encode import DECORD, PYAV, Encode, Encoded, Wanted, encode_videos
from videossl.data.file_names import video_path
from videossl.data.settings import FrameFormat
from videossl.data.store import ShardWriter
from videossl.data.video import BrokenVideo

T = TypeVar("T")
REPORT_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("batch", pa.int32()),
        ("frames", pa.int32()),
        ("fps", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("duration", pa.float64()),
        ("stored_width", pa.int32()),
        ("stored_height", pa.int32()),
        ("reader", pa.string()),
        ("reader_reason", pa.string()),
    ]
)
"""One row per listing row of the shard. `width`, `height`: of the source video as displayed, pixels; `duration`: frames
/ fps, seconds. Unknown values of a missing or broken video are 0, and its `batch` is -1. `reader`: whose frames are
stored; `reader_reason`: why not decord's."""

MANIFEST_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("label", pa.int32()),
        ("label_name", pa.string()),
        ("split", pa.string()),
        ("start_frame", pa.int32()),
        ("end_frame", pa.int32()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("frames", pa.int32()),
        ("fps", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("duration", pa.float64()),
        ("reader", pa.string()),
        ("reader_reason", pa.string()),
        ("shard", pa.int32()),
        ("batch", pa.int32()),
    ]
)
"""One row per video of the listing, in its order: the listing's columns, then those of the report."""

UNLABELLED = "unlabelled"
"""Status of a video that is not decoded, as it has no label and is not for training."""
MEASURED = ("status", "reason", "frames", "fps", "width", "height", "duration", "reader", "reader_reason")


@dataclass
class VideoReport:
    """A row of the report (:data:`REPORT_SCHEMA`)."""

    row: int
    id: str
    status: str = "ok"
    reason: str = ""
    batch: int = -1
    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    duration: float = 0.0
    stored_width: int = 0
    stored_height: int = 0
    reader: str = ""
    reader_reason: str = ""


def resize(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a frame (H, W, 3) uint8 to `size` (width, height), bilinear with antialiasing.

    Uses Pillow, so that the process of a shard need not load torch, which takes two seconds.
    """
    from PIL import Image

    if size == (frame.shape[1], frame.shape[0]):
        return frame
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR))


def encode_video(
    path: Path,
    start: int | None,
    end: int | None,
    short_side: int,
    encode: Encode[T],
    *,
    reader: str = PYAV,
    full_size: bool = False,
) -> tuple[list[T], VideoReport]:
    """Encoded frames and facts of one video (:class:`videossl.data.encode.Wanted`). A range beyond the end is clipped.

    Raises BrokenVideo if there are no frames.
    """
    found = next(encode_videos([Wanted(path, short_side, encode, start, end, reader == DECORD, full_size)]))
    if isinstance(found, BrokenVideo):
        raise found
    return found.frames, _described(found)


def _described(found: Encoded[T]) -> VideoReport:
    info, (width, height) = found.info, found.size
    duration = len(found.frames) / info.fps if info.fps else 0.0
    return VideoReport(
        row=-1, id="", frames=len(found.frames), fps=info.fps, width=info.width, height=info.height, duration=duration,
        stored_width=width, stored_height=height, reader=found.reader, reader_reason=found.reader_reason,
    )  # fmt: skip


def require_videos(root: Path) -> None:
    """Raise UserError if the folder of a dataset's videos does not exist. Otherwise all its videos would be recorded as
    missing."""
    if not root.is_dir():
        raise UserError(f"the folder of the videos is not there: {root}. Mount it or correct the dataset's `root`.")


def write_shard(
    listing: pd.DataFrame,
    root: Path,
    shard: int,
    shards: int,
    arrow_path: Path,
    report_path: Path,
    *,
    progress: bool = True,
    processes: int = 1,
    **form: Any,
) -> None:
    """Write shard number `shard` of `shards` of a whole dataset and its report, both atomically.

    Args:
        listing: one row per video, with a path relative to `root`.
        processes: number of processes that decode; the files do not depend on it.
        form: the keys of :class:`videossl.data.settings.FrameFormat`.
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard {shard} of {shards}: the number must be in 0..{shards - 1}")
    rows = range(shard, len(listing), shards)
    what = f"shard {shard + 1} of {shards}" if progress else ""
    frames = FrameFormat.parse(form, "the frame store")
    write_rows(listing, root, rows, arrow_path, report_path, frames, what, processes)


def write_rows(
    listing: pd.DataFrame,
    root: Path,
    rows: Sequence[int] | np.ndarray,
    arrow_path: Path,
    report_path: Path,
    form: FrameFormat,
    what: str,
    processes: int = 1,
) -> None:
    """Write a shard with the videos of some rows of the listing, in this order, and its report, both atomically.

    A video without label that is not for training is left out ("unlabelled"): nothing can read it. `what`: names the
    shard in the progress report; "": none.
    """
    require_videos(Path(root))
    rows = [int(row) for row in rows]
    read = [row for row in rows if _can_be_read(listing.iloc[row])]
    reports = {row: VideoReport(row, listing["id"].iloc[row], status=UNLABELLED) for row in rows}
    with (
        atomic_path(arrow_path) as temporary,
        ShardWriter(temporary, short_side=form.short_side, quality=form.quality, codec=form.codec) as writer,
    ):
        videos = [Reading(listing.iloc[row], row, plainly(writer)) for row in read]
        found = read_videos(videos, Path(root), form.short_side, form.reader, processes)
        for encoded, report in track(found, f"{what}, videos", len(read)) if what else found:
            reports[report.row] = replace(report, batch=writer.append(encoded)) if encoded else report
    write_report(report_path, list(reports.values()))


def _can_be_read(video: pd.Series) -> bool:
    return video["status"] == "missing" or video["label"] >= 0 or video["split"] == "train"


def plainly(writer: ShardWriter) -> Encode[bytes]:
    """Encode frames for `writer` as they are."""
    return lambda frame, size, number: writer.encode(frame)


def write_report(path: Path, reports: Sequence[VideoReport]) -> None:
    """Write the report of a shard."""
    columns = {name: [getattr(report, name) for report in reports] for name in REPORT_SCHEMA.names}
    write_parquet(path, pa.table(columns, schema=REPORT_SCHEMA))


@dataclass(frozen=True)
class Reading(Generic[T]):
    """A listing row to read."""

    video: pd.Series
    row: int
    encode: Encode[T]
    full_size: bool = False


def read_videos(
    videos: Sequence[Reading[T]], root: Path, short_side: int, reader: str = PYAV, processes: int = 1
) -> Iterator[tuple[list[T], VideoReport]]:
    """Encode rows of a listing, in order, in `processes` processes. A video with any problem gets a report with the
    reason, and no frames."""
    there = [one for one in videos if one.video["status"] != "missing" and _is_file(root, one.video["path"])]
    encoded = encode_videos([_wanted(one, root, short_side, reader) for one in there], processes=processes)
    present = {one.row for one in there}
    for one in videos:
        named = {"row": one.row, "id": one.video["id"]}
        if one.row not in present:
            yield [], VideoReport(**named, status="missing", reason="file not found")
        elif isinstance(found := next(encoded), BrokenVideo):
            yield [], VideoReport(**named, status="broken", reason=str(found))
        else:
            yield found.frames, replace(_described(found), **named)


def _is_file(root: Path, path: str) -> bool:
    """Whether the file exists. A file that may not be inspected counts as existing; opening it gives the reason."""
    try:
        return video_path(root, path).is_file()
    except OSError:
        return True


def _wanted(one: Reading[T], root: Path, short_side: int, reader: str) -> Wanted[T]:
    start, end = (None if pd.isna(one.video[key]) else int(one.video[key]) for key in ("start_frame", "end_frame"))
    return Wanted(
        video_path(root, one.video["path"]), short_side, one.encode, start, end, reader == DECORD, one.full_size
    )


def merge_manifest(listing: pd.DataFrame, reports: Sequence[Path]) -> pa.Table:
    """Join a listing and the reports of all its shards (in their order) into the manifest."""
    parts = []
    for shard, path in enumerate(reports):
        part = read_frame(path, schema=REPORT_SCHEMA)
        expected = range(shard, len(listing), len(reports))
        if part["row"].tolist() != list(expected):
            raise UserError(
                f"{path} is not the report of shard {shard} of {len(reports)} of this listing. "
                "Remove the shards and their reports and run the workflow again."
            )
        parts.append(part.assign(shard=shard))
    if not parts:
        raise UserError("a manifest needs the report of at least one shard")
    merged = pd.concat(parts).sort_values("row", ignore_index=True)
    differing = np.flatnonzero(merged["id"].to_numpy() != listing["id"].to_numpy())
    if differing.size:
        row = int(differing[0])
        raise UserError(
            f"row {row} of the listing is '{listing['id'].iloc[row]}', the report of its shard "
            f"{reports[row % len(reports)]} says '{merged['id'].iloc[row]}': the listing has changed since then. "
            "Remove the shards and their reports and run the workflow again."
        )
    return manifest_table(listing, merged)


def manifest_table(listing: pd.DataFrame, measured: pd.DataFrame) -> pa.Table:
    """A manifest (:data:`MANIFEST_SCHEMA`): rows of a listing, and for each of them the measured columns, shard and
    batch."""
    columns = {name: measured[name].to_numpy() for name in (*MEASURED, "shard", "batch")}
    table = listing.reset_index(drop=True).assign(**columns)
    for column in ("start_frame", "end_frame"):
        table[column] = table[column].astype("Int32")
    return pa.Table.from_pandas(table[MANIFEST_SCHEMA.names], schema=MANIFEST_SCHEMA, preserve_index=False)
