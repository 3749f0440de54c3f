"""Official lists in all their spellings, encodings and company of stray files; what is malformed has file and line."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from listed import Disk, by_id

from videossl.common.errors import UserError
from videossl.data.readers.listing import read_listing
from videossl.data.readers.spelling import Spellings, letters

HEADER = "label,youtube_id,time_start,time_end"
FIRST, SECOND, THIRD = "SOX5yA1l24A", "R6llTwEh07w", "WUzgd7C1pWA"


def kinetics(disk: Disk, train: list[str], val: list[str]) -> dict[str, tuple]:
    """Lists of one clip a label -> {label as listed: (number, name)}."""
    ids = {split: [f"{split[:1]}{number:010d}" for number in range(len(names))] for split, names in
           (("train", train), ("val", val))}  # fmt: skip
    for split, names in (("train", train), ("val", val)):
        rows = [f'"{name}",{video},1,11' for name, video in zip(names, ids[split], strict=True)]
        disk.text(f"{split}.csv", HEADER, *rows)
        disk.videos(*(f"{video}_000001_000011.mp4" for video in ids[split]))
    listing = disk.read("kinetics")
    return dict(zip([*train, *val], zip(listing["label"], listing["label_name"], strict=True), strict=True))


# --- classes under several spellings ---


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("arm wrestling", "arm_wrestling"),
        ("arm_wrestling", "arm wrestling"),
        ("Arm Wrestling", "arm  wrestling"),
        ("massaging person's head", "massaging_persons_head"),
        ("massaging person's head", "massaging person\u2019s head"),
        ("passing American football (in game)", "passing_american_football_in_game"),
        ("hurling (sport)", "hurling_sport"),
        ("passing, in game", "passing in game"),
        ("petting animal (not cat)", "petting animal-not cat"),
        (unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")),
    ],
)
def test_kinetics_lists_may_spell_a_class_differently(disk: Disk, capfd, train: str, val: str) -> None:
    classes = kinetics(disk, ["abseiling", train, "zumba"], ["abseiling", val, "zumba"])
    assert classes[train] == classes[val]
    assert {number for number, _ in classes.values()} == {0, 1, 2}
    if unicodedata.normalize("NFC", val) != train:
        assert f"another spelling of a class (1): {val} ({train})" in capfd.readouterr().err


def test_names_that_one_list_tells_apart_are_classes_of_their_own(disk: Disk, capfd) -> None:
    names = [
        "passing American football (in game)",
        "passing American football (not in game)",
        "C",
        "C#",
        "C++",
        "a",
        "A",
    ]
    classes = kinetics(disk, names, names[::-1])
    assert len({number for number, _ in classes.values()}) == len(names)
    assert "kept apart (2): C# (C), A (a)" in capfd.readouterr().err
    assert len({number for number, _ in kinetics(disk, ["C", "b"], ["C", "C#", "b"]).values()}) == 3


def test_underscores_are_blanks_within_a_list_as_well(disk: Disk) -> None:
    classes = kinetics(disk, ["air drumming", "air_drumming", "zumba"], ["air_drumming", "zumba"])
    assert classes["air drumming"] == classes["air_drumming"] == (0, "air drumming")


def test_a_spelling_of_two_classes_is_an_error(disk: Disk) -> None:
    with pytest.raises(UserError, match=r"the val list .*'C!' may be 'C' or 'C#'"):
        kinetics(disk, ["C", "C#"], ["C!"])


def test_plain_kinetics_lists_hold_blanks_and_other_spellings(disk: Disk) -> None:
    disk.text("train.txt", f"train 256/hurling (sport)/{FIRST}_000299_000309.mp4 300 1", f"a b/{THIRD}_000001_000011 0")
    disk.text("val.txt", f"hurling_sport/{SECOND}_000001_000011.mp4\t1", newline="\r\n")
    disk.videos(f"hurling (sport)/{FIRST}_000299_000309.mp4", f"x/{SECOND}_000001_000011.mp4")
    assert by_id(disk.read("kinetics"), "label", "label_name", "status") == {
        f"{FIRST}_000299_000309": (1, "hurling (sport)", "found"),
        f"{THIRD}_000001_000011": (0, "a b", "missing"),
        f"{SECOND}_000001_000011": (1, "hurling (sport)", "found"),
    }
    disk.text("val.txt", f"hurling_sport/{SECOND}_000001_000011.mp4 0")
    disk.fails("kinetics", "do not agree", "0 is 'a b' and 'hurling_sport'")
    disk.text("val.txt", f"a b/{SECOND}_000001_000011.mp4 2")
    disk.fails("kinetics", "do not agree", "'a b' is 0 and 2")
    for line in ("hurling_sport/short.mp4 1", f"{SECOND}_000001_000011.mp4 1", f"a/{SECOND} one", f"a/{SECOND} 1 2 3"):
        disk.text("val.txt", f"a b/{SECOND}_000001_000011.mp4 0", line)
        disk.fails("kinetics", "val.txt, line 2", "malformed")


def ucf(disk: Disk, folder: str, on_disk: str, in_list: str, name: str = "v_{}_g02_c01.avi") -> tuple[str, str]:
    disk.text("classInd.txt", "1 Archery", "2 HandstandPushups")
    disk.text("trainlist01.txt", f"{in_list}/{name.format(in_list)} 2")
    disk.text("testlist01.txt", "Archery/v_Archery_g01_c01.avi")
    disk.videos("Archery/v_Archery_g01_c01.avi", f"{folder}/{name.format(on_disk)}")
    row = disk.read("ucf101").iloc[0]
    return row["label_name"], row["status"]


@pytest.mark.parametrize("folder", ["HandstandPushups", "HandStandPushups", "handstandpushups"])
@pytest.mark.parametrize("on_disk", ["HandstandPushups", "HandStandPushups"])
@pytest.mark.parametrize("in_list", ["HandstandPushups", "HandStandPushups"])
def test_ucf101_handstand_pushups_in_every_spelling(disk: Disk, folder: str, on_disk: str, in_list: str) -> None:
    assert ucf(disk, folder, on_disk, in_list) == ("HandstandPushups", "found")


def test_ucf101_names_may_hold_blanks_and_another_suffix(disk: Disk) -> None:
    assert ucf(disk, "handstandpushups", "my", "HandstandPushups", "v my clip.avi") == ("HandstandPushups", "found")
    disk.text("testlist01.txt", "Archery/v Archery g01 c01.avi")
    disk.text("trainlist01.txt", "HandstandPushups/v my clip.MOV\t02")
    disk.videos("archery/V Archery g01 c01.mp4")
    assert list(disk.read("ucf101")["status"]) == ["found", "found"]


def test_hmdb51_and_own_lists_hold_blanks_and_tabs(disk: Disk) -> None:
    disk.text("brush hair_test_split1.txt", "my clip.avi\t1", "other  clip.avi 2")
    disk.videos("brush_hair/my clip.avi", "brush hair/other  clip.avi")
    assert list(disk.read("hmdb51")["status"]) == ["found", "found"]
    disk.text("classInd.txt", "1\tbrush hair", "2  wave hands")
    disk.text("train.txt", "brush_hair/my clip.avi\t1")
    disk.text("test.txt", "brush hair/other  clip.avi   2 ")
    listing = disk.read("lists")
    assert list(listing["status"]) == ["found", "found"] and list(listing["label_name"]) == ["brush hair", "wave hands"]


def test_ssv2_templates_are_compared_by_their_letters(disk: Disk) -> None:
    official = "Poking something so lightly that it doesn't or almost doesn't move"
    disk.json("labels.json", {official: "0", "Putting something, something on the table": "1"})
    templates = [
        "Poking [something] so lightly that it doesn\u2019t or almost doesn\u2019t move",
        "putting_something something on the table",
    ]
    disk.json("train.json", [{"id": 7, "template": templates[0]}, {"id": "8", "template": templates[1]}])
    disk.json("validation.json", [{"id": "9", "template": official}])
    disk.videos("7.WEBM", "x/8.webm", "9.mp4")
    listing = disk.read("ssv2")
    assert list(listing["label"]) == [0, 1, 0] and (listing["status"] == "found").all()


def test_spellings_are_found_nearest_first() -> None:
    known = Spellings(["air drumming", "Air-drumming", "zumba", "+++"])
    assert known.find("air_drumming", "here") == "air drumming"
    assert known.find("Air-drumming", "here") == "Air-drumming"
    assert known.find("ZUMBA!", "here") == "zumba" and known.find("zumb", "here") is None
    assert known.find("+++", "here") == "+++" and known.find("---", "here") is None
    with pytest.raises(UserError, match="here: the class 'AIR drumming' may be 'air drumming' or 'Air-drumming'"):
        known.find("AIR drumming", "here")
    assert letters("किताब") != letters("कतब")  # vowel signs are letters


# --- encodings ---


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark", "utf-16-be-mark", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lists_in_unicode_are_read_by_their_mark(disk: Disk, encoding: str, newline: str) -> None:
    def write(name: str, *lines: str) -> None:
        text, plain = newline.join(lines), encoding.removesuffix("-mark")
        disk.raw(name, ("\ufeff" + text if plain != encoding else text).encode(plain))

    write("classInd.txt", "1 Caf\u00e9", "2 B\u2028b")
    write("train.txt", "Caf\u00e9/a\u0085.mp4 1", "", "b.mp4 2")
    write("test.txt", "\u65e5\u672c.mp4 2")
    disk.videos("Caf\u00e9/a\u0085.mp4", "b.mp4", "\u65e5\u672c.mp4")
    listing = disk.read("lists")
    assert (listing["status"] == "found").all() and list(listing["label"]) == [0, 1, 1]
    write("Diving48_vocab.json", '[["A"],', '["B"]]')
    item = {"vid_name": "b", "label": 1, "start_frame": 0, "end_frame": 5}
    write("Diving48_V2_train.json", json.dumps([item]))
    write("Diving48_V2_test.json", json.dumps([{**item, "vid_name": "\u65e5\u672c"}]))
    assert (disk.read("diving48")["status"] == "found").all()
    write("train.csv", HEADER, f"Caf\u00e9,{FIRST},1,11")
    write("val.csv", HEADER, f"Caf\u00e9,{SECOND},1,11")
    disk.videos(f"{FIRST}.mp4")
    assert set(disk.read("kinetics")["label_name"]) == {"Caf\u00e9"}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be"])
def test_lists_in_another_encoding_are_refused_with_file_and_line(disk: Disk, encoding: str) -> None:
    named = "UTF-16" if "16" in encoding else "Latin-1 or Windows-1252"
    disk.videos("Café.mp4", "b.mp4", "A/v_Café_g01.avi", "Café/x.avi", "A/x.avi")

    def broken(reader: str, name: str, *lines: str) -> None:
        before = (disk.annotations / name).read_bytes() if (disk.annotations / name).exists() else None
        disk.raw(name, "\n".join(lines).encode(encoding))
        number = "line 1" if "16" in encoding else f"line {1 + next(i for i, text in enumerate(lines) if 'é' in text)}"
        disk.fails(reader, f"{name}, {number}", named)
        if before is not None:
            disk.raw(name, before)

    disk.text("classInd.txt", "1 A", "2 B")
    disk.text("train.txt", "Café.mp4 1")
    disk.text("test.txt", "b.mp4 2")
    broken("lists", "train.txt", "b.mp4 1", "Café.mp4 1")
    broken("lists", "classInd.txt", "1 A", "2 Café")
    disk.text("trainlist01.txt", "A/x.avi 1")
    disk.text("testlist01.txt", "A/y.avi")
    broken("ucf101", "trainlist01.txt", "A/x.avi 1", "", "A/v_Café_g01.avi 1")
    broken("ucf101", "testlist01.txt", "A/v_Café_g01.avi")
    broken("hmdb51", "A_test_split1.txt", "x.avi 1", "v_Café_g01.avi 1")
    disk.text("val.csv", HEADER, f"a,{SECOND},1,11")
    broken("kinetics", "train.csv", HEADER, f"Café,{FIRST},1,11")
    (disk.annotations / "train.csv").unlink()
    (disk.annotations / "train.txt").unlink()
    broken("kinetics", "train.txt", f"a/{FIRST} 1", f"Café/{THIRD} 1")
    broken("ssv2", "labels.json", "{", '"Café": 0}')


def test_nothing_is_replaced_in_a_path(disk: Disk) -> None:
    disk.text("classInd.txt", "1 A")
    disk.text("test.txt", "b.mp4 1")
    disk.videos("b.mp4", "Caf\ufffd.mp4")
    disk.raw("train.txt", b"Caf\xe9.mp4 1\n")
    code, text, listing = disk.job("lists")
    assert code == 2 and listing is None and "Traceback" not in text
    assert r"train.txt, line 1: not UTF-8 text: Caf\xe9.mp4 1." in text and "iconv" in text


# --- stray files ---

STRAY = ["._{}", ".{}.swp", ".DS_Store", ".{}", "{}~", "#{}#"]


@pytest.mark.parametrize("stray", STRAY)
def test_stray_files_beside_the_lists_are_not_read(disk: Disk, stray: str) -> None:
    def text(name: str, *lines: str) -> None:
        disk.text(name, *lines)
        disk.raw(stray.format(name), b"\0\5\26\7\xff")

    disk.videos(f"{FIRST}.mp4", "a/x.avi", "._x.avi", "a/._x.avi")
    text("kinetics-400_train.csv", HEADER, f"a,{FIRST},299,309")
    text("kinetics-400_validate.csv", HEADER, f"a,{SECOND},1,11")
    assert list(disk.read("kinetics")["status"]) == ["found", "missing"]
    text("a_test_split1.txt", "x.avi 1")
    assert list(disk.read("hmdb51")["label_name"]) == ["a"]
    text("classInd.txt", "1 a")
    text("t_train.txt", "a/x.avi 1")
    text("t_test.txt", "a/y.avi 1")
    assert list(disk.read("lists", split="t")["status"]) == ["found", "missing"]
    disk.fails("lists", "unknown split 'u'", "Valid: 't'.", split="u")
    text("trainlist01.txt", "a/x.avi 1")
    text("testlist01.txt", "a/y.avi")
    assert list(disk.read("ucf101")["status"]) == ["found", "missing"]


def test_plain_kinetics_lists_beside_hidden_ones(disk: Disk) -> None:
    disk.videos(f"{FIRST}.mp4")
    disk.text("k400_train_list.txt", f"a/{FIRST} 0")
    disk.text("k400_val_list.txt", f"a/{SECOND} 0")
    disk.raw("._k400_train_list.txt", b"\0\5\26\7")
    (disk.annotations / "train").mkdir()
    (disk.annotations / "train.csv").mkdir()  # a folder is no list
    assert list(disk.read("kinetics")["status"]) == ["found", "missing"]
    disk.text("train.txt", f"a/{FIRST} 0")  # of several, the one that is called so
    assert list(disk.read("kinetics")["status"]) == ["found", "missing"]


# --- malformed ---


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        (['"abseiling,AAAAAAAAAAA,1,11', "zumba,BBBBBBBBBBB,1,11"], ["line 2", "quote not closed"]),
        (['"abseiling,AAAAAAAAAAA,1,11', '"zumba",BBBBBBBBBBB,1,11'], ["line 2"]),
        (["a,AAAAAAAAAAA,1,11", '"abseiling', 'zumba",BBBBBBBBBBB,1,11'], ["line 3", "one line"]),
        (["a,AAAAAAAAAAA,1,inf"], ["line 2", "values for"]),
        (["a,AAAAAAAAAAA,1,nan"], ["line 2", "values for"]),
        (["a,AAAAAAAAAAA,1"], ["line 2"]),
        (["", "a,AAA,1,11"], ["line 3", "11-character"]),
        ([",AAAAAAAAAAA,1,11"], ["line 2", "a label"]),
    ],
)
def test_malformed_csv(disk: Disk, rows: list[str], parts: list[str]) -> None:
    disk.text("train.csv", HEADER, *rows)
    disk.text("val.csv", HEADER, f"a,{SECOND},1,11")
    disk.videos(f"{SECOND}.mp4")
    disk.fails("kinetics", "train.csv", *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b'[\n{"id": "1"', ["line 2", "not valid JSON"]),
        (b"", ["line 1", "not valid JSON"]),
        (b'[{"id": "1",\n"template": "\xe9"}]', ["line 2", "not UTF-8"]),
        (b"[\n\0]", ["line 2", "zero byte"]),
        (b"\xff\xfe[\0\n\0\x00\xd8", ["line 2", "UTF-16"]),
        (b'{"id": 1}', ["expected a JSON list, found dict"]),
        (b'[{"id": "1"}]', ["item 0", "template"]),
        (b"[1]", ["item 0"]),
        (b"[" * 100_000, ["not usable JSON"]),
        (b'[{"id": ' + b"9" * 5000 + b"}]", ["not usable JSON"]),
        (b'[{"id": "1\\ud800", "template": "A"}]', ["half a character"]),
    ],
)
def test_malformed_json(disk: Disk, content: bytes, parts: list[str]) -> None:
    disk.json("labels.json", {"A": 0})
    disk.json("validation.json", [{"id": "2", "template": "A"}])
    disk.raw("train.json", content)
    disk.videos("2.webm")
    disk.fails("ssv2", *parts)


@pytest.mark.parametrize("value", [1.5, True, "x", None, [], float("inf")])
def test_numbers_of_json_files_are_whole(disk: Disk, value: object) -> None:
    disk.json("Diving48_vocab.json", [["A"], ["B"]])
    item = {"vid_name": "a", "label": 0, "start_frame": 0, "end_frame": 9}
    disk.json("Diving48_V2_test.json", [{**item, "vid_name": "b"}])
    disk.videos("a.mp4")
    disk.json("Diving48_V2_train.json", [item, {**item, "vid_name": "c", "end_frame": value}])
    disk.fails("diving48", "Diving48_V2_train.json, item 1")
    disk.json("Diving48_V2_train.json", [{**item, "end_frame": "9"}])
    assert list(disk.read("diving48")["end_frame"]) == [9, 9]
    disk.json("Diving48_vocab.json", [["A"], 3])
    disk.fails("diving48", "Diving48_vocab.json", "four texts")
    disk.json("labels.json", {"A": value})
    disk.fails("ssv2", "labels.json", "class number")


def test_binary_files_with_the_name_of_a_list(disk: Disk) -> None:
    disk.text("classInd.txt", "1 A")
    disk.raw("train.txt", b"a.mp4 1\n\0\5\26\7")
    disk.text("test.txt", "b.mp4 1")
    disk.videos("a.mp4")
    disk.fails("lists", "train.txt, line 2", "zero byte")


# --- the official lists ---


@pytest.mark.shared
def test_official_kinetics_lists_of_two_toolboxes_are_one_dataset(shared_dir: Path, tmp_path: Path) -> None:
    """One keeps the underscores of the folders and drops parentheses, the other spells the names out."""
    data = shared_dir / "data"
    names = [name for name in (data / "splits/labelmaps/kinetics_label_map_k400.txt").read_text().split("\n") if name]
    (tmp_path / "lists").mkdir()
    rows = [HEADER, *(f'"{name}",v{number:010d},1,11' for number, name in enumerate(names))]
    (tmp_path / "lists/train.csv").write_text("\n".join(rows))
    rows = [HEADER]
    for line in (data / "splits/k400/severe_val_videofolder.txt").read_text().split("\n"):
        if line:
            folder, _, clip = line.split()[0].rpartition("/")
            rows.append(f"{folder},{clip[:11]},{int(clip[12:18])},{int(clip[19:])}")
    (tmp_path / "lists/val.csv").write_text("\n".join(rows))
    listing = read_listing("kinetics", data / "real_samples/kinetics400", tmp_path / "lists")
    assert set(listing["label_name"]) == set(names)
    train, val = (set(listing.loc[listing["split"] == split, "label"]) for split in ("train", "val"))
    assert val <= train and len(train) == 400


@pytest.mark.shared
@pytest.mark.parametrize("split", [1, 2, 3])
def test_official_ucf101_with_files_in_either_spelling(shared_dir: Path, tmp_path: Path, split: int) -> None:
    lists = shared_dir / "data/splits/ucf101"
    for path in [
        line.split()[0]
        for name in ("train", "test")
        for line in (lists / f"{name}list{split:02d}.txt").read_text().splitlines()
    ]:
        if path.startswith("Hand"):
            other = tmp_path / path.replace("HandStand", "Handstand")
            other.parent.mkdir(exist_ok=True)
            other.touch()
    listing = read_listing("ucf101", tmp_path, lists, split=split)
    assert set(listing.loc[listing["label_name"].str.startswith("Hand"), "status"]) == {"found"}
    assert (listing["status"] == "found").sum() >= 128
