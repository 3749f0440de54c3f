"""Decode every video of a listing once, shrink it, and write it into the shards of a frame store.

One process writes one shard: the videos whose listing row is congruent to the shard's number. A video that
cannot be used never stops the shard: it is reported as broken or missing, with the reason, and the manifest,
merged from the shards' reports, says so to every later stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from videossl.data.store import ShardWriter
from videossl.data.video import BrokenVideo, check_video, decord_frames, one_line, pyav_frames
from videossl.errors import UserError
from videossl.files import atomic_path, write_parquet
from videossl.progress import track

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
    ]
)
"""One row a listing row of the shard. `width`, `height` are the source video's; `duration` is frames / fps in
seconds; what is not known of a missing or broken video is 0, its `batch` is -1."""

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
        ("shard", pa.int32()),
        ("batch", pa.int32()),
    ]
)
"""One row a video of the listing, in its order: the listing's columns, then what became of the video."""

MEASURED = ("status", "reason", "frames", "fps", "width", "height", "duration")


@dataclass
class VideoReport:
    """A row of the report, see :data:`REPORT_SCHEMA`."""

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


def stored_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """(width, height) with the short side at `short_side` and the long one in proportion, rounded."""
    scale = short_side / min(width, height)
    return max(round(width * scale), short_side), max(round(height * scale), short_side)


def resize(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frame (H, W, 3) uint8 -> the same at `size` (width, height), bilinear with antialiasing.

    Pillow: a shard's process then need not load torch, which costs two seconds.
    """
    from PIL import Image

    if size == (frame.shape[1], frame.shape[0]):
        return frame
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR))


Encode = Callable[[np.ndarray, tuple[int, int], int], T]
"""From a frame (H, W, 3), the size (width, height) to store and the frame's number to what is stored of it."""


def encode_video(
    path: Path, start: int | None, end: int | None, short_side: int, encode: Encode[T], *, full_size: bool = False
) -> tuple[list[T], VideoReport]:
    """Encoded frames start..end (exclusive; None: from the first, to the last) of a video, and its facts.

    `encode` is given frames of the size to store; with `full_size`, of the video's own. A range that reaches out of the
    video is clipped to it. Raises :class:`BrokenVideo` when no frame is left.
    """
    first = max(start or 0, 0)
    if end is not None and end <= first:
        raise BrokenVideo(f"frames {first}..{end} are an empty range")
    info = check_video(path, end)
    # One size for the whole video, even if the stream changes its own on the way.
    size = stored_size(info.width, info.height, short_side)

    wanted = None if full_size else size

    def encode_all(frames: Iterator[np.ndarray]) -> list[T]:
        return [encode(frame, size, number) for number, frame in enumerate(islice(frames, first, end))]

    try:
        encoded = encode_all(decord_frames(path, wanted))
        if len(encoded) < info.frames - first - 1:  # decord may differ by one frame, and be right
            encoded = encode_all(pyav_frames(path, wanted))
    except Exception:  # decord's errors have no common class; the stream is whole, so PyAV can read it
        encoded = encode_all(pyav_frames(path, wanted))
    if not encoded:
        raise BrokenVideo(f"first frame is {first}, but the video has {info.frames}")
    duration = len(encoded) / info.fps if info.fps else 0.0
    report = VideoReport(
        row=-1, id="", frames=len(encoded), fps=info.fps, width=info.width, height=info.height,
        duration=duration, stored_width=size[0], stored_height=size[1],
    )  # fmt: skip
    return encoded, report


def require_videos(root: Path) -> None:
    """UserError without the folder of a dataset's videos: else every video would be noted as missing, and stay so."""
    if not root.is_dir():
        raise UserError(f"the folder of the videos is not there: {root}. Mount it, or correct the dataset's `root`.")


def write_shard(
    listing: pd.DataFrame,
    root: Path,
    shard: int,
    shards: int,
    arrow_path: Path,
    report_path: Path,
    *,
    short_side: int,
    quality: int,
    codec: str = "jpeg",
    progress: bool = True,
) -> None:
    """Write shard number `shard` of `shards` and its report, both atomically.

    `listing`: one row a video, with a path relative to `root`; `short_side` in pixels; `codec`: of
    :mod:`videossl.data.codecs`; `quality` of JPEG.
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard {shard} of {shards}: the number must be in 0..{shards - 1}")
    if short_side < 1 or not 1 <= quality <= 100:
        raise UserError(f"short side {short_side} must be at least 1 pixel, JPEG quality {quality} in 1..100")
    require_videos(Path(root))
    rows = range(shard, len(listing), shards)
    todo = track(rows, f"shard {shard + 1} of {shards}, videos") if progress else rows
    reports: list[VideoReport] = []
    with (
        atomic_path(arrow_path) as temporary,
        ShardWriter(temporary, short_side=short_side, quality=quality, codec=codec) as writer,
    ):
        for row in todo:
            encoded, report = read_video(
                listing.iloc[row],
                row,
                Path(root),
                short_side,
                lambda frame, size, _: writer.encode(frame),
            )
            reports.append(replace(report, batch=writer.append(encoded)) if encoded else report)
    write_report(report_path, reports)


def write_report(path: Path, reports: Sequence[VideoReport]) -> None:
    """Write what became of a shard's videos."""
    columns = {name: [getattr(report, name) for report in reports] for name in REPORT_SCHEMA.names}
    write_parquet(path, pa.table(columns, schema=REPORT_SCHEMA))


def read_video(
    video: pd.Series, row: int, root: Path, short_side: int, encode: Encode[T], *, full_size: bool = False
) -> tuple[list[T], VideoReport]:
    """Encode one listing row; whatever goes wrong with the video ends in its report, with no frames."""
    path = root / video["path"]
    if video["status"] == "missing" or not path.is_file():
        return [], VideoReport(row=row, id=video["id"], status="missing", reason="file not found")
    start, end = (None if pd.isna(video[key]) else int(video[key]) for key in ("start_frame", "end_frame"))
    try:
        encoded, report = encode_video(path, start, end, short_side, encode, full_size=full_size)
    except BrokenVideo as error:
        return [], VideoReport(row=row, id=video["id"], status="broken", reason=str(error))
    except Exception as error:  # a decoder may raise anything; one video must not cost the shard
        reason = f"{type(error).__name__}: {one_line(error)}"
        return [], VideoReport(row=row, id=video["id"], status="broken", reason=reason)
    return encoded, replace(report, row=row, id=video["id"])


def merge_manifest(listing: pd.DataFrame, reports: Sequence[Path]) -> pa.Table:
    """Join the listing and all its shards' reports (in the order of the shards) into the manifest."""
    parts = []
    for shard, path in enumerate(reports):
        part = pq.read_table(path, schema=REPORT_SCHEMA).to_pandas()
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
            f"{reports[row % len(reports)]} says '{merged['id'].iloc[row]}': the listing has changed since. "
            "Remove the shards and their reports and run the workflow again."
        )
    table = listing.reset_index(drop=True).assign(**{name: merged[name] for name in (*MEASURED, "shard", "batch")})
    for column in ("start_frame", "end_frame"):
        table[column] = table[column].astype("Int32")
    return pa.Table.from_pandas(table[MANIFEST_SCHEMA.names], schema=MANIFEST_SCHEMA, preserve_index=False)
