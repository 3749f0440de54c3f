"""The readers of real datasets' layouts, on small official-looking fixtures and on the official lists."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from listed import Disk, by_id

from videossl.common.errors import UserError
from videossl.data.readers import registry
from videossl.data.readers.listing import read_listing

# --- ucf101 ---


def write_ucf101(disk: Disk, newline: str = "\r\n") -> None:
    disk.text("classInd.txt", "1 Archery", "2 HandstandPushups", newline=newline)
    train = ("Archery/v_Archery_g08_c01.avi 1", "HandstandPushups/v_HandStandPushups_g08_c01.avi 2")
    disk.text("trainlist01.txt", *train, newline=newline)
    disk.text("testlist01.txt", "Archery/v_Archery_g01_c01.avi", newline=newline)
    disk.videos("Archery/v_Archery_g08_c01.avi", "Archery/v_Archery_g01_c01.mp4", "Archery/._v_x.avi")


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_ucf101(disk: Disk, newline: str) -> None:
    write_ucf101(disk, newline)
    assert by_id(disk.read("ucf101", split=1), "path", "label", "label_name", "split", "status") == {
        "v_Archery_g08_c01": ("Archery/v_Archery_g08_c01.avi", 0, "Archery", "train", "found"),
        "v_HandStandPushups_g08_c01": (
            "HandstandPushups/v_HandStandPushups_g08_c01.avi", 1, "HandstandPushups", "train", "missing",
        ),
        "v_Archery_g01_c01": ("Archery/v_Archery_g01_c01.mp4", 0, "Archery", "test", "found"),
    }  # fmt: skip


def test_ucf101_errors(disk: Disk) -> None:
    write_ucf101(disk)
    disk.fails("ucf101", "'4'", "1, 2, 3", split=4)
    disk.fails("ucf101", "trainlist02.txt", "UCF101TrainTestSplits", split=2)
    disk.text("trainlist01.txt", "Archery/v_Archery_g08_c01.avi 1", "Archery/v_Archery_g08_c02.avi")
    disk.fails("ucf101", "trainlist01.txt, line 2", "v_Archery_g08_c02.avi", "class number")
    disk.text("trainlist01.txt", "Archery/v_Archery_g08_c01.avi 2")
    disk.fails("ucf101", "line 1", "number 1 that classInd.txt gives")
    disk.text("trainlist01.txt", "Archry/v_Archery_g08_c01.avi 1")
    disk.fails("ucf101", "unknown class 'Archry'", "Did you mean Archery")
    disk.text("trainlist01.txt", "Archery/v_Archery_g08_c01.avi 1", "Archery/v_Archery_g08_c01.avi 1")
    disk.fails("ucf101", "listed more than once", "v_Archery_g08_c01")
    disk.text("trainlist01.txt", "Archery/v_Archery_g01_c01.avi 1")
    disk.fails("ucf101", "in more than one split", "v_Archery_g01_c01 (train/test)")
    disk.text("classInd.txt", "1 Archery", "3 Bowling")
    disk.fails("ucf101", "classInd.txt", "without gap")


# --- hmdb51 ---


def test_hmdb51(disk: Disk) -> None:
    disk.text("wave_test_split1.txt", "a_wave_f_nm_np1_fr_med_1.avi 1 ", "b_wave_f_nm_np1_fr_med_2.avi 2 ")
    disk.text("brush_hair_test_split1.txt", "c.avi 0", newline="\r\n")
    (disk.annotations / ".hug_test_split1.txt.swp").write_bytes(b"b0VIM 7.4\x00\xff")
    (disk.annotations / ".hug_test_split1.txt").write_bytes(b"\x00\xff")
    disk.videos("wave/a_wave_f_nm_np1_fr_med_1.avi", "brush_hair/c.avi")
    assert by_id(disk.read("hmdb51"), "path", "label", "split", "status") == {
        "c": ("brush_hair/c.avi", 0, "unused", "found"),
        "a_wave_f_nm_np1_fr_med_1": ("wave/a_wave_f_nm_np1_fr_med_1.avi", 1, "train", "found"),
        "b_wave_f_nm_np1_fr_med_2": ("wave/b_wave_f_nm_np1_fr_med_2.avi", 1, "test", "missing"),
    }


def test_hmdb51_errors(disk: Disk) -> None:
    disk.videos("x.avi")
    disk.fails("hmdb51", "test_train_splits.rar")
    disk.text("wave_test_split1.txt", "a.avi 3")
    disk.fails("hmdb51", "wave_test_split1.txt, line 1", "'a.avi 3'", "flag 1 (train)")
    disk.text("wave_test_split1.txt", "a.avi 1")
    disk.text("hug_test_split2.txt", "b.avi 1")  # a class without a file for the division would shift all labels
    disk.fails("hmdb51", "hug_test_split1.txt")


# --- ssv2 ---


def write_ssv2(disk: Disk, prefix: str = "something-something-v2-") -> None:
    labels = {"Spinning something that quickly stops": "1", "Showing something on top of something": "0"}
    item = {
        "label": "spinning cube",
        "template": "Spinning [something] that quickly stops",
        "placeholders": ["cube"],
    }
    other = {"id": "7", "template": "Showing [Something] on top of [something]", "placeholders": ["a", "b"]}
    disk.json(f"{prefix}labels.json", labels)
    disk.json(f"{prefix}train.json", [{"id": "74225", **item}])
    disk.json(f"{prefix}validation.json", [other])
    disk.videos("20bn-something-something-v2/74225.webm", "7.mp4")


@pytest.mark.parametrize("prefix", ["something-something-v2-", ""])
def test_ssv2(disk: Disk, prefix: str) -> None:
    write_ssv2(disk, prefix)
    expected = {
        "74225": ("20bn-something-something-v2/74225.webm", 1, "train", "found"),
        "7": ("7.mp4", 0, "val", "found"),
    }
    assert by_id(disk.read("ssv2"), "path", "label", "split", "status") == expected
    disk.json(f"{prefix}test.json", [{"id": "1420"}])
    expected["1420"] = ("1420.webm", -1, "test", "missing")
    assert by_id(disk.read("ssv2"), "path", "label", "split", "status") == expected
    assert list(disk.read("ssv2", splits=["val"])["id"]) == ["7"]


def test_ssv2_errors(disk: Disk) -> None:
    write_ssv2(disk)
    disk.fails("ssv2", "something-something-v2-test.json", splits=["train", "test"])
    disk.fails("ssv2", "unknown split 'validation'", "train, val, test", splits=["validation"])
    disk.json("train.json", [{"id": "1", "template": "Spining [something] that quickly stops"}])
    disk.fails("ssv2", "train.json, item 0", "Did you mean Spinning something")
    disk.json("train.json", [{"id": "1"}])
    disk.fails("ssv2", "item 0", "template")
    disk.json("train.json", [{"id": "7", "template": "Showing something on top of something"}])
    disk.fails("ssv2", "in more than one split", "7 (train/val)")
    disk.text("train.json", "[", '{"id": "1"')
    disk.fails("ssv2", "train.json, line", "not valid JSON")


# --- diving48 ---


def write_diving48(disk: Disk, **change: object) -> None:
    train = {"vid_name": "-mmq0PT-u8k_00155", "label": 1, "start_frame": 0, "end_frame": 48}
    test = {"vid_name": "8qRmKunCjtY_00016", "label": 0, "start_frame": 3, "end_frame": 70}
    disk.json("Diving48_vocab.json", [["Back", "15som", "05Twis", "FREE"], ["Dive", "NoTwis", "PIKE"]])
    disk.json("Diving48_V2_train.json", [{**train, **change}])
    disk.json("Diving48_V2_test.json", [test])
    disk.videos("rgb/-mmq0PT-u8k_00155.mp4")


def test_diving48(disk: Disk) -> None:
    write_diving48(disk)
    listing = disk.read("diving48")
    assert by_id(listing, "path", "label_name", "split", "start_frame", "end_frame", "status") == {
        "-mmq0PT-u8k_00155": ("rgb/-mmq0PT-u8k_00155.mp4", "Dive+NoTwis+PIKE", "train", 0, 48, "found"),
        "8qRmKunCjtY_00016": ("8qRmKunCjtY_00016.mp4", "Back+15som+05Twis+FREE", "test", 3, 70, "missing"),
    }


@pytest.mark.parametrize(
    ("change", "part"),
    [({"end_frame": 0}, "item 0"), ({"label": 2}, "label 2"), ({"start_frame": None}, "item 0")],
)
def test_diving48_errors(disk: Disk, change: dict, part: str) -> None:
    write_diving48(disk, **change)
    disk.fails("diving48", "Diving48_V2_train.json", part)


# --- kinetics ---

HEADER = "label,youtube_id,time_start,time_end,split"


def write_kinetics(disk: Disk, train: str = "train.csv", val: str = "val.csv") -> None:
    rows = ['"passing, in game",abc_EFG-123,2,12,train', "abseiling,0wR5jVB-WPk,417,427,train"]
    disk.text(train, HEADER, *rows, "abseiling,gone_gone_1,0,10,train", newline="\r\n")
    disk.text(val, HEADER, "zumba,AAAAAAAAAAA,15,25,val")


LAYOUTS = [
    ("train/passing, in game/abc_EFG-123_000002_000012.mp4", "train/abseiling/0wR5jVB-WPk_000417_000427.mp4"),
    ("passing,_in_game/abc_EFG-123_000002_000012.mkv", "abseiling/0wR5jVB-WPk_000417_000427.webm"),
    ("abc_EFG-123.mp4", "some/where/0wR5jVB-WPk.mkv"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "lists",
    [("train.csv", "val.csv"), ("train.csv", "validate.csv"), ("k400_train.csv", "kinetics-400_val.csv")],
)
def test_kinetics(disk: Disk, layout: tuple[str, str], lists: tuple[str, str]) -> None:
    write_kinetics(disk, *lists)
    disk.videos(*layout, "val/zumba/AAAAAAAAAAA_000099_000109.mp4")  # the last: another clip of that video
    assert by_id(disk.read("kinetics"), "path", "label", "label_name", "split") == {
        "abc_EFG-123_000002_000012": (layout[0], 1, "passing, in game", "train"),
        "0wR5jVB-WPk_000417_000427": (layout[1], 0, "abseiling", "train"),
        "gone_gone_1_000000_000010": (
            "train/abseiling/gone_gone_1_000000_000010.mp4",
            0,
            "abseiling",
            "train",
        ),
        "AAAAAAAAAAA_000015_000025": ("val/zumba/AAAAAAAAAAA_000015_000025.mp4", 2, "zumba", "val"),
    }


def test_kinetics_copies_and_several_clips_of_a_video(disk: Disk) -> None:
    clips = ("a,BBBBBBBBBBB,0,10,train", "b,CCCCCCCCCCC,0,10,train", "b,CCCCCCCCCCC,20,30,train")
    disk.text("train.csv", HEADER, *clips, clips[0])  # the repeated line is one clip
    disk.text("test.csv", "youtube_id,time_start,time_end,split", "DDDDDDDDDDD,1,11,test")
    name = "BBBBBBBBBBB_000000_000010.mp4"
    disk.videos(f"train/a/{name}", f"replacement_for_corrupted_k400/{name}", "CCCCCCCCCCC.mp4", "DDDDDDDDDDD.mp4")
    listing = by_id(disk.read("kinetics", splits=["train", "test"]), "path", "label", "status")
    assert listing["BBBBBBBBBBB_000000_000010"] == (f"replacement_for_corrupted_k400/{name}", 0, "found")
    assert listing["CCCCCCCCCCC_000000_000010"][2] == listing["CCCCCCCCCCC_000020_000030"][2] == "missing"
    assert listing["DDDDDDDDDDD_000001_000011"] == ("DDDDDDDDDDD.mp4", -1, "found")


def test_kinetics_plain_lists(disk: Disk) -> None:
    disk.text(
        "k400_train_list.txt",
        "zumba/EEEEEEEEEEE_000001_000011 300 1",
        "abseiling/FFFFFFFFFFF_000001_000011 9 0",
    )
    disk.text("k400_vallist.txt", "val_256/zumba/GGGGGGGGGGG.mp4 1")
    disk.videos("EEEEEEEEEEE_000001_000011.mp4", "val/GGGGGGGGGGG_000005_000015.mp4")
    assert by_id(disk.read("kinetics"), "path", "label", "split", "status") == {
        "EEEEEEEEEEE_000001_000011": ("EEEEEEEEEEE_000001_000011.mp4", 1, "train", "found"),
        "FFFFFFFFFFF_000001_000011": ("train/abseiling/FFFFFFFFFFF_000001_000011.mp4", 0, "train", "missing"),
        "GGGGGGGGGGG": ("val/GGGGGGGGGGG_000005_000015.mp4", 1, "val", "found"),
    }
    disk.text("k400_vallist.txt", "val_256/zumba/GGGGGGGGGGG.mp4 0")
    disk.fails("kinetics", "do not agree")


def test_kinetics_errors(disk: Disk) -> None:
    write_kinetics(disk)
    disk.fails("kinetics", "test.csv", "Google DeepMind", splits=["test"])
    (disk.annotations / "val.csv").rename(disk.annotations / "a_val.csv")
    disk.text("b_val.csv", HEADER)
    disk.fails("kinetics", "several files", "a_val.csv, b_val.csv")
    disk.text("val.csv", HEADER, "zumba,AAAAAAAAAAA,15,25,val", "zumba,AAAAAAAAAAA,15")
    disk.fails("kinetics", "val.csv, line 3", "zumba,AAAAAAAAAAA,15")
    disk.text("val.csv", HEADER, "zumba,short,15,25,val")
    disk.fails("kinetics", "line 2", "11-character")
    disk.text("val.csv", "name,youtube_id")
    disk.fails("kinetics", "line 1", "header", "time_start")
    disk.text("val.csv", HEADER, "abseiling,0wR5jVB-WPk,417,427,val")
    disk.fails("kinetics", "in more than one split", "0wR5jVB-WPk_000417_000427 (train/val)")


# --- lists ---


@pytest.mark.parametrize("split", ["", "temporal"])
def test_lists(disk: Disk, split: str) -> None:
    prefix = f"{split}_" if split else ""
    disk.text("classInd.txt", "1 A", "2 two words", newline="\r\n")
    disk.text(f"{prefix}train.txt", "A/one more.mp4 1", "B/b.MTS 2", newline="\r\n")
    disk.text(f"{prefix}test.txt", "A/c.mp4 1")
    disk.videos("A/one more.mp4", "B/b.MTS", "A/c.avi")
    options = {"split": split} if split else {}
    expected = {
        "A/one more.mp4": (0, "A", "train", "found"),
        "B/b.MTS": (1, "two words", "train", "found"),
        "A/c.mp4": (0, "A", "test", "missing"),
    }
    assert by_id(disk.read("lists", **options), "label", "label_name", "split", "status") == expected
    disk.text(f"{prefix}val.txt", "A/d.mp4 2")
    expected["A/d.mp4"] = (1, "two words", "val", "missing")
    assert by_id(disk.read("lists", **options), "label", "label_name", "split", "status") == expected


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("A/a.mp4", "expected: 'relative/path"),
        ("A/a.mp4 one", "expected: 'relative/path"),
        ("A/a.mp4 3", "class number 3 is not one of 1..2"),
        ("/data/A/a.mp4 1", "relative to the dataset's root"),
        ("../A/a.mp4 1", "relative to the dataset's root"),
    ],
)
def test_lists_errors(disk: Disk, line: str, part: str) -> None:
    disk.text("classInd.txt", "1 A", "2 B")
    disk.text("time_train.txt", "A/b.mp4 1", line)
    disk.text("time_test.txt", "A/c.mp4 1")
    disk.videos("A/b.mp4")
    disk.fails("lists", "time_train.txt, line 2", part, split="time")
    disk.fails("lists", "unknown split 'tme'", "Did you mean 'time'", split="tme")
    disk.fails("lists", str(disk.annotations / "train.txt"))


# --- all ---


def test_names_and_folders(disk: Disk, tmp_path: Path) -> None:
    write_ucf101(disk)
    disk.fails("ucf", "unknown dataset reader 'ucf'", "ucf101")
    disk.fails("ucf101", "unknown option 'splits'", "Valid: split", splits=["train"])
    with pytest.raises(UserError, match=r"folder of the videos .* does not exist"):
        read_listing("ucf101", tmp_path / "none", disk.annotations)
    with pytest.raises(UserError, match=r"annotations.* is not a folder"):
        read_listing("ucf101", disk.root, disk.annotations / "classInd.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"none of the 3 listed videos.*Archery/v_Archery_g08_c01.avi"):
        read_listing("ucf101", tmp_path / "empty", disk.annotations)
    assert registry.reader_options("kinetics") == ["splits"]


def test_readers_are_the_module_files_and_a_configuration_needs_none_of_them() -> None:
    """A new file is a new reader, which a configuration may name; a file that reads nothing is a mistake in code."""
    assert set(registry.names()) >= {"diving48", "folders", "hmdb51", "kinetics", "lists", "ssv2", "ucf101"}
    for name in registry.names():
        arguments = ["root", "annotations"] if registry.reads_lists(name) else ["root"]
        assert list(inspect.signature(registry.load(name).read).parameters)[: len(arguments)] == arguments, name
    assert [name for name in registry.names() if not registry.reads_lists(name)] == ["folders"]
    code = (
        "import sys, typing; from videossl.study.config.study import Dataset"
        "; from videossl.data.readers import registry"
        "; assert typing.get_args(Dataset.model_fields['reader'].annotation)[0].__args__ == (*registry.names(),)"
        "; sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'videossl.data.readers.kinetics')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_reader_must_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("videossl.data.readers.diving48.read")
    with pytest.raises(ValueError, match=r"readers.diving48 must define a function `read\(root, annotations"):
        registry.load("diving48")


# --- the official lists ---

official = pytest.mark.shared


@official
@pytest.mark.parametrize(
    ("split", "train", "test", "found"), [(1, 9537, 3783, 3), (2, 9586, 3734, 3), (3, 9624, 3696, 3)]
)
def test_official_ucf101(shared_dir: Path, split: int, train: int, test: int, found: int) -> None:
    data = shared_dir / "data"
    listing = read_listing("ucf101", data / "real_samples/ucf101", data / "splits/ucf101", split=split)
    assert listing["split"].value_counts().to_dict() == {"train": train, "test": test}
    assert (listing["status"] == "found").sum() == found
    names = listing.drop_duplicates("label").sort_values("label")["label_name"]
    assert list(names) == (data / "splits/labelmaps/ucf101_label_map.txt").read_text().split()


@official
@pytest.mark.parametrize("split", [1, 2, 3])
def test_official_hmdb51(shared_dir: Path, split: int) -> None:
    data = shared_dir / "data"
    listing = read_listing("hmdb51", data / "real_samples/hmdb51", data / "splits/hmdb51", split=split)
    assert listing["split"].value_counts().to_dict() == {"train": 3570, "test": 1530, "unused": 1666}
    assert set(listing.loc[listing["split"] == "train", "label"].value_counts()) == {70}
    names = listing.drop_duplicates("label").sort_values("label")["label_name"]
    assert list(names) == (data / "splits/labelmaps/hmdb51_label_map.txt").read_text().split()
    assert (listing["status"] == "found").sum() == 3


@official
def test_official_diving48(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "8qRmKunCjtY_00016.mp4").touch()
    listing = read_listing("diving48", tmp_path, shared_dir / "data/splits/diving48")
    assert listing["split"].value_counts().to_dict() == {"train": 15027, "test": 1970}
    assert set(range(48)) - set(listing["label"]) == {30}
    lengths = listing["end_frame"] - listing["start_frame"]
    assert (listing["start_frame"] == 0).all()
    assert lengths.between(24, 822).all()
    recordings = listing["id"].map(registry.group_of("diving48")).groupby(listing["split"]).agg(set)
    assert not recordings["train"] & recordings["test"]


@official
def test_official_ssv2(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "74225.webm").touch()
    listing = read_listing("ssv2", tmp_path, shared_dir / "data/splits/ssv2", splits=["val", "test"])
    assert listing["split"].value_counts().to_dict() == {"val": 24777, "test": 27157}
    val = listing[listing["split"] == "val"]
    assert set(val["label"]) == set(range(174))
    # An independent conversion of the same official file: lines "id start end label".
    other = (shared_dir / "data/splits/ssv2/raivokoot_validation_processed.txt").read_text().split("\n")
    labels = {fields[0]: int(fields[3]) for line in other if (fields := line.split())}
    assert dict(zip(val["id"], val["label"], strict=True)) == labels


@official
def test_official_kinetics(shared_dir: Path, tmp_path: Path) -> None:
    """A public plain list, and a csv in the official form made from it, find the sample videos and agree."""
    data = shared_dir / "data"
    lines = (data / "splits/k400/severe_val_videofolder.txt").read_text().split("\n")
    names = [name for name in (data / "splits/labelmaps/kinetics_label_map_k400.txt").read_text().split("\n") if name]
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/val_videofolder.txt").write_text("\n".join(lines))
    rows = [HEADER]
    for place, _, label in (line.split() for line in lines if line):
        clip = place.rpartition("/")[2]
        rows.append(f"{names[int(label)]},{clip[:11]},{int(clip[12:18])},{int(clip[19:])},val")
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv/kinetics-400_val.csv").write_text("\n".join(rows))
    plain, official = (
        read_listing("kinetics", data / "real_samples/kinetics400", tmp_path / form, splits=["val"])
        for form in ("plain", "csv")
    )
    assert len(plain) == 19328
    assert list(plain["id"]) == list(official["id"])
    assert list(plain["label"]) == list(official["label"])
    assert set(official.loc[official["status"] == "found", "label_name"]) == {"using segway"}
    assert (plain["status"] == "found").sum() == (official["status"] == "found").sum() == 3


@official
@pytest.mark.parametrize(
    ("split", "train", "test"),
    [("temporal", 688, 247), ("cross_signer", 606, 377), ("cross_signer_rev", 377, 606)],
)
def test_own_lists(shared_dir: Path, split: str, train: int, test: int) -> None:
    root = shared_dir / "data/asl24_128"
    listing = read_listing("lists", root, root / "splits", split=split)
    assert listing["split"].value_counts().to_dict() == {"train": train, "test": test}
    assert (listing["status"] == "found").all()
    assert set(listing["label"]) == set(range(24))
