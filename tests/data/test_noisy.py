"""Noisy test sets: what is read back is what was made, from the frames at their own size, on the right videos."""

import numpy as np
import pandas as pd
import pytest

from videossl.common.errors import UserError
from videossl.data import noisy as noisy_module
from videossl.data.corruption import constant, corrupt, frame_generator
from videossl.data.manifest import read_manifest
from videossl.data.materialise import encode_video, resize
from videossl.data.noisy import merge_noisy_manifest, noisy_listing, write_noisy_shards
from videossl.data.specs import NoiseSpec
from videossl.data.store import FrameStore
from videossl.data.video import stored_size

SPEC = NoiseSpec(
    data_version=1,
    short_side=20,
    seed=3,
    constants="schiappa",
    codec="raw",
    shards=2,
    videos={"gaussian": ["all"] * 5, "shot": [4, 7, 7, 7, 7], "none": ["all"]},
)


def write(target, root, noise, severities):
    """All shards and the manifests of one noise; returns the manifests by severity."""
    clean = read_manifest(target.manifest)
    manifests = {}
    for shard in range(SPEC.shards):
        outputs = {level: root / noise / str(level) / "shards" / f"{shard:04d}.arrow" for level in severities}
        write_noisy_shards(clean, target.root / "videos", SPEC, noise, shard, outputs)
    for level in severities:
        folder = root / noise / str(level)
        reports = [folder / "shards" / f"{shard:04d}.parquet" for shard in range(SPEC.shards)]
        manifests[level] = merge_noisy_manifest(clean, SPEC, noise, level, reports).to_pandas()
    return manifests


def frames_of(path):
    """All frames of a video at its own size, as its reader gives them."""
    return encode_video(path, None, None, 20, lambda frame, size, number: frame, full_size=True)[0]


def test_frames_read_back_are_those_that_were_made(target, tmp_path):
    manifests = write(target, tmp_path, "gaussian", [1, 5])
    clean = read_manifest(target.manifest)
    expected_ids = clean[(clean["split"] == "test") & (clean["status"] == "ok")]["id"].tolist()
    for level, manifest in manifests.items():
        assert manifest["id"].tolist() == expected_ids and (manifest["status"] == "ok").all()
        store = FrameStore([tmp_path / "gaussian" / str(level) / "shards" / f"{n:04d}.arrow" for n in range(2)])
        for _, video in manifest.iloc[[0, 3]].iterrows():
            frames = frames_of(target.root / "videos" / video["path"])
            size = stored_size(frames[0].shape[1], frames[0].shape[0], 20)
            stored = store.read(video["shard"], video["batch"], np.arange(video["frames"]))
            assert len(frames) == video["frames"]
            for number, frame in enumerate(frames):
                rng = frame_generator(3, video["id"], number, "gaussian", level)
                made = resize(corrupt(frame, "gaussian", constant("gaussian", level), rng), size)
                np.testing.assert_array_equal(stored[number], made)


def test_without_noise_only_the_storage_is_the_same(target, tmp_path):
    manifest = write(target, tmp_path, "none", [0])[0]
    noisy = write(target, tmp_path, "gaussian", [1])[1]
    assert manifest["id"].tolist() == noisy["id"].tolist()
    store = FrameStore([tmp_path / "none" / "0" / "shards" / f"{n:04d}.arrow" for n in range(2)])
    video = manifest.iloc[1]
    frames = frames_of(target.root / "videos" / video["path"])
    stored = store.read(video["shard"], video["batch"], np.arange(video["frames"]))
    size = stored_size(frames[0].shape[1], frames[0].shape[0], 20)
    np.testing.assert_array_equal(stored, np.stack([resize(frame, size) for frame in frames]))
    assert store.settings(0)["codec"] == "raw"


def test_smaller_sets_are_part_of_larger_ones(target, tmp_path):
    manifests = write(target, tmp_path, "shot", [1, 2])
    assert [len(manifest) for manifest in manifests.values()] == [4, 7]
    assert set(manifests[1]["id"]) < set(manifests[2]["id"])
    labels = read_manifest(target.manifest).set_index("id")["label"]
    assert (manifests[2]["label"].to_numpy() == labels[manifests[2]["id"]].to_numpy()).all()


def test_what_is_drawn_depends_on_the_seed_alone(target):
    clean = read_manifest(target.manifest)
    first, again, other = (noisy_listing(clean, 5, seed)["id"].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert len(noisy_listing(clean, 99, 0)) == 10  # no more than there are


def test_each_video_is_decoded_once_for_all_severities(target, tmp_path, monkeypatch):
    seen = []
    read = noisy_module.read_videos

    def noted(readings, *rest, **more):
        seen.extend(one.video["id"] for one in readings)
        return read(readings, *rest, **more)

    monkeypatch.setattr(noisy_module, "read_videos", noted)
    write(target, tmp_path, "gaussian", [1, 2, 3])
    assert len(seen) == len(set(seen)) == 10


def test_problems_are_told(target, tmp_path):
    clean = read_manifest(target.manifest)
    with pytest.raises(UserError, match="no readable test videos"):
        noisy_listing(clean.assign(status="broken"), "all", 0)
    with pytest.raises(UserError, match="folder of the videos is not there"):
        write_noisy_shards(clean, tmp_path / "nowhere", SPEC, "shot", 0, {1: tmp_path / "a.arrow"})


def test_a_video_that_vanished_is_noted_not_fatal(target, tmp_path, monkeypatch):
    clean = read_manifest(target.manifest)
    gone = noisy_listing(clean, "all", 3)["id"].iloc[0]
    moved = clean.assign(path=clean["path"].where(clean["id"] != gone, "gone.mp4"))
    outputs = {1: tmp_path / "1/shards/0000.arrow"}
    write_noisy_shards(moved, target.root / "videos", SPEC.model_copy(update={"shards": 1}), "gaussian", 0, outputs)
    report = pd.read_parquet(tmp_path / "1/shards/0000.parquet").set_index("id")
    assert report.loc[gone, "status"] == "missing" and (report["status"] == "ok").sum() == 9
