"""How much of each dataset a study stores, and what it leaves out."""

from __future__ import annotations

from typing import get_args

import pytest
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.data.settings import FrameFormat
from videossl.stages.data import read_of
from videossl.stages.parts import files
from videossl.study.storage import sentences, storage, storage_of
from videossl.study.study import load_study


def test_the_papers_study_stores_what_it_reads(repository, monkeypatch):
    """Of 1.07 million listed videos, a fifth; in 52 files."""
    monkeypatch.chdir(repository)
    found = {one.dataset: one for one in storage(load_study(["config/config.yaml", "config/paper.yaml"]))}
    assert {name: (one.listed, one.whole, one.train, one.samples, one.files) for name, one in found.items()} == {
        "k400": (260_000, 0, 100_000, 2000, 20 + 4 + 1),
        "k700": (580_000, 0, 50_000, 2000, 10 + 1 + 1),
        "ssv2": (194_000, 0, 30_000, 2000, 6 + 1 + 1),
        "ucf101": (13_320, 13_320, 0, 0, 2),
        "hmdb51": (5_100, 5_100, 0, 0, 1),
        "diving48": (17_000, 17_000, 0, 0, 4),
    }
    said = sentences(found.values())
    assert "221,420 of 1,069,420 videos (402 GB) are stored, in 52 files" in said[0]
    assert "other 848,000 videos (1,607 GB)" in said[0] and "twice" not in " ".join(said)


def test_sizes_are_those_of_the_files_that_exist(tmp_path):
    study = make_study(tmp_path, store={"videos_per_shard": 4}, results_dir=str(tmp_path / "results"))
    before = storage_of(study, "k400")
    assert (before.listed, before.train, before.samples, before.measured) == (18, 12, 6, False)
    for report in files.train_reports(study, "k400", 12)[:2]:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.with_suffix(".arrow").write_bytes(bytes(800))
    after = storage_of(study, "k400")
    assert (after.measured, after.made, after.video_bytes, after.bytes) == (True, 1600, 200.0, 18 * 200.0)


def test_assumed_sizes_are_those_of_the_codec(tmp_path):
    codecs = get_args(FrameFormat.model_fields["codec"].annotation)
    sizes = {codec: storage_of(make_study(tmp_path, store={"codec": codec}), "k400").video_bytes for codec in codecs}
    assert sizes["jpeg"] < sizes["lz4"] < sizes["raw"] < 10 * sizes["jpeg"]


def test_what_is_read_decides(tmp_path):
    """A larger subset adds files at the end; being a target too changes nothing of what a source stores."""
    small = make_study(tmp_path, {"main": table(GRID | {"subset": "10k"})}, store={"videos_per_shard": 4})
    large = make_study(tmp_path, {"main": table(GRID | {"subset": ["10k", "50k"]})}, store={"videos_per_shard": 4})
    assert read_of(small, "k400").subsets == ("10k",) and read_of(large, "k400").subsets == ("10k", "50k")
    assert not read_of(large, "k400").whole and read_of(large, "ucf101").whole and not read_of(large, "ucf101").samples
    some, more = (files.train_reports(large, "k400", size) for size in (4, 12))
    assert more[: len(some)] == some and (len(some), len(more)) == (1, 3)
    both = make_study(tmp_path, {"main": table(GRID | {"subset": "10k", "target": "k400"})})
    assert read_of(both, "k400").whole and read_of(both, "k400").subsets == ("10k",)
    whole = make_study(tmp_path, subsets={"10k": 4, "30k": 8, "50k": "all"})
    assert read_of(whole, "k400").whole and storage_of(whole, "k400").train == 0


def test_videos_that_are_stored_twice_save_nothing(tmp_path):
    """A dataset that is a target, too, is stored as a whole, and again for its subsets: none of its videos is left out,
    and none is counted twice among those that are stored."""
    both = make_study(tmp_path, {"main": table(GRID | {"subset": "10k", "target": "k400"})})
    found = storage_of(both, "k400")
    assert found.train and found.twice == found.train + found.samples
    assert found.stored == found.listed + found.twice and (found.saved, found.saved_bytes) == (0, 0)
    said = sentences([found])
    assert f"{found.listed} of {found.listed} videos" in said[0] and "other 0 videos" in said[0]
    assert "twice" in said[-1] and f"{found.twice} videos of k400" in said[-1]
    once = storage_of(make_study(tmp_path), "k400")
    assert (once.twice, once.saved) == (0, once.listed - once.stored)


def test_more_shards_than_there_are_names_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"subsets.50k .*more than 10,000 files: raise store.videos_per_shard"):
        make_study(tmp_path, subsets={"10k": 4, "30k": 8, "50k": 10_001}, store={"videos_per_shard": 1})
