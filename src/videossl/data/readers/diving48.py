"""Diving48 V2 (Li et al. 2018, labels corrected in 2020): 48 dive types, 15,027 train and 1,970 test clips.

Annotations: Diving48_V2_train.json and Diving48_V2_test.json, lists of {vid_name, label, start_frame,
end_frame}, and Diving48_vocab.json, for each label its four attributes (take-off, somersaults, twists,
position). Only 47 of the 48 labels occur: no clip has label 30.

In the official files start_frame is 0 for every clip and end_frame is 24..822, 158 on average, the lengths of
the dives: the pair is a half-open interval of frames, so end_frame is exclusive.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from videossl.common.errors import UserError
from videossl.data.readers.common import (
    Entry,
    VideoFiles,
    build_listing,
    malformed_item,
    read_json,
    whole_number,
    written_name,
)

SOURCE = "the Diving48 V2 annotations (RESOUND page of svcl.ucsd.edu)"
EXPECTED = "{'vid_name': text, 'label': number, 'start_frame': number, 'end_frame': larger number}"


def group(video: str) -> str:
    """-mmq0PT-u8k_00155 -> -mmq0PT-u8k: the recording of the competition; the official splits never separate one."""
    return video.rpartition("_")[0]


def read(root: Path, annotations: Path) -> pd.DataFrame:
    """List the V2 split; videos at `root`/[any folder/]<vid_name>.mp4. There is no validation split."""
    vocabulary = read_json(annotations / "Diving48_vocab.json", SOURCE, list)
    try:
        names = ["+".join(attributes) for attributes in vocabulary]
    except TypeError as error:
        expected = "a list of four texts for each class"
        raise malformed_item(annotations / "Diving48_vocab.json", 0, vocabulary, expected) from error
    files = VideoFiles(root)
    entries = []
    for split in ("train", "test"):
        path = annotations / f"Diving48_V2_{split}.json"
        for index, item in enumerate(read_json(path, SOURCE, list)):
            try:
                video = written_name(item["vid_name"])
                label, start, end = (whole_number(item[key]) for key in ("label", "start_frame", "end_frame"))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise malformed_item(path, index, item, EXPECTED) from error
            if not 0 <= start < end:
                raise malformed_item(path, index, item, EXPECTED)
            if not 0 <= label < len(names):
                raise UserError(f"{path}, item {index}: label {label} is not among Diving48_vocab.json's {len(names)}.")
            found = next(iter(files.named(video)), None)
            entries.append(Entry(video, found, f"{video}.mp4", label, names[label], split, start, end))
    return build_listing(entries, annotations, files, {name: label for label, name in enumerate(names)})
