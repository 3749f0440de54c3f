"""Videos whose names are no text, or that may not be opened, from the listing to the frames."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from listed import Disk
from video_files import write_video

from videossl.data.frames import VideoFileFrames
from videossl.data.materialise import merge_manifest, write_shard


def test_names_that_are_not_utf8_are_stored(disk: Disk, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(disk.root) + b"/caf\xe9"))
    folder.mkdir()
    write_video(tmp_path / "a.mp4", 5)
    (tmp_path / "a.mp4").rename(folder / os.fsdecode(b"\xff.mp4"))
    write_video(disk.root / "b.mp4", 5)
    disk.text("classInd.txt", "1 A")
    disk.raw("train.txt", b"caf\xe9/\xff.mp4 1\n")
    disk.text("test.txt", "b.mp4 1")
    listing = disk.job("lists")[2]
    arrow, report = tmp_path / "0000.arrow", tmp_path / "0000.parquet"
    write_shard(listing, disk.root, 0, 1, arrow, report, short_side=16, quality=90)
    manifest = merge_manifest(listing, [report]).to_pandas()
    assert list(manifest["status"]) == ["ok", "ok"] and manifest["path"][0] == r"caf\xe9/\xff.mp4"
    assert VideoFileFrames(manifest, disk.root, 24).read(0, 0, [0, 4]).shape[0] == 2


def test_a_video_that_may_not_be_opened_has_its_reason(disk: Disk, tmp_path, monkeypatch):
    """The tests may run as root, who may open everything: so the system's refusal is played."""
    write_video(disk.root / "a.mp4", 5)
    write_video(disk.root / "b.mp4", 5)
    disk.text("classInd.txt", "1 A")
    disk.text("train.txt", "a.mp4 1")
    disk.text("test.txt", "b.mp4 1")
    listing = disk.job("lists")[2]
    stat = Path.stat

    def refused(path: Path, **options: bool) -> os.stat_result:
        if path.name == "a.mp4":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refused)
    arrow, report = tmp_path / "0000.arrow", tmp_path / "0000.parquet"
    write_shard(listing, disk.root, 0, 1, arrow, report, short_side=16, quality=90)
    manifest = merge_manifest(listing, [report]).to_pandas()
    assert list(manifest["status"]) == ["broken", "ok"]
    assert manifest["reason"][0] == "cannot open: Permission denied"
