"""HMDB51 (Kuehne et al. 2011): 51 classes, three official splits of 6,766 clips (1,666 unused).

Annotations: the archive "test_train_splits": one file <class>_test_split<N>.txt per class and split, with lines
"file.avi flag"; flag 1: train, 2: test, 0: neither. The archive has no class numbers; labels follow the alphabetical
order of the names, as in the usual label maps.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pandas as pd

from videossl.common.errors import UserError
from videossl.data.readers.common import (
    Entry,
    Fold,
    VideoFiles,
    build_listing,
    choose_fold,
    list_lines,
    malformed,
    require_file,
    require_text,
    visible_files,
)

SOURCE = "'test_train_splits.rar' (HMDB page of serre-lab.clps.brown.edu)"
SPLIT_OF_FLAG = {"1": "train", "2": "test", "0": "unused"}
LIST_NAME = re.compile(r"(.+)_test_split([123])\.txt")


def group(video: str) -> str:
    """RATRACE_wave_f_nm_np1_fr_goo_37 -> RATRACE_wave: film and class, without the six attributes."""
    return video.rsplit("_", 6)[0]


def read(root: Path, annotations: Path, split: Fold = 1) -> pd.DataFrame:
    """List split `split` (1, 2 or 3); videos at `root`/<class>/<file>.avi. There is no validation split."""
    fold = choose_fold(split)
    lists = _lists(annotations)
    if not lists:
        raise UserError(f"no file <class>_test_split{fold}.txt in {annotations}. They are part of {SOURCE}.")
    files = VideoFiles(root)
    entries = []
    for label, name in enumerate(sorted(lists)):
        path = require_file(lists[name].get(fold, annotations / f"{name}_test_split{fold}.txt"), SOURCE)
        for number, text in list_lines(path, raw=True):
            # The flag is the last field. File names have no spaces in the official lists, but may in others.
            video, *rest = text.rsplit(maxsplit=1)
            if not rest or rest[0] not in SPLIT_OF_FLAG:
                raise malformed(path, number, text, "'<file>.avi <flag>', flag 1 (train), 2 (test) or 0 (unused)")
            place = f"{name}/{video}"
            found = files.at(place)
            if found is None:
                require_text(path, number, text)
            entries.append(Entry(video.rpartition(".")[0] or video, found, place, label, name, SPLIT_OF_FLAG[rest[0]]))
    return build_listing(entries, annotations, files, {name: label for label, name in enumerate(sorted(lists))})


def _lists(annotations: Path) -> dict[str, dict[int, Path]]:
    """{class: {split number: list file}}."""
    found: dict[str, dict[int, Path]] = {}
    for path in visible_files(annotations, ".txt"):
        if match := LIST_NAME.fullmatch(path.name):
            found.setdefault(unicodedata.normalize("NFC", match[1]), {})[int(match[2])] = path
    return found
