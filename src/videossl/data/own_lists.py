"""Lists of a user's own videos, for the reader `lists`: classes from folders, a split that keeps groups together."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.files import write_text
from videossl.data.file_names import video_path
from videossl.data.notes import few
from videossl.data.readers.division import choose_test
from videossl.data.readers.video_files import VIDEO_SUFFIXES, VideoFiles, split_suffix
from videossl.data.survey import Seen, alike, joined, survey

FOLDER, NAME, SIMILARITY, NONE = "folder", "name", "similarity", "none"
WAYS = (FOLDER, NAME, SIMILARITY, NONE)
"""What keeps videos on one side: the folder within the class's, a pattern in the name, likeness; nothing."""
LISTS = ("classInd.txt", "train.txt", "test.txt")
LEFT_OUT = "left_out.txt"
"""Beside the lists: what is in none of them, with reasons."""


@dataclass
class OwnVideos:
    """The videos below a folder, and what becomes of them. Paths are relative to the folder."""

    label_of: dict[str, str] = field(default_factory=dict)
    """The class of each usable video."""
    frames: dict[str, int] = field(default_factory=dict)
    group_of: dict[str, str] = field(default_factory=dict)
    grouped_by: str = NONE
    test: set[str] = field(default_factory=set)
    left_out: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """By reason: the videos or classes that are not used, with details."""
    leaking: list[tuple[str, str]] = field(default_factory=list)
    """Near-duplicates of which one is for training and one for testing."""

    @property
    def classes(self) -> list[str]:
        """Names of the classes, sorted; their numbers count from 1."""
        return sorted(set(self.label_of.values()))

    def side(self, test: bool) -> list[str]:
        """The videos for testing, or those for training, sorted."""
        return sorted(path for path in self.label_of if (path in self.test) == test)


def find_videos(root: Path, class_pattern: str | None) -> OwnVideos:
    """The videos below `root` with their classes: the first folder's name, or in a flat folder what `class_pattern`
    captures in the names.

    Raises UserError if there is no video, or classes cannot be told.
    """
    videos, names = OwnVideos(), defaultdict(list)
    for path in sorted(VideoFiles(root).paths):
        if split_suffix(path)[1] not in VIDEO_SUFFIXES:
            videos.left_out["files whose suffix is not one of videos"][path] = ""
        elif path != path.strip() or "\n" in path or "\r" in path:
            videos.left_out["videos whose path begins or ends with a space, or has a line break"][path] = ""
        else:
            names[path.partition("/")[0] if "/" in path else ""].append(path)
    flat = names.pop("", [])
    if class_pattern is not None and not flat:
        raise UserError(
            f"--class-pattern takes classes from the names of videos in no folder, and {root} has none. Leave it out:"
            " its folders are the classes."
        )
    if flat and names and class_pattern is None:
        videos.left_out["videos that lie in no class's folder"].update(dict.fromkeys(flat, ""))
    elif flat:
        _classes_of_names(root, flat, class_pattern, videos)
    for name, paths in names.items():
        videos.label_of.update(dict.fromkeys(paths, _class_name(name)))
    if not videos.label_of:
        suffixes = ", ".join(sorted(VIDEO_SUFFIXES))
        raise UserError(f"there is no video below {root} that can be listed. Videos are files that end in {suffixes}.")
    return videos


def lists_among(videos: OwnVideos) -> list[str]:
    """Folders among the videos' that have lists as the reader `lists` wants them, with a split of their own."""
    files = {path for paths in videos.left_out.values() for path in paths}
    folders = {path.rpartition("/")[0] for path in files}
    return sorted(folder for folder in folders if all(f"{folder}/{name}".lstrip("/") in files for name in LISTS))


def _class_name(text: str) -> str:
    """A class's name as one line of a list."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _classes_of_names(root: Path, paths: list[str], pattern: str | None, videos: OwnVideos) -> None:
    if pattern is None:
        guess = r"^([^\W\d_]+)"
        found = Counter(match[1] for path in paths if (match := re.search(guess, path)))
        shown = f", which would give: {few([f'{name} ({count})' for name, count in found.most_common()])}" * bool(found)
        raise UserError(
            f"the {len(paths)} videos of {root} lie in no folders, so their classes are not known. Put them into one"
            " folder for each class, or say what in their names is the class: --class-pattern '^([^_]+)_' takes what"
            f" stands before the first _. (Another is --class-pattern '{guess}'{shown}.)"
        )
    for path in paths:
        match = re.search(pattern, _stem(path))
        if match and match[1]:
            videos.label_of[path] = _class_name(match[1])
        else:
            videos.left_out["videos in whose names --class-pattern captures nothing"][path] = ""


def _stem(path: str) -> str:
    return unicodedata.normalize("NFC", split_suffix(path.rpartition("/")[2])[0])


def look(root: Path, videos: OwnVideos, processes: int) -> dict[str, Seen]:
    """Decode all videos; leaves out those that cannot be used, and classes with fewer than two usable videos.

    Raises UserError if fewer than two classes are left.
    """
    seen = {}
    for path, found in survey({path: video_path(root, path) for path in videos.label_of}, processes):
        if isinstance(found, str):
            videos.left_out["videos that cannot be used"][path] = found
            del videos.label_of[path]
        else:
            seen[path], videos.frames[path] = found, found.frames
    counts = Counter(videos.label_of.values())
    for name, count in counts.items():
        if count < 2:
            (path,) = (path for path, own in videos.label_of.items() if own == name)
            videos.left_out["classes with one usable video, which needs two"][name] = path
            del videos.label_of[path], seen[path]
    if len(videos.classes) < 2:
        reasons = "; ".join(f"{why}: {few(list(names))}" for why, names in videos.left_out.items())
        raise UserError(
            f"{root} has {len(videos.classes)} class(es) with two usable videos or more, and two are needed, each in a"
            f" folder of its own.{f' Left out: {reasons}.' if reasons else ''}"
        )
    return seen


def divide(
    videos: OwnVideos, seen: Mapping[str, Seen], way: str | None, pattern: str | None, share: float, seed: int
) -> None:
    """Choose the test videos, and note near-duplicates that are divided.

    way: one of WAYS; None: `name` with a pattern, `folder` if there are folders within those of classes, else
    `similarity`.

    Raises UserError if a pattern does not fit, or groups leave a class without training or test videos.
    """
    paths = sorted(videos.label_of)
    pairs = [(paths[one], paths[other]) for one, other in alike([seen[path].thumbnail for path in paths])]
    nested = any(path.count("/") > 1 for path in paths)
    videos.grouped_by = way or (NAME if pattern else FOLDER if nested else SIMILARITY)
    videos.group_of = _groups(paths, videos.grouped_by, pattern, pairs)
    _choose(videos, share, seed)
    videos.leaking = [(a, b) for a, b in pairs if (a in videos.test) != (b in videos.test)]


def _groups(paths: Sequence[str], way: str, pattern: str | None, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    if way == FOLDER:  # folders of one name in several classes are of one recording
        return {path: "/".join(path.split("/")[1:-1]) or path for path in paths}
    if way == SIMILARITY:
        place = {path: number for number, path in enumerate(paths)}
        numbers = joined(len(paths), [(place[one], place[other]) for one, other in pairs])
        return {path: paths[number] for path, number in zip(paths, numbers, strict=True)}
    if way == NONE:
        return {path: path for path in paths}
    if pattern is None:
        raise UserError("grouping by name needs --group-pattern, such as --group-pattern '^([^_]+)_'.")
    found = {path: match[1] for path in paths if (match := re.search(pattern, _stem(path))) and match[1]}
    if missed := [path for path in paths if path not in found]:
        raise UserError(
            f"--group-pattern {pattern!r} captures nothing in {len(missed)} of {len(paths)} names: {few(missed)}."
            " Correct the expression so that it fits every name, or rename these files."
        )
    return found


def _choose(videos: OwnVideos, share: float, seed: int) -> None:
    """Set `test`. Near-duplicates of a class that they leave without a side are divided; groups given by the user are
    not."""
    while True:
        members: dict[str, Counter[str]] = defaultdict(Counter)
        for path, group in videos.group_of.items():
            members[group][videos.label_of[path]] += 1
        chosen = choose_test(members, share, seed)
        videos.test = {path for path, group in videos.group_of.items() if group in chosen}
        totals = Counter(videos.label_of.values())
        tested = Counter(videos.label_of[path] for path in videos.test)
        lacking = sorted(name for name, total in totals.items() if tested[name] in (0, total))
        if not lacking:
            return
        if videos.grouped_by != SIMILARITY:
            raise UserError(
                f"{len(lacking)} class(es) would have no training or no test video, as their groups (by"
                f" {videos.grouped_by}) cannot be divided: {few(lacking)}. Add videos of other groups, move these"
                " classes elsewhere, or choose another --group-by or --group-pattern."
            )
        # A name that no group has: the videos of these classes may also be like those of others.
        videos.group_of |= {path: f" {path}" for path, name in videos.label_of.items() if name in lacking}


def write_lists(videos: OwnVideos, folder: Path) -> None:
    """Write the files LISTS, as the reader `lists` wants them, and LEFT_OUT if anything is left out."""
    numbers = {name: number for number, name in enumerate(videos.classes, start=1)}
    texts = [[f"{number} {name}" for name, number in numbers.items()]]
    texts += [[f"{path} {numbers[videos.label_of[path]]}" for path in videos.side(test)] for test in (False, True)]
    for name, lines in zip(LISTS, texts, strict=True):
        write_text(folder / name, "\n".join(lines) + "\n")
    (folder / LEFT_OUT).unlink(missing_ok=True)  # of earlier lists
    if videos.left_out:
        write_text(folder / LEFT_OUT, "".join(_reasons(videos)))


def _reasons(videos: OwnVideos) -> Iterator[str]:
    """A line per file or class that is left out: why, its name, details."""
    for why, names in videos.left_out.items():
        for name, detail in names.items():
            parts = (" ".join(part.splitlines()) for part in (why, name, detail) if part)
            yield "\t".join(parts) + "\n"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
