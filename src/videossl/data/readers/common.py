"""Shared by all readers: the schema of a listing and its checks; list files and the videos below a root (from other
modules of this package)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import pandas as pd
import pyarrow as pa
from pydantic import Field

from videossl.common.errors import UserError, unknown_name
from videossl.common.ranges import Once
from videossl.data.classes import with_class_names
from videossl.data.file_names import escaped
from videossl.data.readers.parsing import (
    csv_rows,
    list_lines,
    malformed,
    malformed_item,
    read_class_index,
    read_json,
    require_file,
    require_text,
    visible_files,
    whole_number,
    written_name,
    written_number,
)
from videossl.data.readers.spelling import Spellings
from videossl.data.readers.video_files import RESPELLED, TAKEN, VideoFiles

__all__ = [
    "LISTING_SCHEMA",
    "SPLITS",
    "Entry",
    "Fold",
    "Spellings",
    "Splits",
    "VideoFiles",
    "build_listing",
    "choose_fold",
    "choose_splits",
    "csv_rows",
    "list_lines",
    "malformed",
    "malformed_item",
    "read_class_index",
    "read_json",
    "require_file",
    "require_folder",
    "require_text",
    "visible_files",
    "whole_number",
    "written_name",
    "written_number",
]
SPLITS = ("train", "val", "test", "unused")

LISTING_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # unique in the dataset
        ("path", pa.string()),  # relative to the root; for a missing video the path that was expected
        ("label", pa.int32()),  # 0-based; -1 unlabelled
        ("label_name", pa.string()),  # "" unlabelled
        ("split", pa.string()),  # one of SPLITS
        ("start_frame", pa.int32()),  # null: from the first frame
        ("end_frame", pa.int32()),  # exclusive; null: to the last frame
        ("status", pa.string()),  # found | missing
    ]
)


Fold = Annotated[int, Field(ge=1, le=3)]
"""Reader option: one of three official train/test divisions."""
Split = Literal["train", "val", "test"]
Splits = Split | Annotated[list[Split], Field(min_length=1), Once] | None
"""Reader option: the splits to list."""


class Entry(NamedTuple):
    """One video of the lists. `path` is None if its file was not found; `expected` is where it belongs."""

    id: str
    path: str | None
    expected: str
    label: int
    label_name: str
    split: str
    start_frame: int | None = None
    end_frame: int | None = None


def require_folder(path: str | Path, what: str) -> Path:
    """`path` as a Path. Raises UserError if it is not a folder."""
    path = Path(path).expanduser()
    try:
        there = path.is_dir()
    except OSError as error:  # a folder above it cannot be entered
        raise UserError(f"the {what} cannot be read: {path} ({error.strerror}).") from error
    if not there:
        state = "is not a folder" if path.exists() else "does not exist"
        raise UserError(f"the {what} {state}: {path}. Correct the path in the dataset's configuration.")
    return path


def choose_splits(splits: Sequence[str] | None, default: Sequence[str]) -> list[str]:
    """The requested splits, validated; None means `default`."""
    chosen = [splits] if isinstance(splits, str) else list(default if splits is None else splits)
    for name in chosen:
        if name not in SPLITS[:3]:
            raise unknown_name("split", name, SPLITS[:3], "the reader's option 'splits'")
    if not chosen or len(set(chosen)) != len(chosen):
        raise UserError(f"the reader's option 'splits' must name each wanted split once, not {chosen}.")
    return chosen


def choose_fold(split: int, folds: int = 3) -> int:
    """The number of an official train/test division, validated: 1..folds."""
    if isinstance(split, bool) or split not in range(1, folds + 1):
        raise unknown_name("value", split, range(1, folds + 1), "the reader's option 'split'")
    return int(split)


def build_listing(
    entries: Sequence[Entry],
    annotations: Path,
    files: VideoFiles | None = None,
    classes: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """The validated listing with LISTING_SCHEMA.

    Args:
        entries: all entries of the lists, in order.
        annotations: folder of the lists, for error messages.
        files: where the videos were searched; anomalies are written to the log.
        classes: {name: number} of all classes, if the dataset has such a list. It is kept with the listing, so that
            classes without videos are known.

    Raises:
        UserError: no entry, a repeated id or file, or a recording in several splits.
    """
    if not entries:
        raise UserError(f"the list files in {annotations} name no video.")
    if files is not None:
        entries = _without_taken(entries, files)
        _note_same_files(entries, files)
        files.notes.tell()
    entries = [_written(entry, annotations) for entry in entries]
    frame = pd.DataFrame.from_records(entries, columns=Entry._fields)
    frame["status"] = frame["path"].notna().map({True: "found", False: "missing"})
    frame["path"] = frame["path"].where(frame["path"].notna(), frame["expected"])
    _check_unique(frame, "id", annotations)
    # Two ids for one file would give the same pixels two names, or put them on both sides of the split.
    _check_unique(frame[frame["status"] == "found"], "path", annotations)
    frame = frame[LISTING_SCHEMA.names]
    text = dict.fromkeys(("id", "path", "label_name", "split", "status"), "str")
    frame = frame.astype({**text, "label": "int32", "start_frame": "Int32", "end_frame": "Int32"})
    return with_class_names(frame, classes)


def _without_taken(entries: Sequence[Entry], files: VideoFiles) -> list[Entry]:
    """The entries; one counts as missing if the file that matches in another spelling belongs to another video."""
    found = Counter(path for path, _ in {(entry.path, entry.expected) for entry in entries if entry.path})
    kept = []
    for entry in entries:
        if entry.path and entry.path == files.respelled.get(escaped(entry.expected)):
            if found[entry.path] > 1:
                files.notes.add(TAKEN, f"{entry.expected} ({entry.path})")
                entry = entry._replace(path=None)
            else:
                files.notes.add(RESPELLED, f"{entry.expected} ({entry.path})")
        kept.append(entry)
    return kept


def _note_same_files(entries: Sequence[Entry], files: VideoFiles) -> None:
    """Note pairs of listed paths that are links to the same file."""
    first: dict[bytes, Entry] = {}
    for entry in entries:
        if entry.path is None:
            continue
        other = first.setdefault(files.real(entry.path), entry)
        if other.path != entry.path:
            sides = "on both sides of the split" if other.split != entry.split else "in one split"
            files.notes.add(f"listed videos are links to the file of another, {sides}", f"{entry.path} ({other.path})")


def _written(entry: Entry, annotations: Path) -> Entry:
    """The entry with its texts as the listing stores them. Raises UserError for a lone surrogate, which JSON can
    contain."""
    texts = {key: escaped(text) for key in ("id", "path", "expected", "label_name") if (text := getattr(entry, key))}
    try:
        "".join(texts.values()).encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"the list files in {annotations}: the video {entry.id!a} of the class {entry.label_name!a} has half a "
            "character in its names. Fetch the lists again."
        ) from error
    return entry._replace(**texts)


def _check_unique(frame: pd.DataFrame, column: str, annotations: Path) -> None:
    repeated = frame[frame.duplicated(column, keep=False)]
    if repeated.empty:
        return
    splits = repeated.groupby(column, sort=False)["split"].agg(lambda values: "/".join(dict.fromkeys(values)))
    leaking = splits[splits.str.contains("/")]
    worst = leaking if len(leaking) else splits
    examples = ", ".join(f"{name} ({where})" for name, where in worst.head(3).items())
    problem = "in more than one split" if len(leaking) else "listed more than once"
    noun = "video" if column == "id" else "video file"
    raise UserError(
        f"{len(worst)} {noun}(s) {problem} by the list files in {annotations}: {examples}. "
        f"Every {noun} must be listed once; remove the repeated entries, or fetch the official lists again."
    )
