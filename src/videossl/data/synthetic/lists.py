"""Writes the official list files of each dataset for its generated stand-in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from videossl.common.files import write_text
from videossl.data.synthetic.layout import Clip

# Fills the placeholder: the object of a temporal set is a nuisance, and the lists need not name it.
_SOMETHING = "a toy"


def kinetics_lists(folder: Path, names: list[str], clips: list[Clip], frames: list[int]) -> None:
    """<split>.csv with columns label, youtube_id, time_start, time_end, split."""
    for split in dict.fromkeys(clip.splits[0] for clip in clips):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("label", "youtube_id", "time_start", "time_end", "split"))
        for clip in clips:
            if clip.splits[0] == split:
                times = clip.facts["time_start"], clip.facts["time_end"]
                writer.writerow((clip.name, clip.facts["youtube_id"], *times, split))
        write_text(folder / f"{split}.csv", text.getvalue())


def ssv2_lists(folder: Path, names: list[str], clips: list[Clip], frames: list[int]) -> None:
    """<prefix>-labels.json (template without brackets to number), -train.json and -validation.json."""
    prefix = "something-something-v2"
    labels = {name.replace("[", "").replace("]", ""): str(label) for label, name in enumerate(names)}
    write_text(folder / f"{prefix}-labels.json", json.dumps(labels, indent=1) + "\n")
    for split, title in (("train", "train"), ("val", "validation")):
        items = [
            {
                "id": clip.facts["id"],
                "label": clip.name.replace("[something]", _SOMETHING).lower(),
                "template": clip.name,
                "placeholders": [_SOMETHING],
            }
            for clip in clips
            if clip.splits[0] == split
        ]
        lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
        write_text(folder / f"{prefix}-{title}.json", f"[\n{lines}\n]\n")


def ucf101_lists(folder: Path, names: list[str], clips: list[Clip], frames: list[int]) -> None:
    """classInd.txt (numbers from 1), trainlist01..03.txt with labels, testlist01..03.txt without."""
    write_text(folder / "classInd.txt", "".join(f"{label} {name}\n" for label, name in enumerate(names, 1)))
    for k in range(3):
        train = [f"{clip.path} {clip.label + 1}\n" for clip in clips if clip.splits[k] == "train"]
        test = [f"{clip.path}\n" for clip in clips if clip.splits[k] == "test"]
        write_text(folder / f"trainlist{k + 1:02d}.txt", "".join(train))
        write_text(folder / f"testlist{k + 1:02d}.txt", "".join(test))


def hmdb51_lists(folder: Path, names: list[str], clips: list[Clip], frames: list[int]) -> None:
    """<class>_test_split<k>.txt, lines "<file> <flag> ": 1 train, 2 test, 0 unused."""
    flags = {"train": 1, "test": 2, "unused": 0}
    for label, name in enumerate(names):
        for k in range(3):
            lines = (f"{Path(c.path).name} {flags[c.splits[k]]} \n" for c in clips if c.label == label)
            write_text(folder / f"{name}_test_split{k + 1}.txt", "".join(lines))


def diving48_lists(folder: Path, names: list[str], clips: list[Clip], frames: list[int]) -> None:
    """Diving48_V2_{train,test}.json with the dive's frames, and Diving48_vocab.json, four words a class."""
    write_text(folder / "Diving48_vocab.json", json.dumps([name.split() for name in names], indent=2) + "\n")
    for split in ("train", "test"):
        items = [
            {"vid_name": clip.facts["vid_name"], "label": clip.label, "start_frame": 0, "end_frame": count}
            for clip, count in zip(clips, frames, strict=True)
            if clip.splits[0] == split
        ]
        write_text(folder / f"Diving48_V2_{split}.json", json.dumps(items, indent=2) + "\n")


LISTS: dict[str, Callable[[Path, list[str], list[Clip], list[int]], None]] = {
    "k400": kinetics_lists,
    "k700": kinetics_lists,
    "ssv2": ssv2_lists,
    "ucf101": ucf101_lists,
    "hmdb51": hmdb51_lists,
    "diving48": diving48_lists,
}
