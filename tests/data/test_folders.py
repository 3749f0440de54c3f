"""The reader of videos in folders of classes, without lists: its classes, its division, its errors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from listed import Disk

from videossl.common.errors import UserError
from videossl.data.readers import registry
from videossl.data.readers.division import choose_test
from videossl.data.readers.listing import read_listing
from videossl.data.readers.validation import with_validation
from videossl.study.config.study import Dataset

PERSON = "^([^_]+)_"


def write_persons(disk: Disk, persons: int = 10, clips: int = 4) -> None:
    for label in ("run", "jump", "Wave"):
        disk.videos(*(f"{label}/P{person:02d}_{clip}.mp4" for person in range(persons) for clip in range(clips)))


def in_test(listing: pd.DataFrame) -> dict[str, int]:
    return listing[listing["split"] == "test"]["label_name"].value_counts().to_dict()


def test_classes_are_the_folders_and_each_gives_its_share(disk: Disk) -> None:
    write_persons(disk)
    listing = disk.read("folders")
    assert set(listing["split"]) == {"train", "test"} and len(listing) == 120
    names = listing.drop_duplicates("label").set_index("label")["label_name"].to_dict()
    assert names == {0: "Wave", 1: "jump", 2: "run"}
    assert (listing["id"] == listing["path"]).all() and (listing["status"] == "found").all()
    assert in_test(listing) == {"Wave": 12, "jump": 12, "run": 12}
    assert in_test(disk.read("folders", test=0.1)) == {"Wave": 4, "jump": 4, "run": 4}


def test_the_division_depends_on_the_seed_alone(disk: Disk, tmp_path: Path) -> None:
    write_persons(disk)
    other = Disk(_folder(tmp_path / "other"))
    for path in sorted((path.relative_to(disk.root) for path in disk.root.rglob("*.mp4")), reverse=True):
        other.videos(str(path))
    for options in ({}, {"group": PERSON}, {"group": PERSON, "seed": 5}):
        pd.testing.assert_frame_equal(disk.read("folders", **options), other.read("folders", **options))
    splits = [tuple(disk.read("folders", seed=seed)["split"]) for seed in range(5)]
    assert len(set(splits)) == 5


def test_groups_are_never_divided_and_classes_stay_balanced(disk: Disk) -> None:
    write_persons(disk)
    for seed in range(3):
        listing = disk.read("folders", group=PERSON, seed=seed)
        sides = listing.groupby(listing["id"].str.extract(r"/(P\d+)_")[0])["split"].nunique()
        assert len(sides) == 10 and (sides == 1).all()
        assert in_test(listing) == {"Wave": 12, "jump": 12, "run": 12}


def test_validation_keeps_groups_together(disk: Disk) -> None:
    write_persons(disk)
    options = {"group": PERSON}
    listing = with_validation(disk.read("folders", **options), 0.2, 0, registry.group_of("folders", options))
    sides = listing.groupby(listing["id"].str.extract(r"/(P\d+)_")[0])["split"].nunique()
    assert (sides == 1).all() and set(listing["split"]) == {"train", "val", "test"}


def test_groups_of_unequal_size_come_near_the_share(disk: Disk) -> None:
    """By exchanges: any first choice of groups of 1, 2, 4, 8 and 16 videos alone may be far from it."""
    for label in ("a", "b"):
        disk.videos(*(f"{label}/{label}{size}_{clip}.mp4" for size in (1, 2, 4, 8, 16) for clip in range(size)))
    for seed in range(5):
        assert in_test(disk.read("folders", group=PERSON, seed=seed)) == {"a": 9, "b": 9}


def test_every_class_has_both_sides_where_groups_are_hard_to_divide() -> None:
    """Chains of groups that share classes: p0 has classes 0 and 1, p1 has 1 and 2, …"""
    members = {f"p{n}": Counter({str(n): 3, str((n + 1) % 8): 3}) for n in range(8)}
    for seed in range(20):
        chosen = choose_test(members, 0.3, seed)
        for label in range(8):
            groups = {f"p{label}", f"p{(label - 1) % 8}"}
            assert len(groups & chosen) == 1, (seed, label)


def test_many_videos_are_divided_at_once() -> None:
    members = {f"{n}.mp4": Counter({str(n % 7): 1}) for n in range(7 * 3000)}
    counts = Counter(int(name.removesuffix(".mp4")) % 7 for name in choose_test(members, 0.25, 0))
    assert set(counts.values()) == {750}


def test_what_is_no_video_is_left_out_and_noted(disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    write_persons(disk, persons=2, clips=1)
    disk.videos(
        "run/._P00_0.mp4", ".trash/x.mp4", "__MACOSX/run/x.mp4", "run/notes.txt", "lists/train.txt", "readme.md"
    )
    (disk.root / "empty").mkdir()
    (disk.root / "run" / "gone.mp4").symlink_to("nowhere.mp4")
    (disk.root / "run" / "P02_0.MOV").symlink_to(disk.root / "jump" / "P00_0.mp4")
    listing = disk.read("folders")
    assert sorted(listing["id"]) == [
        *("Wave/P00_0.mp4", "Wave/P01_0.mp4", "jump/P00_0.mp4", "jump/P01_0.mp4"),
        *("run/P00_0.mp4", "run/P01_0.mp4", "run/P02_0.MOV"),
    ]
    noted = capsys.readouterr().err
    assert "left out (2): lists/train.txt, run/notes.txt" in noted
    assert "folders without a video, which are no classes (2): empty, lists" in noted
    assert "links that lead nowhere" in noted and "run/gone.mp4" in noted
    assert "links to the file of another" in noted and "run/P02_0.MOV" in noted


def test_names_in_any_unicode_form(disk: Disk) -> None:
    disk.videos("caf\N{LATIN SMALL LETTER E WITH ACUTE}/a.mp4", "caf\N{LATIN SMALL LETTER E WITH ACUTE}/b.mp4")
    disk.videos("zoe\N{COMBINING DIAERESIS}/a.mp4", "zoe\N{COMBINING DIAERESIS}/b.mp4")
    names = ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "zo\N{LATIN SMALL LETTER E WITH DIAERESIS}"]
    assert list(disk.read("folders")["label_name"].unique()) == names
    disk.videos("cafe\N{COMBINING ACUTE ACCENT}/c.mp4")
    disk.fails("folders", "one name in two Unicode forms", r"'cafe\u0301'")


def test_layouts_that_are_refused(disk: Disk) -> None:
    disk.fails("folders", "no video in any folder", "one folder for each class", "reader 'lists'")
    disk.videos("a.mp4")
    disk.fails("folders", "1 video(s) but no folder with videos", "<root>/<class>/<video>")
    disk.videos("run/a.mp4", "run/b.mp4")
    disk.fails("folders", "1 video(s)", "no class's folder: a.mp4", "move them")
    (disk.root / "a.mp4").unlink()
    disk.fails("folders", "one folder with videos, 'run'", "one class")
    disk.videos("jump/monday/a.mp4", "jump/b.mp4")
    disk.fails("folders", "folders within folders", "jump/monday/a.mp4", "move the videos up")


def test_classes_that_cannot_be_divided_are_named(disk: Disk) -> None:
    disk.videos("run/P1_1.mp4", "run/P2_1.mp4", "jump/P1_1.mp4")
    disk.fails("folders", "class 'jump' has one video, jump/P1_1.mp4", "Add videos")
    disk.videos("jump/P1_2.mp4")
    assert in_test(disk.read("folders")) == {"jump": 1, "run": 1}
    disk.fails("folders", "all 2 videos of class 'jump' are of the group 'P1'", PERSON, "another group", group=PERSON)
    disk.videos("jump/P2_1.mp4", "walk/P2_1.mp4", "walk/P3_1.mp4", "walk/P3_2.mp4")
    disk.videos("swim/P1_1.mp4", "swim/P3_1.mp4")  # three persons, of whom each class has another two
    for label in ("run", "jump"):
        (disk.root / label / "P1_2.mp4").unlink(missing_ok=True)
    disk.fails("folders", "cannot be divided such that every class", "another `seed`", group=PERSON)


def test_wrong_options_are_refused(disk: Disk) -> None:
    write_persons(disk, persons=3)
    disk.videos("run/x.mp4")
    disk.fails("folders", "captures nothing in 1 of 37 names", "run/x.mp4", group=PERSON)
    disk.fails("folders", "captures nothing in 37 of 37 names", "and 32 more", group="(Q[0-9]+)")
    disk.fails("folders", "captures nothing in 1 of 37 names", "run/x.mp4", group="^(P?)")  # an empty text is no group
    where = "datasets.mine.options"
    for pattern, said in (("(P", "not a regular expression"), ("P[0-9]", "0 capture groups"), ("(P)(_)", "2 capture")):
        with pytest.raises(UserError, match=rf"option 'group' of dataset reader 'folders' \({where}\).*{said}"):
            registry.check_values("folders", {"group": pattern}, where)
    for share in (0, 1, 1.5, -0.1, True, "half"):
        with pytest.raises(UserError, match=r"option 'test'.*above 0 to below 1"):
            registry.check_values("folders", {"test": share}, where)
    registry.check_values("folders", {"group": None, "test": 0.5, "seed": 3}, where)


def test_a_dataset_of_folders_needs_no_lists_and_refuses_them(tmp_path: Path) -> None:
    dataset = Dataset.model_validate({"title": "Mine", "reader": "folders", "root": "videos"})
    assert dataset.annotations is None
    with pytest.raises(ValueError, match="`folders` reads no lists, but `annotations` is given"):
        Dataset.model_validate({"title": "Mine", "reader": "folders", "root": "videos", "annotations": "lists"})
    with pytest.raises(ValueError, match="`root` is missing: give `root`"):
        Dataset.model_validate({"title": "Mine", "reader": "folders"})
    with pytest.raises(ValueError, match="`annotations` is missing: give `root` and `annotations`"):
        Dataset.model_validate({"title": "Mine", "reader": "lists", "root": "videos"})
    with pytest.raises(UserError, match=r"folder of the videos .* does not exist"):
        read_listing("folders", tmp_path / "none", tmp_path / "none")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
