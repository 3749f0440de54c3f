"""What the readers share: the listing's schema, list files, the index of the video files, the checks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from os import scandir
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from videossl.errors import UserError, unknown_name

SPLITS = ("train", "val", "test", "unused")
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".3gp", ".wmv"})

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


class Entry(NamedTuple):
    """One video of the lists; `path` is None when its file was not found, `expected` is where it belongs."""

    id: str
    path: str | None
    expected: str
    label: int
    label_name: str
    split: str
    start_frame: int | None = None
    end_frame: int | None = None


def require_folder(path: str | Path, what: str) -> Path:
    """`path` as a Path, or UserError if it is not a folder."""
    path = Path(path).expanduser()
    if not path.is_dir():
        state = "is not a folder" if path.exists() else "does not exist"
        raise UserError(f"the {what} {state}: {path}. Correct the path in the dataset's configuration.")
    return path


def require_file(path: Path, source: str) -> Path:
    """`path`, or UserError that names it and the official place (`source`) that it comes from."""
    if not path.is_file():
        raise UserError(f"list file missing: {path}. It is part of {source}.")
    return path


def malformed(path: Path, number: int, text: str, expected: str) -> UserError:
    """The error for line `number` (1-based) of a list file."""
    return UserError(f"{path}, line {number}: malformed line {text!r}; expected: {expected}.")


def list_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, text) of the non-blank lines; CR-LF, outer blanks and a byte-order mark do no harm.

    Raises UserError for a file without any: a download that broke off, or a list that was never filled.
    """
    empty = True
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        for number, line in enumerate(handle, start=1):
            if text := line.strip():
                empty = False
                yield number, text
    if empty:
        raise UserError(f"the list file {path} is empty. Fill it or fetch it again; a list that is optional, remove.")


def read_json(path: Path, source: str, kind: type) -> Any:
    """The content of an official JSON file, whose top level is a `kind` (list or dict)."""
    require_file(path, source)
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}, line {error.lineno}: not valid JSON ({error.msg}). Is the download complete? "
            f"It is part of {source}."
        ) from error
    if not isinstance(value, kind):
        raise UserError(f"{path}: expected a JSON {kind.__name__}, found {type(value).__name__}.")
    return value


def malformed_item(path: Path, index: int, item: object, expected: str) -> UserError:
    """The error for element `index` (0-based) of a JSON list."""
    return UserError(f"{path}, item {index}: malformed {str(item)[:200]}; expected: {expected}.")


def read_class_index(path: Path, source: str) -> dict[str, int]:
    """classInd.txt, lines "number name" counted from 1 -> {name: 0-based label}, complete and unique."""
    classes: dict[str, int] = {}
    for number, text in list_lines(require_file(path, source)):
        index, _, name = text.partition(" ")
        if not index.isdecimal() or not name.strip():
            raise malformed(path, number, text, "'<class number from 1> <class name>'")
        if name.strip() in classes:
            raise UserError(f"{path}, line {number}: class '{name.strip()}' is listed twice.")
        classes[name.strip()] = int(index) - 1
    if sorted(classes.values()) != list(range(len(classes))) or not classes:
        raise UserError(
            f"{path}: class numbers must be 1, 2, ... without gap or repetition; {len(classes)} classes read."
        )
    return classes


def choose_splits(splits: Sequence[str] | None, default: Sequence[str]) -> list[str]:
    """The wanted splits, checked; None means `default`."""
    chosen = [splits] if isinstance(splits, str) else list(default if splits is None else splits)
    for name in chosen:
        if name not in SPLITS[:3]:
            raise unknown_name("split", name, SPLITS[:3], "the reader's option 'splits'")
    if not chosen or len(set(chosen)) != len(chosen):
        raise UserError(f"the reader's option 'splits' must name each wanted split once, not {chosen}.")
    return chosen


def choose_fold(split: int, folds: int = 3) -> int:
    """The number of an official train/test division, 1..folds."""
    if isinstance(split, bool) or split not in range(1, folds + 1):
        raise unknown_name("value", split, range(1, folds + 1), "the reader's option 'split'")
    return int(split)


class VideoFiles:
    """Every file below `root`, walked once; links are followed, hidden files are not seen.

    Paths are relative to `root`, with forward slashes. 300,000 files take about a second on a local disk.
    """

    def __init__(self, root: Path) -> None:
        self.paths = frozenset(_walk(root))

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):  # sorted: the choice among copies must not depend on the disk
            stem, suffix = _split_suffix(path.rpartition("/")[2])
            if suffix in VIDEO_SUFFIXES:
                stems[stem].append(path)
        return stems

    @cached_property
    def _by_path(self) -> dict[str, str]:
        return {_split_suffix(path)[0]: path for found in self._by_stem.values() for path in reversed(found)}

    def at(self, path: str) -> str | None:
        """The file at `path`, or the same one with another video suffix (a converted copy), or None."""
        return path if path in self.paths else self._by_path.get(_split_suffix(path)[0])

    def named(self, stem: str) -> list[str]:
        """All video files with this name, whatever the folder and suffix."""
        return self._by_stem.get(stem, [])

    def stems(self) -> Iterator[str]:
        """The names, without suffix, of all video files."""
        return iter(self._by_stem)


def _split_suffix(path: str) -> tuple[str, str]:
    stem, dot, suffix = path.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot and "/" not in suffix else (path, "")


def _walk(root: Path) -> Iterator[str]:
    seen = {root.resolve()}
    pending = [(str(root), "")]
    while pending:
        folder, prefix = pending.pop()
        with scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not entry.is_dir():
                    yield prefix + entry.name
                    continue
                # A link may point back at a parent; each linked folder is therefore entered once.
                if entry.is_symlink():
                    if (target := Path(entry.path).resolve()) in seen:
                        continue
                    seen.add(target)
                pending.append((entry.path, f"{prefix}{entry.name}/"))


def build_listing(entries: Sequence[Entry], annotations: Path) -> pd.DataFrame:
    """The checked listing, as LISTING_SCHEMA says; UserError for no entry, a repeated id, leaking splits."""
    if not entries:
        raise UserError(f"the list files in {annotations} name no video.")
    frame = pd.DataFrame.from_records(entries, columns=Entry._fields)
    frame["status"] = frame["path"].notna().map({True: "found", False: "missing"})
    frame["path"] = frame["path"].where(frame["path"].notna(), frame["expected"])
    _check_unique(frame, "id", annotations)
    # Two ids on one file would put the same pixels under two names, or on both sides of the split.
    _check_unique(frame[frame["status"] == "found"], "path", annotations)
    frame = frame[LISTING_SCHEMA.names]
    text = dict.fromkeys(("id", "path", "label_name", "split", "status"), "str")
    return frame.astype({**text, "label": "int32", "start_frame": "Int32", "end_frame": "Int32"})


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
