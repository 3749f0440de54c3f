"""A user's own videos without any list: root/<class>/<video>.

The folders are the classes, numbered in the order of their names. A share of each class's videos is for testing. Which
ones does not depend on the disk or on the order of files; with `group`, videos of one person, recording or scene stay
on one side.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import AfterValidator

from videossl.common.errors import UserError
from videossl.common.ranges import InnerShare, Seed
from videossl.data.file_names import text_of
from videossl.data.notes import few
from videossl.data.readers.common import Entry, VideoFiles, build_listing
from videossl.data.readers.division import choose_test
from videossl.data.readers.video_files import VIDEO_SUFFIXES, split_suffix

LISTS = "or write lists and use the reader 'lists' (docs/own_dataset.md)"
OPTION = "the option 'group' of the reader 'folders'"


def _pattern(text: str) -> str:
    """`text`, if it is a regular expression with one capture group. Raises ValueError."""
    try:
        groups = re.compile(text).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"it is not a regular expression ({error})") from error
    if groups != 1:
        raise ValueError(
            f"it has {groups} capture groups and must have exactly one, such as '^(P[0-9]+)_'; parentheses that"
            " capture nothing are written (?:...)"
        )
    return text


Pattern = Annotated[str, AfterValidator(_pattern)] | None


def group(video: str, group: Pattern = None) -> str:
    """What the pattern captures in a video's name without suffix; without pattern, the video itself."""
    return (_captured(group, video) if group else None) or video


def read(root: Path, test: InnerShare = 0.3, group: Pattern = None, seed: Seed = 0) -> pd.DataFrame:
    """List the videos below `root`. The id of a video is its path.

    Args:
        root: has one folder for each class.
        test: share of the videos of each class that is for testing.
        group: regular expression with one capture group, searched in the names without suffix. Videos with the same
            captured text are never divided. None: each video by itself.
        seed: other divisions.

    Raises UserError if a class cannot have a training and a test video, or `group` does not fit all names.
    """
    files = VideoFiles(root)
    videos = _videos(root, files)
    _require_match(videos, group)
    tested = _tested(videos, test, group, seed)
    labels = {name: label for label, name in enumerate(sorted(videos))}
    entries = [
        Entry(path, path, path, label, name, "test" if path in tested else "train")
        for name, label in labels.items()
        for path in videos[name]
    ]
    return build_listing(entries, root, files, labels)


def _videos(root: Path, files: VideoFiles) -> dict[str, list[str]]:
    """The paths of the videos of each class, sorted. Notes what is left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(files.paths):
        if split_suffix(path)[1] in VIDEO_SUFFIXES:
            found[path.rpartition("/")[0]].append(path)
        elif "/" in path:
            files.notes.add("files whose suffix is not one of videos, left out", path)
    loose, deep = found.pop("", []), [paths[0] for folder, paths in found.items() if "/" in folder]
    for folder in sorted(_folders(root) - {folder.partition("/")[0] for folder in found}):
        files.notes.add("folders without a video, which are no classes", folder)
    files.notes.tell()
    _require_layout(root, found, loose, deep)
    return _named(root, found)


def _folders(root: Path) -> set[str]:
    """The visible folders in `root`."""
    with os.scandir(os.fsencode(root)) as entries:
        return {text_of(one.name) for one in entries if one.is_dir() and _is_seen(one.name)}


def _is_seen(name: bytes) -> bool:
    return not name.startswith(b".") and name != b"__MACOSX"


def _require_layout(root: Path, found: Mapping[str, list[str]], loose: list[str], deep: list[str]) -> None:
    """Raise UserError unless all videos lie in folders of classes."""
    layout = "The reader 'folders' reads <root>/<class>/<video>"
    if not found:
        what = f"{len(loose)} video(s) but no folder with videos" if loose else "no video in any folder"
        raise UserError(f"{root} has {what}. {layout}: make one folder for each class, {LISTS}.")
    if loose:
        raise UserError(
            f"{len(loose)} video(s) of {root} lie in no class's folder: {few(loose)}. {layout}: move them into the"
            " folders of their classes, or elsewhere."
        )
    if deep:
        raise UserError(
            f"videos of {root} lie in folders within folders, such as {few(deep, 3)}. {layout}: set `root` to the"
            f" folder of the classes, move the videos up, {LISTS}."
        )
    if len(found) == 1:
        raise UserError(
            f"{root} has one folder with videos, {next(iter(found))!r}, so one class: there is nothing to tell apart."
            f" {layout}: add the folders of other classes, or set `root` to the folder above the classes."
        )


def _named(root: Path, folders: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The videos by the name of the class: the folder's in NFC, since disks write names differently."""
    named: dict[str, str] = {}
    for folder in sorted(folders):
        other = named.setdefault(unicodedata.normalize("NFC", folder), folder)
        if other != folder:
            raise UserError(
                f"two folders of {root} have one name in two Unicode forms: {other!a} and {folder!a}. Rename one, or"
                " move its videos into the other."
            )
    return {name: folders[folder] for name, folder in named.items()}


def _require_match(videos: Mapping[str, Iterable[str]], pattern: Pattern) -> None:
    """Raise UserError unless the pattern captures a text in the name of each video."""
    if pattern is None:
        return
    paths = [path for paths in videos.values() for path in paths]
    if missed := [path for path in paths if not _captured(pattern, path)]:
        raise UserError(
            f"{OPTION}, {pattern!r}, captures nothing in {len(missed)} of {len(paths)} names (without suffix):"
            f" {few(missed)}. Correct the expression so that it fits every name, or rename these files."
        )


def _captured(pattern: str, path: str) -> str | None:
    found = re.search(pattern, _stem(path))
    return found[1] if found else None


def _stem(path: str) -> str:
    """The name of a file without suffix, in NFC: one person's name may be written in two Unicode forms."""
    return unicodedata.normalize("NFC", split_suffix(path.rpartition("/")[2])[0])


def _tested(videos: Mapping[str, Iterable[str]], share: float, pattern: Pattern, seed: int) -> set[str]:
    """The paths of the videos for testing. Raises UserError for a class without training or test videos."""
    members: dict[str, Counter[str]] = defaultdict(Counter)
    group_of = {path: group(path, pattern) for paths in videos.values() for path in paths}
    for name, paths in videos.items():
        for path in paths:
            members[group_of[path]][name] += 1
    chosen = choose_test(members, share, seed)
    tested = {path for path, own in group_of.items() if own in chosen}
    for name, paths in videos.items():
        count, total = sum(path in tested for path in paths), len(list(paths))
        if count in (0, total):
            groups = sorted({group_of[path] for path in paths})
            raise UserError(_indivisible(name, total, groups, "test" if count == 0 else "training", pattern))
    return tested


def _indivisible(name: str, total: int, groups: list[str], lacking: str, pattern: Pattern) -> str:
    """Why a class has no training or no test videos, and what helps."""
    if total == 1:
        return (
            f"class {name!r} has one video, {groups[0]}, and needs one for training and one for testing. Add videos to"
            f" its folder, move the folder elsewhere, {LISTS}."
        )
    if len(groups) == 1:
        return (
            f"all {total} videos of class {name!r} are of the group {groups[0]!r} ({OPTION}: {pattern!r}), so none"
            " would be for testing or none for training. Add videos of another group, choose an expression that puts"
            f" fewer videos together, move the class's folder elsewhere, {LISTS}."
        )
    return (
        f"class {name!r} would have no {lacking} video: its {len(groups)} groups ({few(groups)}) cannot be divided such"
        f" that every class has training and test videos ({OPTION}: {pattern!r}). Try another `seed`, choose an"
        f" expression that puts fewer videos together, {LISTS}."
    )
