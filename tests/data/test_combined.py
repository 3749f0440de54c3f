"""A source of several datasets has exactly their training videos, in their own stores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import train
from tiny import FORMAT, make_data, make_study

from videossl.common.errors import UserError
from videossl.data.combined import write_combined_sample, write_combined_subset
from videossl.data.manifest import open_store, read_manifest
from videossl.data.selection import open_subset, read_subset
from videossl.data.specs import CombinedSampleSpec, CombinedSubsetSpec
from videossl.data.store import FrameStore

pytestmark = pytest.mark.usefixtures("own_signals")
NAMES = ["signs", "strokes"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Two targets of three classes: one with a validation split taken from its training videos and test videos, one
    with a broken and a missing training video."""
    root = tmp_path_factory.mktemp("parts")
    first = make_data(root / "signs", "ucf101", {"train": 8, "test": 4})
    second = make_data(root / "strokes", "k400", {"train": 5, "val": 2}, damage={"text": "train", "missing": "train"})
    return [first, second]


def manifests(parts) -> list[Path]:
    return [part.manifest for part in parts]


def usable(part, split: str = "train") -> list[str]:
    rows = read_manifest(part.manifest)
    return rows.loc[(rows["split"] == split) & (rows["status"] == "ok"), "id"].tolist()


def all_of(parts, split: str = "train") -> set[str]:
    return {f"{name}/{video}" for name, part in zip(NAMES, parts, strict=True) for video in usable(part, split)}


def subset(parts, folder: Path, size: int | str = "all") -> Path:
    """A subset of the combination, beside the parts' folders."""
    output = folder / f"subsets/{size}.parquet"
    spec = CombinedSubsetSpec(**FORMAT, size=size, seed=0, combine=NAMES)
    write_combined_subset(spec, manifests(parts), output)
    return output


def heldout(parts, folder: Path, at_most: int = 512) -> Path:
    spec = CombinedSampleSpec(**FORMAT, split="val", at_most=at_most, seed=0, combine=NAMES)
    write_combined_sample(spec, manifests(parts), folder / "heldout.parquet")
    return folder / "heldout.parquet"


def test_it_has_the_training_videos_of_all_parts_and_no_other(parts, tmp_path):
    videos, _ = read_subset(subset(parts, tmp_path))
    assert set(videos["id"]) == all_of(parts) and videos["id"].is_unique
    assert set(videos["split"]) == {"train"}
    for split in ("test", "val"):
        assert all_of(parts, split) and not set(videos["id"]) & all_of(parts, split)
    held, _ = read_subset(heldout(parts, tmp_path))
    assert set(held["id"]) == all_of(parts, "val")
    assert len(read_subset(heldout(parts, tmp_path, at_most=3))[0]) == 3


def test_classes_are_those_of_the_parts_and_differ_between_them(parts, tmp_path):
    videos, _ = read_subset(subset(parts, tmp_path))
    names = videos.groupby("label")["label_name"].unique()
    assert len(names) == 6 and all(len(found) == 1 for found in names)
    for name, part in zip(NAMES, parts, strict=True):
        own = read_manifest(part.manifest)
        found = videos.loc[videos["label_name"].str.startswith(f"{name}/"), "label_name"]
        assert set(found) == {f"{name}/{label}" for label in own.loc[own["split"] == "train", "label_name"]}


def test_subsets_are_nested_and_balanced(parts, tmp_path):
    small, large = (read_subset(subset(parts, tmp_path, size))[0] for size in (6, 15))
    assert small["id"].tolist() == large["id"].tolist()[:6]
    assert small["label"].value_counts().tolist() == [1] * 6
    assert large["label"].value_counts().max() - large["label"].value_counts().min() <= 1


def test_frames_are_read_from_the_stores_of_the_parts(parts, tmp_path):
    path = subset(parts, tmp_path)
    videos, store = open_subset(path)
    for name, part in zip(NAMES, parts, strict=True):
        own = read_manifest(part.manifest)
        stored, rows = open_store(part.manifest, own), own.set_index("id")
        for video in videos[videos["id"].str.startswith(f"{name}/")].itertuples():
            row = rows.loc[video.id.removeprefix(f"{name}/")]
            indices = [0, int(row["frames"]) - 1]
            read = store.read(video.shard, video.batch, indices)
            np.testing.assert_array_equal(read, stored.read(row["shard"], row["batch"], indices))
    folders = {shard.resolve().parent.parent.name for shard in read_subset(path)[1]}
    assert folders == {"signs", "strokes"}
    assert FrameStore([path.with_suffix(".arrow")]).num_videos(0) == 0  # nothing is stored twice


def test_broken_and_missing_videos_are_counted_and_left_out(parts, tmp_path):
    path = subset(parts, tmp_path)
    description = json.loads(path.with_suffix(".json").read_text())
    assert (description["broken"], description["missing"]) == (1, 1)
    assert description["combine"] == NAMES
    unusable = read_manifest(path)
    assert set(unusable.loc[unusable["status"] != "ok", "status"]) == {"broken", "missing"}


def test_more_videos_than_there_are_are_refused(parts, tmp_path):
    count = len(all_of(parts))
    with pytest.raises(UserError, match=f"a subset of {count + 1} videos was requested, but {count} training videos"):
        subset(parts, tmp_path, count + 1)


def test_pretraining_reads_exactly_the_training_videos(parts, tmp_path, monkeypatch):
    """Each training video of each part is read, and held-out videos only to measure; test videos never."""
    read: set[tuple[Path, int]] = set()
    frames = FrameStore.read

    def spy(store, shard, batch, indices, **options):
        read.add((store.shard_paths[int(shard)].resolve(), int(batch)))
        return frames(store, shard, batch, indices, **options)

    monkeypatch.setattr(FrameStore, "read", spy)
    heldout(parts, tmp_path)
    source = replace(parts[0], root=tmp_path, subset=subset(parts, tmp_path))
    folder = train(make_study(tmp_path / "study"), "rotnet", source, tmp_path / "run")
    expected = set()
    for part in parts:
        rows = read_manifest(part.manifest)
        wanted = rows[rows["split"].isin(["train", "val"]) & (rows["status"] == "ok")]
        shards = [part.root.resolve() / f"shards/{shard:04d}.arrow" for shard in wanted["shard"]]
        expected |= set(zip(shards, wanted["batch"].tolist(), strict=True))
    assert read == expected
    run = json.loads((folder / "run.json").read_text())
    assert run["samples"] == {"train": len(all_of(parts)), "heldout": len(all_of(parts, "val"))}
