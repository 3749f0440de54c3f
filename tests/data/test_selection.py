"""Sources are stored in the order of subsets: subsets are full, nested and the same however they are stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import FORMAT, Data, make_data

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.data import materialise, selection
from videossl.data.manifest import read_listing_file, read_manifest, shard_files
from videossl.data.materialise import Reading, VideoReport, write_shard
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.selection import (
    open_subset,
    read_subset,
    write_sample,
    write_subset,
    write_train_shard,
    write_whole,
)
from videossl.data.specs import SampleSpec, SubsetSpec, TrainStoreSpec
from videossl.data.subsets import make_subset


def listing_of(sizes: Sequence[int], val: int = 0, missing: Sequence[str] = ()) -> pd.DataFrame:
    """sizes[c] training videos of class c, val[c] validation videos of each; shuffled."""
    rows = [(f"c{c}v{i}", c, "train") for c, size in enumerate(sizes) for i in range(size)]
    rows += [(f"c{c}h{i}", c, "val") for c in range(len(sizes)) for i in range(val)]
    rows += [("t0", 0, "test"), ("t1", -1, "test")]
    frame = pd.DataFrame(rows, columns=["id", "label", "split"]).sample(frac=1, random_state=0, ignore_index=True)
    frame["label_name"] = "class " + frame["label"].astype(str)
    frame["path"] = frame["id"] + ".mp4"
    frame["status"] = np.where(frame["id"].isin(list(missing)), "missing", "found")
    frame["start_frame"] = frame["end_frame"] = pd.array([None] * len(frame), dtype="Int32")
    return frame[LISTING_SCHEMA.names]


class Decoder:
    """Takes the place of decoding: a frame is the video's name. Counts what is decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, broken: Sequence[str]) -> None:
        self.broken, self.decoded = set(broken), Counter()
        for module in (materialise, selection):
            monkeypatch.setattr(module, "read_videos", self)

    def __call__(
        self, videos: Sequence[Reading[bytes]], root: Path, short_side: int, reader: str = "", processes: int = 1
    ) -> Iterator[tuple[list[bytes], VideoReport]]:
        for one in videos:
            name = str(one.video["id"])
            self.decoded[name] += 1
            if one.video["status"] == "missing":
                yield [], VideoReport(one.row, name, "missing", "file not found")
            elif name in self.broken:
                yield [], VideoReport(one.row, name, "broken", "a truncated file")
            else:
                yield [name.encode()], VideoReport(one.row, name, frames=1, reader="pyav")


def stored(listing: pd.DataFrame, folder: Path, size: int, each: int) -> Path:
    """The subset of `size` videos, with shards of `each`, by the jobs of the workflow."""
    spec = TrainStoreSpec(**FORMAT, videos_per_shard=each, seed=3)
    reports = [folder / f"train/{number:04d}.parquet" for number in range(-(-size // each))]
    for number, report in enumerate(reports):
        if not report.exists():
            write_train_shard(listing, folder, number, spec, report.with_suffix(".arrow"), report)
    output = folder / f"subsets/{size}.parquet"
    write_subset(listing, folder, SubsetSpec(**FORMAT, size=size, seed=3), reports, output, "subset")
    return output


def expected(listing: pd.DataFrame, broken: Sequence[str], size: int) -> list[str]:
    """The subset if all videos of the dataset had been decoded."""
    usable = (listing["status"] == "found") & ~listing["id"].isin(list(broken))
    return list(make_subset(listing.assign(status=np.where(usable, "ok", "broken")), size, 3)[0]["id"])


@pytest.mark.parametrize("case", range(12))
def test_subsets_are_full_nested_and_independent_of_shards(case, tmp_path, monkeypatch):
    rng = np.random.default_rng(case)
    sizes = [int(size) for size in rng.integers(3, 25, size=rng.integers(2, 7))]
    names = [f"c{c}v{i}" for c, size in enumerate(sizes) for i in range(size)]
    share = rng.choice([0.0, 0.1, 0.5])
    broken = [name for name in names if rng.random() < share]
    if case % 3 == 0:
        broken += [name for name in names if name.startswith("c1v")]  # a whole class
    missing = [name for name in names if rng.random() < 0.1]
    listing = listing_of(sizes, missing=missing)
    decoder = Decoder(monkeypatch, broken)
    usable = len(set(names) - set(broken) - set(missing))
    wanted = sorted({int(size) for size in rng.integers(1, usable + 1, size=3)} | {usable})
    found = len(set(names) - set(missing))
    for each in (1, 4, found + 5):
        folder = tmp_path / str(each)
        folder.mkdir()
        previous: list[str] = []
        for size in wanted:
            decoder.decoded.clear()
            videos, store = open_subset(stored(listing, folder, size, each))
            ids = list(videos["id"])
            assert ids == expected(listing, broken, size)
            assert ids[: len(previous)] == previous and len(ids) == size
            previous = ids
            frames = [
                bytes(store.encoded(shard, batch)[0]).decode() for shard, batch in videos[["shard", "batch"]].values
            ]
            assert frames == ids
            assert not decoder.decoded or max(decoder.decoded.values()) == 1  # none twice


def test_only_what_is_needed_is_decoded_and_replacements_are_counted(tmp_path, monkeypatch):
    listing = listing_of([40, 40, 40], val=5)
    order = expected(listing, [], 120)
    broken = [order[4], order[7], order[10]]  # one of them is itself a replacement's class mate
    decoder = Decoder(monkeypatch, broken)
    path = stored(listing, tmp_path, 12, 6)
    description = json.loads(path.with_suffix(".json").read_text())
    lost = Counter(name[:2] for name in broken)
    assert set(decoder.decoded) >= set(order[:12]) and sum(decoder.decoded.values()) == 12 + 3
    assert (description["size"], description["broken"], description["replaced"]) == (12, 3, 3)
    assert description["per_class"] == {"min": 4, "max": 4} and description["shortfall"] == {}
    rows = read_manifest(path)
    assert list(rows["status"]) == ["ok"] * 12 + ["broken"] * 3 and set(rows["reason"][12:]) == {"a truncated file"}
    assert Counter(name[:2] for name in set(decoder.decoded) - set(order[:12])) == lost  # of the same class


def test_a_larger_subset_leaves_the_files_of_a_smaller_one_as_they_are(tmp_path, monkeypatch):
    listing = listing_of([30, 30])
    decoder = Decoder(monkeypatch, expected(listing, [], 60)[2:5])
    stored(listing, tmp_path, 10, 5)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    decoder.decoded.clear()
    larger, _ = open_subset(stored(listing, tmp_path, 25, 5))
    assert {path: path.read_bytes() for path in before} == before
    assert sum(decoder.decoded.values()) == 15 + 3  # three shards more, and the three that replace broken ones
    assert list(larger["id"])[:10] == list(read_subset(tmp_path / "subsets/10.parquet")[0]["id"])


def test_held_out_videos_are_the_first_usable_ones_in_the_order_of_the_listing(tmp_path, monkeypatch):
    listing = listing_of([5, 5, 5], val=8, missing=["c0h0"])
    names = [f"c{c}h{i}" for c in range(3) for i in range(8)]
    decoder = Decoder(monkeypatch, names[8:12])
    written = {}
    for at_most in (6, 12, 99):
        path = tmp_path / f"{at_most}.parquet"
        description = write_sample(listing, tmp_path, SampleSpec(**FORMAT, split="val", at_most=at_most, seed=0), path)
        videos, store = open_subset(path)
        written[at_most] = list(videos["id"])
        assert description["size"] == len(videos) == min(at_most, 24 - 5)
        assert written[at_most] == [name for name in listing["id"] if name in written[at_most]]
        assert all(bytes(store.encoded(0, batch)[0]) == name.encode() for name, batch in videos[["id", "batch"]].values)
    assert set(written[6]) < set(written[12]) < set(written[99])
    assert Counter(name[:2] for name in written[6]) == {"c0": 2, "c1": 2, "c2": 2}
    assert all(name[2] == "h" for name in decoder.decoded) and not set(written[99]) & set(names[8:12])
    spec = SampleSpec(**FORMAT, split="val", at_most=9, seed=0)
    nothing = write_sample(listing_of([3]), tmp_path, spec, tmp_path / "0.parquet")
    assert nothing["size"] == 0 and open_subset(tmp_path / "0.parquet")[0].empty


def test_too_few_videos_are_told_as_early_as_they_are_known(tmp_path, monkeypatch):
    listing = listing_of([4, 4], missing=["c0v1"])
    decoder = Decoder(monkeypatch, ["c1v2"])
    with pytest.raises(UserError, match=r"8 videos was requested, but 7 training videos are usable \(8 listed"):
        stored(listing, tmp_path, 8, 4)
    assert "c1v2" in decoder.decoded
    with pytest.raises(
        UserError, match=r"more than 12 training videos, but only 7 of 8 listed ones were found.*subsets"
    ):
        write_train_shard(
            listing, tmp_path, 3, TrainStoreSpec(**FORMAT, videos_per_shard=4, seed=3), tmp_path / "a", tmp_path / "b"
        )
    with pytest.raises(UserError, match=r"7 videos was requested, but 6 training videos are usable"):
        stored(listing, tmp_path, 7, 4)


def test_reports_of_another_listing_or_of_other_shards_are_refused(tmp_path, monkeypatch):
    listing = listing_of([6, 6])
    Decoder(monkeypatch, [])
    stored(listing, tmp_path, 8, 4)
    reports = [tmp_path / "train/0000.parquet", tmp_path / "train/0001.parquet"]
    spec, output = SubsetSpec(**FORMAT, size=3, seed=3), tmp_path / "a.parquet"
    with pytest.raises(UserError, match="report of another listing"):
        write_subset(listing.iloc[::-1].reset_index(drop=True), tmp_path, spec, reports, output, "subset")
    with pytest.raises(UserError, match="report of another listing"):
        write_subset(listing.iloc[:1], tmp_path, SubsetSpec(**FORMAT, size=1, seed=3), reports, output, "subset")
    with pytest.raises(UserError, match="name the same video"):
        write_subset(listing, tmp_path, spec, [reports[0], reports[0]], output, "subset")


def test_a_subset_that_does_not_match_its_description_is_refused(source, tmp_path):
    videos, shards = read_subset(source.subset)
    assert len(videos) == 12 and set(videos["split"]) == {"train"} and all(path.is_file() for path in shards)
    description = json.loads(source.subset.with_suffix(".json").read_text())
    (tmp_path / "a.parquet").write_bytes(source.subset.read_bytes())
    (tmp_path / "a.json").write_text(json.dumps(description | {"checksum": "0"}))
    with pytest.raises(UserError, match=r"checksum.*Remove"):
        read_subset(tmp_path / "a.parquet")


def test_all_training_videos_are_those_of_the_whole_store(tmp_path, monkeypatch):
    listing = listing_of([5, 5], val=2)
    decoder = Decoder(monkeypatch, ["c0v1"])
    data = make_whole(listing, tmp_path)
    assert "t1" not in decoder.decoded  # a test video without label, which nothing can read
    manifest = read_manifest(data / "manifest.parquet")
    assert manifest.set_index("id").loc["t1", "status"] == "unlabelled"
    decoder.decoded.clear()
    output = data / "subsets/all.parquet"
    spec = SubsetSpec(**FORMAT, size="all", seed=3)
    write_whole(manifest, spec, shard_files(data / "manifest.parquet", manifest), output)
    videos, store = open_subset(output)
    assert list(videos["id"]) == expected(listing, ["c0v1"], 9) and not decoder.decoded
    assert all(bytes(store.encoded(s, b)[0]) == n.encode() for n, s, b in videos[["id", "shard", "batch"]].values)


def make_whole(listing: pd.DataFrame, folder: Path) -> Path:
    reports = []
    for shard in range(2):
        arrow = folder / f"shards/{shard:04d}.arrow"
        reports.append(arrow.with_suffix(".parquet"))
        write_shard(listing, folder, shard, 2, arrow, reports[-1], short_side=20, quality=90, progress=False)
    write_parquet(folder / "manifest.parquet", materialise.merge_manifest(listing, reports))
    return folder


def test_real_videos_give_the_frames_of_the_whole_store(tmp_path):
    """Broken ones are replaced by videos of later shards, with the same frames as in the store of the whole dataset."""
    data: Data = make_data(tmp_path, "k400", {"train": 6, "val": 2}, broken=True)
    listing = read_listing_file(data.root / "listing.parquet")
    whole, frames = open_subset(data.subset)
    spec = TrainStoreSpec(**FORMAT, videos_per_shard=4, seed=0)
    reports = [tmp_path / f"train/{number:04d}.parquet" for number in range(2)]
    for number, report in enumerate(reports):
        write_train_shard(listing, data.root / "videos", number, spec, report.with_suffix(".arrow"), report)
    output = tmp_path / "subsets/8.parquet"
    description = write_subset(
        listing, data.root / "videos", SubsetSpec(**FORMAT, size=8, seed=0), reports, output, "subset"
    )
    videos, store = open_subset(output)
    assert list(videos["id"]) == list(whole["id"][:8]) and description["size"] == 8
    for (shard, batch), (s, b) in zip(
        videos[["shard", "batch"]].values, whole[["shard", "batch"]].values, strict=False
    ):
        assert store.encoded(shard, batch) == frames.encoded(s, b)
