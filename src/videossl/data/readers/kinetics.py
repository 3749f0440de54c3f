"""Kinetics-400/600/700 (Kay et al. 2017; Carreira et al. 2018, 2019): ten-second clips of YouTube videos.

Annotations: the official train.csv, val.csv (or validate.csv), test.csv with the columns label, youtube_id, time_start,
time_end, or any file with the split in its name (kinetics-400_train.csv). If there is no csv, plain lists as used by
toolboxes are read: `[folders/]class/id_start_end[.mp4] [frames] label`. Labels follow the alphabetical order of the
names, as in the official label maps; plain lists give their own. Lists of one release may spell a class differently
("arm wrestling", "arm_wrestling"): the spelling of the first list is used.

Videos are found by YouTube id and time range anywhere below the root, so every usual layout works:
<split>/<label>/<id>_<start>_<end>.mp4, <label>/..., labels with spaces or underscores, <id>.mp4, .mkv, .webm. Clips
that are no longer on YouTube are normal; they are listed as missing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from videossl.common.errors import UserError
from videossl.data.notes import Notes
from videossl.data.readers.common import (
    Entry,
    Spellings,
    Splits,
    VideoFiles,
    build_listing,
    choose_splits,
    csv_rows,
    list_lines,
    malformed,
    visible_files,
    written_number,
)
from videossl.data.readers.spelling import blanks, letters

SOURCE = "the official annotations ('Kinetics', Google DeepMind; also the CVD Foundation's 'kinetics-dataset')"
COLUMNS = ("youtube_id", "time_start", "time_end")
YOUTUBE_ID = 11  # characters; ids may contain "_" and "-", so names are cut by position
CLIP_NAME = re.compile(r"([\w-]{11})(?:_(\d{6})_(\d{6}))?", re.ASCII)
PLAIN_LINE = re.compile(r"(?P<folders>.*[^/])/(?P<clip>[^/\s]+)(?:\s+\d+)?\s+(?P<label>\d+)", re.ASCII)
SPELLED_ALIKE = "class names that are taken for another spelling of a class"
KEPT_APART = "classes whose names differ only in case or punctuation, kept apart"


class Clip(NamedTuple):
    """One line of a list. `label` is None in a csv, which has names only; `times` is "" or "_start_end"."""

    youtube_id: str
    times: str
    label: int | None
    label_name: str
    split: str


def group(video: str) -> str:
    """The YouTube id: Kinetics-700 has several clips of some videos."""
    return video[:YOUTUBE_ID]


def read(root: Path, annotations: Path, splits: Splits = None) -> pd.DataFrame:
    """List `splits` (default: train and val; the test lists are large and rarely used)."""
    clips: list[Clip] = []
    for split in choose_splits(splits, ("train", "val")):
        path = _list_file(annotations, split)
        clips += _read_csv(path, split) if path.suffix.lower() == ".csv" else _read_plain(path, split)
    files = VideoFiles(root)
    clips = _one_name_a_class(clips, annotations, files.notes)
    labels = _labels(clips, annotations)
    finder = _Finder(files, clips)
    entries = [
        Entry(
            clip.youtube_id + clip.times,
            finder.find(clip),
            "/".join(part for part in (clip.split, clip.label_name, f"{clip.youtube_id}{clip.times}.mp4") if part),
            labels[clip.label_name],
            clip.label_name,
            clip.split,
        )
        for clip in clips
    ]
    return build_listing(entries, annotations, files)


def _list_file(annotations: Path, split: str) -> Path:
    """<split>.csv; else the only csv with the split in its name ("val", "validate"); else the same for txt files."""
    for suffix in (".csv", ".txt"):
        if (exact := annotations / f"{split}{suffix}").is_file():
            return exact
        found = [p for p in visible_files(annotations, suffix) if re.search(rf"(?<![a-z]){split}", p.stem.lower())]
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise UserError(
                f"several files in {annotations} may be the {split} list: {names}. Leave one, or name it {split}.csv."
            )
        if found:
            return found[0]
    raise UserError(
        f"list file missing: {annotations / split}.csv (or another with '{split}' in its name). It is part of {SOURCE}."
    )


def _read_csv(path: Path, split: str) -> list[Clip]:
    rows = csv_rows(path)
    _, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    if not set(COLUMNS) <= set(header) or ("label" not in header and split != "test"):
        raise malformed(path, 1, ",".join(header), f"a header with the columns label, {', '.join(COLUMNS)}")
    video, start, end = (header.index(name) for name in COLUMNS)
    label = header.index("label") if "label" in header else None
    clips: dict[Clip, None] = {}
    for number, row in rows:
        try:
            times = f"_{int(float(row[start])):06d}_{int(float(row[end])):06d}"
            name = "" if label is None else unicodedata.normalize("NFC", row[label].strip())
            clip = Clip(row[video].strip(), times, None, name, split)
        except (IndexError, ValueError, OverflowError) as error:
            raise malformed(path, number, ",".join(row), f"values for {','.join(header)}") from error
        if len(clip.youtube_id) != YOUTUBE_ID or (not name and split != "test"):
            raise malformed(path, number, ",".join(row), "a label and an 11-character youtube_id")
        clips[clip] = None  # a line repeated word for word is one clip; differing lines are caught later
    return list(clips)


def _read_plain(path: Path, split: str) -> list[Clip]:
    expected = "'[folders/]class/id_start_end[.mp4] [frames] label'"
    clips = []
    for number, text in list_lines(path):
        line = PLAIN_LINE.fullmatch(text)
        match = line and CLIP_NAME.fullmatch(re.sub(r"\.\w{2,4}$", "", line["clip"]))
        label = written_number(line["label"]) if line else None
        if not line or not match or label is None:
            raise malformed(path, number, text, expected)
        times = f"_{match[2]}_{match[3]}" if match[2] else ""
        name = unicodedata.normalize("NFC", line["folders"].rpartition("/")[2].strip())
        clips.append(Clip(match[1], times, label, name, split))
    return clips


def _one_name_a_class(clips: list[Clip], annotations: Path, notes: Notes) -> list[Clip]:
    """The clips with one name per class: the first spelling in the first list."""
    if any(clip.label is not None for clip in clips):
        names = _names_by_number(clips, annotations)
    else:
        names = _names_by_spelling(clips, annotations)
    for name, known in names.items():
        if name != known:
            notes.add(SPELLED_ALIKE, f"{name} ({known})")
    alike: dict[str, str] = {}
    for known in dict.fromkeys(names.values()):
        if (other := alike.setdefault(letters(known), known)) != known:
            notes.add(KEPT_APART, f"{known} ({other})")
    return [clip._replace(label_name=names.get(clip.label_name, clip.label_name)) for clip in clips]


def _names_by_spelling(clips: list[Clip], annotations: Path) -> dict[str, str]:
    """{name in a list: name of its class}. Underscores equal spaces everywhere. Differences in case and punctuation are
    ignored only between lists: a list with two names that differ only in these means two classes."""
    classes: dict[str, str] = {}
    for split in dict.fromkeys(clip.split for clip in clips):
        own = dict.fromkeys(clip.label_name for clip in clips if clip.split == split and clip.label_name)
        known, written = Spellings(classes.values()), {blanks(name) for name in own}
        taken = [name for name in classes.values() if blanks(name) in written]
        of_blanks = {blanks(name): name for name in reversed(classes.values())}
        for name in own:
            if blanks(name) not in of_blanks:
                found = known.find(name, f"the {split} list in {annotations}", but=taken)
                of_blanks[blanks(name)] = name if found is None else found
            classes[name] = of_blanks[blanks(name)]
    return classes


def _names_by_number(clips: list[Clip], annotations: Path) -> dict[str, str]:
    """The same for plain lists: there the number identifies the class, and its names must be spellings of one name."""
    first: dict[int | None, str] = {}
    classes: dict[str, str] = {}
    for clip in clips:
        name = first.setdefault(clip.label, clip.label_name)
        if letters(name) != letters(clip.label_name):
            raise _disagree(annotations, f"{clip.label} is '{name}' and '{clip.label_name}'")
        classes[clip.label_name] = name
    return classes


def _labels(clips: list[Clip], annotations: Path) -> dict[str, int]:
    """{label name: number}; -1 for classes without number. In plain lists every name must have one number."""
    numbers: dict[str, int | None] = {}
    for clip in clips:
        if clip.label_name and numbers.setdefault(clip.label_name, clip.label) != clip.label:
            raise _disagree(annotations, f"'{clip.label_name}' is {numbers[clip.label_name]} and {clip.label}")
    if all(number is None for number in numbers.values()):
        return {"": -1, **{name: number for number, name in enumerate(sorted(numbers))}}
    return {"": -1, **{name: number for name, number in numbers.items() if number is not None}}


def _disagree(annotations: Path, example: str) -> UserError:
    return UserError(
        f"the lists in {annotations} do not agree on one number for each class ({example}); use lists of one origin, "
        "either all csv or all plain."
    )


class _Finder:
    """Finds a clip's file by its name, in any folder and with any video suffix."""

    def __init__(self, files: VideoFiles, clips: list[Clip]) -> None:
        self.files = files
        self.clips_of_video = Counter(clip.youtube_id for clip in clips)
        self.stems_of_video: dict[str, list[str]] = defaultdict(list)
        if any(not clip.times for clip in clips):
            for stem in files.stems():
                if CLIP_NAME.fullmatch(stem):
                    self.stems_of_video[stem[:YOUTUBE_ID]].append(stem)

    def find(self, clip: Clip) -> str | None:
        stems = [clip.youtube_id + clip.times] if clip.times else self.stems_of_video[clip.youtube_id]
        found = [path for stem in stems for path in self.files.named(stem)]
        # A file named only by the id can stand for a clip only if the lists take one clip from that video.
        if not found and self.clips_of_video[clip.youtube_id] == 1:
            found = self.files.named(clip.youtube_id)
        return min(found, key=lambda path: self._rank(path, clip.split), default=None)

    @staticmethod
    def _rank(path: str, split: str) -> tuple[bool, bool, str]:
        # The CVD Foundation provides good copies of its corrupted files in a folder "replacement...".
        parts = path.lower().split("/")[:-1]
        replaced = any(part.startswith("replacement") for part in parts)
        return not replaced, not any(part.startswith(split) for part in parts), path
