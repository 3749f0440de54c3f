"""A user's own dataset, described by plain lists.

Annotations: classInd.txt with lines "1 ClassName" (numbers from 1 without gap), and <split>_train.txt, <split>_test.txt
and optionally <split>_val.txt with lines "relative/path.mp4 number". `split` selects one of several divisions that lie
side by side; without it the files are train.txt, test.txt and val.txt.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd

from videossl.common.errors import UserError, unknown_name
from videossl.data.readers.common import (
    Entry,
    VideoFiles,
    build_listing,
    list_lines,
    malformed,
    read_class_index,
    require_file,
    require_text,
    visible_files,
    written_number,
)

SOURCE = "the lists that describe your dataset (docs/datasets.md, 'Your own dataset')"


def read(root: Path, annotations: Path, split: str = "") -> pd.DataFrame:
    """List division `split`. The id of a video is its path relative to `root`, exactly as in the list."""
    if not isinstance(split, str):
        raise UserError(
            f"the option 'split' of the reader 'lists' must be a text (a file name's prefix), not {split!r}."
        )
    prefix = f"{split}_" if split else ""
    if split and not (annotations / f"{prefix}train.txt").is_file():
        found = [path.name.removesuffix("train.txt").rstrip("_") for path in visible_files(annotations, "train.txt")]
        raise unknown_name("split", split, [repr(name) for name in found], f"{annotations} (no file {prefix}train.txt)")
    classes = read_class_index(annotations / "classInd.txt", SOURCE)
    names = {label: name for name, label in classes.items()}
    files = VideoFiles(root)
    entries: list[Entry] = []
    for part in ("train", "val", "test"):
        path = annotations / f"{prefix}{part}.txt"
        if part != "val" or path.is_file():
            entries += _read_list(path, part, names, files)
    return build_listing(entries, annotations, files, classes)


def _read_list(path: Path, split: str, names: dict[int, str], files: VideoFiles) -> list[Entry]:
    entries = []
    for number, text in list_lines(require_file(path, SOURCE), raw=True):
        # From the right: paths may contain spaces.
        video, *rest = text.rsplit(maxsplit=1)
        label = written_number(rest[0]) if rest else None
        if label is None:
            raise malformed(path, number, text, "'relative/path/of/video.mp4 <class number from 1>'")
        place = PurePosixPath(video)
        if place.is_absolute() or ".." in place.parts:
            raise malformed(path, number, text, "a path relative to the dataset's root, below it")
        if label - 1 not in names:
            raise UserError(
                f"{path}, line {number}: class number {label} is not one of 1..{len(names)} (classInd.txt)."
            )
        # With the listed suffix: a user's own list may contain the same name with two suffixes.
        found = files.at(str(place), any_suffix=False)
        if found is None:
            require_text(path, number, text)
        entries.append(Entry(str(place), found, str(place), label - 1, names[label - 1], split))
    return entries
