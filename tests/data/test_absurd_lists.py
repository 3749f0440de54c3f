"""Lists with numbers that no class and no frame has, and with things that are no names: told with file and line."""

from __future__ import annotations

import json

import pytest
from listed import Disk

HUGE = "9" * 5000
INDEX = {"classInd.txt": "1 A\n2 B\n"}
UCF = INDEX | {"trainlist01.txt": "A/v_A_g01_c01.avi 1\n", "testlist01.txt": "B/v_B_g01_c01.avi\n"}
LISTS = INDEX | {"train.txt": "a.mp4 1\n", "test.txt": "b.mp4 2\n"}
SSV2 = {
    "labels.json": '{"A": "0", "B": "1"}',
    "train.json": '[{"id": "1", "template": "A"}]',
    "validation.json": '[{"id": "2", "template": "A"}]',
}
HEADER = "label,youtube_id,time_start,time_end,split\n"
KINETICS = {name: f"{HEADER}A,{name[0] * 11},0,10,x\n" for name in ("train.csv", "val.csv")}


def diving(**changes: object) -> dict[str, str]:
    item = {"vid_name": "x", "label": 0, "start_frame": 0, "end_frame": 10}
    lists = {"train": [item | changes], "test": [item | {"vid_name": "y"}]}
    found = {f"Diving48_V2_{name}.json": json.dumps(items) for name, items in lists.items()}
    return found | {"Diving48_vocab.json": json.dumps([["a", "b", "c", "d"], ["a", "b", "c", "e"]])}


@pytest.mark.parametrize(
    ("reader", "files", "told"),
    [
        ("ucf101", UCF | {"classInd.txt": f"{HUGE} A\n"}, "classInd.txt, line 1: malformed"),
        ("ucf101", UCF | {"classInd.txt": "1 A\n² B\n"}, "classInd.txt, line 2: malformed"),
        ("ucf101", UCF | {"trainlist01.txt": f"A/v_A_g01_c01.avi {HUGE}\n"}, "trainlist01.txt, line 1: malformed"),
        ("lists", LISTS | {"train.txt": f"a.mp4 {HUGE}\n"}, "train.txt, line 1: malformed"),
        ("lists", LISTS | {"train.txt": f"a.mp4 1\nb.mp4 {2**31}\n"}, "train.txt, line 2: malformed"),
        ("kinetics", {"train.txt": f"A/aaaaaaaaaaa_0_1 {HUGE}\n"}, "train.txt, line 1: malformed"),
        ("kinetics", KINETICS | {"train.csv": f"{HEADER}A,aaaaaaaaaaa,{HUGE},10,x\n"}, "train.csv, line 2: malformed"),
        ("kinetics", KINETICS | {"train.csv": f"{HEADER}A,aaaaaaaaaaa,nan,10,x\n"}, "train.csv, line 2: malformed"),
        (
            "kinetics",
            KINETICS | {"train.csv": f"{HEADER}{'A' * 200_000},aaaaaaaaaaa,0,1,x\n"},
            "line 2: not",
        ),
        ("ssv2", SSV2 | {"labels.json": f'{{"A": {HUGE}}}'}, "labels.json: not usable JSON"),
        ("ssv2", SSV2 | {"labels.json": f'{{"A": "{HUGE}"}}'}, "labels.json: every value must be a class number"),
        ("ssv2", SSV2 | {"labels.json": '{"A": 1e400}'}, "labels.json: every value must be a class number"),
        ("ssv2", SSV2 | {"train.json": '[{"id": {"a": 1}, "template": "A"}]'}, "train.json, item 0: malformed"),
        ("ssv2", SSV2 | {"train.json": '[{"id": "1", "template": ["A"]}]'}, "train.json, item 0: malformed"),
        ("ssv2", SSV2 | {"train.json": "[" * 100_000}, "train.json: not usable JSON"),
        *[
            ("diving48", diving(**change), "train.json, item 0: malformed")
            for change in (
                {"end_frame": 10**12},
                {"end_frame": 10**400},
                {"end_frame": float("inf")},
                {"start_frame": -(10**400)},
                {"label": 10**400},
                {"label": 1e300},
                {"label": float("nan")},
                {"label": True},
                {"vid_name": ["a"]},
                {"vid_name": None},
                {"vid_name": 1.5},
            )
        ],
    ],
)
def test_a_line_that_makes_no_sense_is_told(disk: Disk, reader: str, files: dict[str, str], told: str) -> None:
    for name, content in files.items():
        disk.raw(name, content.encode())
    disk.fails(reader, told)
