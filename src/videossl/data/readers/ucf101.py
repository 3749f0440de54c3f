"""UCF101 (Soomro et al. 2012): 101 classes, three official train/test splits of 13,320 clips.

Annotations: the archive "UCF101TrainTestSplits-RecognitionTask" (folder ucfTrainTestlist): classInd.txt,
trainlist0N.txt with lines "Class/v_Class_gNN_cNN.avi label" (label from 1), and testlist0N.txt without label.

Files of class HandstandPushups are named v_HandStandPushups_gNN_cNN.avi; copies and lists use either spelling.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from videossl.common.errors import unknown_name
from videossl.data.readers.common import (
    Entry,
    Fold,
    Spellings,
    VideoFiles,
    build_listing,
    choose_fold,
    list_lines,
    malformed,
    read_class_index,
    require_file,
    require_text,
    written_number,
)

SOURCE = "'UCF101TrainTestSplits-RecognitionTask.zip' (UCF101 page of crcv.ucf.edu)"


def group(video: str) -> str:
    """v_Archery_g08_c03 -> v_Archery_g08: clips with the same g-number were cut from one long video."""
    return video.rpartition("_c")[0]


def read(root: Path, annotations: Path, split: Fold = 1) -> pd.DataFrame:
    """List split `split` (1, 2 or 3); videos at `root`/Class/v_Class_gNN_cNN.avi. There is no validation split."""
    fold = choose_fold(split)
    classes = read_class_index(annotations / "classInd.txt", SOURCE)
    files = VideoFiles(root)
    entries = []
    for name in ("train", "test"):
        path = annotations / f"{name}list{fold:02d}.txt"
        entries += _read_list(path, name, classes, files)
    return build_listing(entries, annotations, files, classes)


def _read_list(path: Path, split: str, classes: dict[str, int], files: VideoFiles) -> list[Entry]:
    expected = "'Class/v_Class_gNN_cNN.avi'" + (" and the class number from 1" if split == "train" else "")
    spellings = Spellings(classes)
    entries = []
    for number, text in list_lines(require_file(path, SOURCE), raw=True):
        # From the right: names may contain spaces. Test lists may have a number or not.
        place, *rest = text.rsplit(maxsplit=1)
        if not (rest and rest[0].isdecimal()):
            place, rest = text, []
        folder, slash, name = place.partition("/")
        if not slash or not name or (split == "train" and not rest):
            raise malformed(path, number, text, expected)
        found = files.at(place)
        if found is None:
            require_text(path, number, text)
        known = spellings.find(folder, f"{path}, line {number}")
        if known is None:
            raise unknown_name("class", folder, classes, f"{path}, line {number}")
        label = classes[known]
        if rest and written_number(rest[0]) != label + 1:
            raise malformed(path, number, text, f"the number {label + 1} that classInd.txt gives to class {known}")
        entries.append(Entry(name.rpartition(".")[0] or name, found, place, label, known, split))
    return entries
