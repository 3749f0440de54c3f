"""Something-Something V2 (Goyal et al. 2017): 174 templates; 168,913 + 24,777 + 27,157 videos.

Annotations: something-something-v2-{labels,train,validation,test}.json, or labels.json etc. as in the later release. An
item is {id, label, template, placeholders}. Its class is the template without brackets, looked up in the labels file,
whose values are the class numbers from 0.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from videossl.common.errors import UserError, unknown_name
from videossl.data.readers.common import (
    Entry,
    Spellings,
    Splits,
    VideoFiles,
    build_listing,
    choose_splits,
    malformed_item,
    read_json,
    whole_number,
    written_name,
)

SOURCE = "the Something-Something V2 labels package (developer.qualcomm.com, 'Something-Something v.2')"
OFFICIAL_NAME = {"train": "train", "val": "validation", "test": "test"}


def read(root: Path, annotations: Path, splits: Splits = None) -> pd.DataFrame:
    """List `splits` (default: train, val, and test if its file exists); videos at `root`/.../<id>.webm.

    The official test labels are not public: test videos have label -1.
    """
    wanted = choose_splits(splits, ("train", "val", "test"))
    if splits is None and not _file(annotations, "test").is_file():
        wanted.remove("test")
    labels = _read_labels(_file(annotations, "labels"))
    files = VideoFiles(root)
    entries: list[Entry] = []
    for split in wanted:
        entries += _read_split(_file(annotations, OFFICIAL_NAME[split]), split, labels, files)
    return build_listing(entries, annotations, files, {name: label for label, name in labels.values()})


def _file(annotations: Path, name: str) -> Path:
    short = annotations / f"{name}.json"
    return short if short.is_file() else annotations / f"something-something-v2-{name}.json"


def _key(template: str) -> str:
    # The files differ in brackets, and releases have differed in case; neither distinguishes classes.
    return " ".join(template.replace("[", "").replace("]", "").lower().split())


def _read_labels(path: Path) -> dict[str, tuple[int, str]]:
    """{normalised template: (class number, template as in the labels file)}."""
    content = read_json(path, SOURCE, dict)
    try:
        labels = {_key(name): (whole_number(number), name) for name, number in content.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: every value must be a class number ({error}).") from error
    if sorted(number for number, _ in labels.values()) != list(range(len(content))):
        raise UserError(f"{path}: class numbers must be 0, 1, ... without gap or repetition.")
    return labels


def _read_split(path: Path, split: str, labels: dict[str, tuple[int, str]], files: VideoFiles) -> list[Entry]:
    spellings = Spellings(labels)
    keys: dict[str, str | None] = {}  # 174 distinct templates: normalise each once, not once per video
    entries = []
    for index, item in enumerate(read_json(path, SOURCE, list)):
        try:
            video = written_name(item["id"])
            template = None if split == "test" else written_name(item["template"])
        except (KeyError, TypeError) as error:
            raise malformed_item(path, index, item, "{'id': text, 'template': text, ...}") from error
        label, name = -1, ""
        if template is not None:
            if template not in keys:
                keys[template] = spellings.find(_key(template), f"{path}, item {index}")
            key = keys[template]
            if key is None:
                raise unknown_name("class", template, (text for _, text in labels.values()), f"{path}, item {index}")
            label, name = labels[key]
        found = next(iter(files.named(video)), None)
        entries.append(Entry(video, found, f"{video}.webm", label, name, split))
    return entries
