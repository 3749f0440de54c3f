"""Video files are found whatever links, locks and spellings lie in their way, and what is left out is told."""

from __future__ import annotations

import errno
import os
import random
import socket
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from listed import Disk, by_id

from videossl.common.errors import UserError
from videossl.data.file_names import bytes_of, text_of, video_path
from videossl.data.readers.video_files import MAX_PATHS, VideoFiles


def lists(disk: Disk, train: str, test: str = "b.mp4", **more: str) -> None:
    disk.text("classInd.txt", "1 A", "2 B")
    disk.text("train.txt", *(f"{path} 1" for path in train.split("|")))
    disk.text("test.txt", *(f"{path} 2" for path in test.split("|")))


def found(disk: Disk) -> dict[str, str]:
    """{listed path: file, or "missing"} of the reader `lists`."""
    rows = disk.read("lists").itertuples()
    return {row.id: row.path if row.status == "found" else "missing" for row in rows}


def below(root: Path) -> list[str]:
    return sorted(VideoFiles(root).paths)


# --- links ---


def test_several_links_to_one_folder_are_all_followed(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "disk/inner").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "inner/c.mp4"):
        (tmp_path / "disk" / name).touch()
    (disk.root / "train").symlink_to(tmp_path / "disk")
    (disk.root / "test").symlink_to("../disk")  # a sibling
    (disk.root / "deep/er").mkdir(parents=True)
    (disk.root / "deep/er/again").symlink_to(disk.root / "test")  # a chain of links, further down
    (disk.root / "part").symlink_to(tmp_path / "disk/inner")  # a part of what another link holds
    lists(disk, "train/a.mp4|part/c.mp4", "test/b.mp4|deep/er/again/inner/c.mp4")
    assert found(disk) == {
        path: path for path in ("train/a.mp4", "part/c.mp4", "test/b.mp4", "deep/er/again/inner/c.mp4")
    }


@pytest.mark.parametrize("order", range(4))
def test_the_order_of_a_folder_on_disk_changes_nothing(disk: Disk, tmp_path: Path, monkeypatch, order: int) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/SOX5yA1l24A_000299_000309.mp4").touch()
    for name in ("z", "m", "a"):
        (disk.root / name).symlink_to(tmp_path / "disk")
    (disk.root / "Clip.avi").touch()
    (disk.root / "CLIP.avi").touch()
    real = os.scandir

    class Shuffled:
        def __init__(self, folder) -> None:
            with real(folder) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name)
            random.Random(order).shuffle(self.entries)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Shuffled)
    files = VideoFiles(disk.root)
    assert files.named("SOX5yA1l24A_000299_000309") == [f"{n}/SOX5yA1l24A_000299_000309.mp4" for n in ("a", "m", "z")]
    assert files.at("clip.avi") is None
    assert "clip.avi (CLIP.avi or Clip.avi)" in next(iter(files.notes.names.values()))


def test_loops_of_any_length_end(disk: Disk, tmp_path: Path, capfd) -> None:
    disk.videos("x/y/a.mp4", "b.mp4")
    links = {
        "self": "self",
        "here": ".",
        "x/up": "..",
        "x/y/root": str(disk.root),
        "parent": "..",
        "one": "two",
        "two": "three",
        "three": "one",
        "slash": "/",
    }
    for name, to in links.items():
        (disk.root / name).symlink_to(to)
    (tmp_path / "far").mkdir()
    (tmp_path / "far/back").symlink_to(disk.root / "x")
    (disk.root / "x/away").symlink_to(tmp_path / "far")  # x -> far -> x
    assert below(disk.root) == ["b.mp4", "x/y/a.mp4"]
    told = capfd.readouterr().err
    assert "links back to a folder above them, not followed (6): here, parent, slash, x/up, x/away/back" in told
    assert "cannot be read (Too many levels of symbolic links), left out (4): one, self, three, two" in told


def test_folders_that_link_to_each_other_are_walked_in_time(disk: Disk) -> None:
    """Twelve folders with links to all others have more ways than can be walked."""
    names = [f"d{number:02d}" for number in range(12)]
    disk.videos(*(f"{name}/{name}.mp4" for name in names))
    for name in names:
        for other in names:
            if other != name:
                (disk.root / name / f"to_{other}").symlink_to(f"../{other}")
    paths = below(disk.root)
    assert {f"{name}/{name}.mp4" for name in names} <= set(paths)
    assert "d00/to_d01/d01.mp4" in paths
    assert len(paths) <= MAX_PATHS * len(names)


def test_links_to_files_are_files_and_broken_ones_are_told(disk: Disk, tmp_path: Path, capfd) -> None:
    (tmp_path / "one.mp4").touch()
    (tmp_path / "chain").symlink_to("one.mp4")
    (disk.root / "a.mp4").symlink_to(tmp_path / "chain")
    disk.videos("b.mp4")
    (disk.root / "gone.mp4").symlink_to("nowhere.mp4")
    lists(disk, "a.mp4|gone.mp4")
    assert found(disk) == {"a.mp4": "a.mp4", "gone.mp4": "missing", "b.mp4": "b.mp4"}
    assert "links that lead nowhere below the root, left out (1): gone.mp4" in capfd.readouterr().err


def test_two_names_for_one_file_are_told(disk: Disk, tmp_path: Path, capfd) -> None:
    disk.videos("real/a.mp4", "real/b.mp4")
    (disk.root / "link").symlink_to("real")
    (disk.root / "c.mp4").symlink_to("real/b.mp4")
    lists(disk, "real/a.mp4|real/b.mp4|c.mp4", "link/a.mp4")
    assert all(path != "missing" for path in found(disk).values())
    told = capfd.readouterr().err
    assert "listed videos are links to the file of another, in one split (1): c.mp4 (real/b.mp4)" in told
    assert "on both sides of the split (1): link/a.mp4 (real/a.mp4)" in told


# --- what cannot be read, and what is no file ---


def test_pipes_sockets_and_devices_are_never_opened(disk: Disk, capfd) -> None:
    disk.videos("a.mp4", "b.mp4")
    os.mkfifo(disk.root / "pipe.mp4")
    (disk.root / "device.mp4").symlink_to("/dev/null")
    (disk.root / "to_pipe.avi").symlink_to("pipe.mp4")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(disk.root / "socket.mp4"))  # a socket's path must be short
        lists(disk, "a.mp4|pipe.mp4")
        assert found(disk) == {"a.mp4": "a.mp4", "pipe.mp4": "missing", "b.mp4": "b.mp4"}
    told = capfd.readouterr().err
    for text in ("named pipes below the root, left out (2): pipe.mp4, to_pipe.avi", "sockets", "devices"):
        assert text in told


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.ENAMETOOLONG, errno.ENOENT])
def test_a_folder_that_cannot_be_read_is_told_and_left_out(disk: Disk, monkeypatch, capfd, number: int) -> None:
    disk.videos("a.mp4", "b.mp4", "lost+found/c.mp4", "z/d.mp4")
    real = os.scandir

    def scandir(folder):
        if os.fsencode(folder).endswith(b"lost+found"):
            raise OSError(number, os.strerror(number), folder)
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    lists(disk, "a.mp4|z/d.mp4")
    assert set(found(disk).values()) == {"a.mp4", "z/d.mp4", "b.mp4"}
    told = capfd.readouterr().err
    assert f"cannot be read ({os.strerror(number)}), left out (1): lost+found/" in told


def test_an_error_in_the_middle_of_a_folder_keeps_what_came_before(disk: Disk, monkeypatch, capfd) -> None:
    disk.videos("a.mp4", "b.mp4")
    real = os.scandir

    class Breaking:
        def __init__(self, folder) -> None:
            with real(folder) as entries:
                self.entries = list(entries)

        def __enter__(self):
            yield from self.entries
            raise OSError(errno.EIO, "Input/output error")

        def __exit__(self, *_) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Breaking)
    (disk.root / "in").mkdir()
    lists(disk, "a.mp4")
    with pytest.raises(UserError, match=r"\(root\) cannot be read: .*Input/output error"):
        below(disk.root)  # of the root, all may be missing: that is an error
    monkeypatch.setattr(os, "scandir", lambda f: Breaking(f) if os.fsencode(f).endswith(b"/in") else real(f))
    disk.videos("in/c.mp4")
    assert below(disk.root) == ["a.mp4", "b.mp4", "in/c.mp4"]
    assert "cannot be read (Input/output error), left out (1): in/" in capfd.readouterr().err


def test_entries_that_vanish_or_cannot_be_looked_at_are_told(disk: Disk, monkeypatch, capfd) -> None:
    disk.videos("a.mp4", "gone.mp4", "odd.mp4")
    real = os.scandir

    class Entry:
        def __init__(self, entry) -> None:
            self.entry, self.name, self.path = entry, entry.name, entry.path

        def is_dir(self) -> bool:
            if self.name == b"odd.mp4":
                raise OSError(errno.EIO, "Input/output error")
            return self.entry.is_dir()

        def is_file(self) -> bool:
            return self.name != b"gone.mp4"

        def is_symlink(self) -> bool:
            return False

        def stat(self):
            raise FileNotFoundError

    class Folder:
        def __init__(self, folder) -> None:
            with real(folder) as entries:
                self.entries = [Entry(entry) for entry in entries]

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Folder)
    assert below(disk.root) == ["a.mp4"]
    told = capfd.readouterr().err
    assert "files that disappeared during the walk below the root, left out (1): gone.mp4" in told
    assert "cannot be read (Input/output error), left out (1): odd.mp4" in told


def test_a_tree_deeper_than_a_path_may_be_long(disk: Disk, capfd) -> None:
    disk.videos("a.mp4", "b.mp4")
    folder = os.open(disk.root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=folder)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    try:
        assert below(disk.root) == ["a.mp4", "b.mp4"]
        assert "cannot be read (File name too long)" in capfd.readouterr().err
    finally:  # too long a path for Python's own removal as well
        subprocess.run(["rm", "-rf", str(disk.root)], check=True)


LOCKED = """
import os, sys
from pathlib import Path
from videossl.data.readers.video_files import VideoFiles
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
print(sorted(VideoFiles(Path(sys.argv[1])).paths))
"""


def test_folders_of_other_users_end_no_listing(repository: Path) -> None:
    """In a process without the rights of root, on folders that may not be read, or whose files may not be reached."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path in ("a.mp4", "lost+found/b.mp4", "names_only/c.mp4", "files_only/d.mp4"):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).touch()
        root.chmod(0o755)
        (root / "lost+found").chmod(0)
        (root / "names_only").chmod(0o444)
        (root / "files_only").chmod(0o111)
        done = subprocess.run(
            [sys.executable, "-c", LOCKED, name], capture_output=True, text=True, cwd=repository, check=False
        )
        for folder in ("lost+found", "names_only", "files_only"):
            (root / folder).chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['a.mp4']"
    assert "(Permission denied), left out (3): files_only/, lost+found/, names_only/" in done.stderr


def test_the_first_few_are_named_and_all_counted(disk: Disk, capfd) -> None:
    for number in range(12):
        (disk.root / f"l{number:02d}").symlink_to("nowhere")
    below(disk.root)
    assert "left out (12): l00, l01, l02, l03, l04 and 7 more" in capfd.readouterr().err


def test_hidden_files_and_mac_folders_are_not_seen(disk: Disk, capfd) -> None:
    disk.videos("a.mp4", "b.mp4", "._a.mp4", ".DS_Store", ".trash/d.mp4", "__MACOSX/a.mp4", "x/__MACOSX/d.mp4", "x/.e")
    lists(disk, "a.mp4|.trash/c.mp4")
    assert below(disk.root) == ["a.mp4", "b.mp4"]
    assert found(disk)[".trash/c.mp4"] == "missing"
    assert "listed videos are hidden files, which are left out (1): .trash/c.mp4" in capfd.readouterr().err


# --- names ---

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Café Ångström") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("on_disk", "in_list"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_are_compared_composed(disk: Disk, on_disk: str, in_list: str) -> None:
    disk.videos(f"{on_disk}/{on_disk}.mp4", "b.mp4")
    lists(disk, f"{in_list}/{in_list}.mp4")
    assert found(disk)[f"{in_list}/{in_list}.mp4"] == f"{on_disk}/{on_disk}.mp4"
    disk.text("classInd.txt", f"1 {in_list}", "2 B")
    disk.text("trainlist01.txt", f"{on_disk}/v_{in_list}_g02_c01.avi 1")
    disk.text("testlist01.txt", f"{in_list}/v_{in_list}_g01_c01.avi")
    disk.videos(f"{on_disk}/v_{on_disk}_g01_c01.avi", f"{on_disk}/v_{on_disk}_g02_c01.avi")
    listing = disk.read("ucf101")
    assert list(listing["status"]) == ["found", "found"] and set(listing["label_name"]) == {COMPOSED}
    disk.text(f"{in_list}_test_split1.txt", f"v_{in_list}_g01_c01.avi 1")
    disk.text(f"{on_disk}_test_split2.txt", f"v_{in_list}_g01_c01.avi 1")
    assert list(disk.read("hmdb51")["label_name"]) == [COMPOSED]
    disk.json("Diving48_vocab.json", [["A"], ["B"]])
    item = {"vid_name": in_list, "label": 0, "start_frame": 0, "end_frame": 5}
    disk.json("Diving48_V2_train.json", [item])
    disk.json("Diving48_V2_test.json", [{**item, "vid_name": "b", "label": 1}])
    assert list(disk.read("diving48")["status"]) == ["found", "found"]


def test_both_forms_may_lie_side_by_side(disk: Disk) -> None:
    disk.videos(f"{COMPOSED}.mp4", f"{DECOMPOSED}.mp4", "b.mp4")
    lists(disk, f"{COMPOSED}.mp4|{DECOMPOSED}.mp4")
    paths = found(disk)
    assert paths[f"{COMPOSED}.mp4"] == f"{COMPOSED}.mp4" and paths[f"{DECOMPOSED}.mp4"] == f"{DECOMPOSED}.mp4"


@pytest.mark.parametrize(
    "name",
    [b"a", "Caf\u00e9".encode(), b"caf\xe9", b"\xff\xfe", b"a\\xe9", b"a\\x5cxe9", b"\\\xe9", b"\\x5c", b"a\\b",
     b"\xe9\xc3\xa9", "\U0001f600".encode(), b"\xed\xa0\x80"],
)  # fmt: skip
def test_any_name_is_a_text_and_comes_back(tmp_path: Path, name: bytes) -> None:
    text = text_of(name)
    text.encode()  # no lone surrogates
    assert bytes_of(text) == name
    (tmp_path / os.fsdecode(name)).touch()
    assert video_path(tmp_path, text).is_file()


def test_different_names_have_different_texts() -> None:
    parts = [b"\\", b"x", b"5c", b"e9", b"\xe9", b"a"]
    names = {a + b + c + d for a in parts for b in parts for c in parts for d in parts}
    assert len({text_of(name) for name in names}) == len(names)
    assert all(bytes_of(text_of(name)) == name for name in names)


def test_bytes_that_are_not_utf8_survive(disk: Disk) -> None:
    folder = os.fsencode(disk.root) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    for name in (b"abcdefghijk_000001_000011.mp4", b"\xff.mp4"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(name)
    header = "label,youtube_id,time_start,time_end"
    disk.text("train.csv", header, "a,abcdefghijk,1,11")
    disk.text("val.csv", header, "a,R6llTwEh07w,1,11")
    for environment in (
        {},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ):
        code, text, listing = disk.job("kinetics", **environment)
        assert code == 0, text
        assert listing["path"].iloc[0] == r"caf\xe9/abcdefghijk_000001_000011.mp4"
        assert video_path(disk.root, listing["path"].iloc[0]).read_bytes() == b"abcdefghijk_000001_000011.mp4"
    # A list with the very bytes of the name, as `find` writes it, or with what the listing shows.
    disk.text("classInd.txt", "1 A")
    disk.raw("train.txt", b"caf\xe9/\xff.mp4 1\n")
    disk.raw("test.txt", rb"caf\xe9/abcdefghijk_000001_000011.mp4 1")
    code, text, listing = disk.job("lists")
    assert code == 0, text
    assert list(listing["path"]) == [r"caf\xe9/\xff.mp4", r"caf\xe9/abcdefghijk_000001_000011.mp4"]
    assert list(listing["id"]) == list(listing["path"]) and (listing["status"] == "found").all()


def test_case_is_passed_over_where_exactly_one_file_fits(disk: Disk, capfd) -> None:
    disk.videos("A/Clip.MP4", "b.mp4", "brush hair/x y.avi")
    lists(disk, "a/clip.mp4|brush_hair/x_y.avi")
    assert found(disk) == {
        "a/clip.mp4": "A/Clip.MP4",
        "brush_hair/x_y.avi": "brush hair/x y.avi",
        "b.mp4": "b.mp4",
    }
    assert "videos found under another spelling of their names (2): a/clip.mp4 (A/Clip.MP4)" in capfd.readouterr().err
    disk.videos("a/CLIP.mp4")
    assert found(disk)["a/clip.mp4"] == "missing"
    assert "several files differ from their names in spelling only (1): a/clip.mp4 (" in capfd.readouterr().err


def test_a_file_that_is_listed_itself_stands_for_no_other(disk: Disk, capfd) -> None:
    disk.videos("clip.mp4", "b.mp4", "c.mp4")
    lists(disk, "clip.mp4|Clip.mp4|C.mp4|c.MP4")
    assert found(disk) == {
        "clip.mp4": "clip.mp4", "Clip.mp4": "missing", "C.mp4": "missing", "c.MP4": "missing", "b.mp4": "b.mp4",
    }  # fmt: skip
    told = capfd.readouterr().err
    assert "belongs to another video (3): Clip.mp4 (clip.mp4), C.mp4 (c.mp4), c.MP4 (c.mp4)" in told


def test_case_tells_youtube_ids_apart(disk: Disk) -> None:
    header = "label,youtube_id,time_start,time_end"
    disk.text("train.csv", header, "a,ABCDEFGHIJK,1,11")
    disk.text("val.csv", header, "a,abcdefghijk,1,11")
    disk.videos("abcdefghijk_000001_000011.mp4")
    assert list(disk.read("kinetics")["status"]) == ["missing", "found"]


def test_folders_that_link_to_one_are_no_different_files(disk: Disk) -> None:
    """The usual mending of UCF101: a link with the other spelling beside the folder."""
    disk.videos("HandstandPushups/v_HandstandPushups_g01_c01.avi", "b.mp4")
    (disk.root / "HandStandPushups").symlink_to("HandstandPushups")
    lists(disk, "handstandpushups/v_HandStandPushups_g01_c01.avi")
    path = "HandStandPushups/v_HandstandPushups_g01_c01.avi"
    assert found(disk)["handstandpushups/v_HandStandPushups_g01_c01.avi"] == path


def test_a_root_that_cannot_be_walked_is_one_message(disk: Disk, monkeypatch) -> None:
    real = os.scandir

    def refuse(folder="."):
        if os.fsencode(folder) == os.fsencode(disk.root):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    lists(disk, "a.mp4")
    disk.fails("lists", "(root) cannot be read", "Permission denied")


def test_each_folder_is_walked_once_and_no_file_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are looked up: on network file systems each further question about a file takes milliseconds."""
    for folder in range(20):
        (tmp_path / f"d{folder}").mkdir()
        for number in range(500):
            (tmp_path / f"d{folder}/{number}.mp4").touch()
    asked: Counter[str] = Counter()
    for name in ("scandir", "stat", "lstat", "readlink", "open"):
        monkeypatch.setattr(os, name, counting(asked, name))
    files = VideoFiles(tmp_path)
    assert files.at("d3/7.mp4") == "d3/7.mp4" and files.at("D3/7.mp4") == "d3/7.mp4"
    assert len(files.paths) == 10_000
    monkeypatch.undo()
    assert asked["scandir"] == 21 and sum(asked.values()) < 100


def counting(asked: Counter[str], name: str) -> Callable[..., Any]:
    """A function of `os` that counts its calls."""
    real = getattr(os, name)

    def function(*arguments: Any, **options: Any) -> Any:
        asked[name] += 1
        return real(*arguments, **options)

    return function


def test_ids_and_paths_reach_the_parquet_file_as_they_are(disk: Disk) -> None:
    disk.videos(f"{DECOMPOSED}.mp4", "b.mp4")
    lists(disk, f"{COMPOSED}.mp4")
    code, text, listing = disk.job("lists")
    assert code == 0, text
    assert by_id(listing, "path")[f"{COMPOSED}.mp4"] == (f"{DECOMPOSED}.mp4",)
    assert isinstance(listing, pd.DataFrame)
