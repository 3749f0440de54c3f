"""Real videos: files of many makes through the frame store to clips, and a real dataset from its lists to a table."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from own_dataset import PREFIX, Videos, check_results, run_example, write_lists
from workflow_copy import copy_workflow

from videossl.data.loader import ClipDataset, prepare
from videossl.data.materialise import merge_manifest, write_shard
from videossl.data.readers.listing import read_listing
from videossl.data.sampling import RandomClips, UniformClips
from videossl.data.settings import Augmentation
from videossl.data.store import FrameStore
from videossl.data.video import stored_size

pytestmark = pytest.mark.shared
SHARDS, SHORT_SIDE = 2, 128
MAKES = ("kinetics400", "ucf101", "hmdb51", "misc")


@pytest.fixture(scope="module")
def samples(shared_dir: Path) -> Path:
    """Folder of the real sample videos."""
    return shared_dir / "data/real_samples"


@pytest.fixture(scope="module")
def stored(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameStore, pd.DataFrame]:
    """All sample videos in a frame store of the paper's size, and their manifest."""
    folder = tmp_path_factory.mktemp("real")
    paths = sorted(path.relative_to(samples).as_posix() for path in samples.rglob("*") if path.is_file())
    entries = [(path, 1 + MAKES.index(path.split("/")[0])) for path in paths]
    write_lists(folder, list(MAKES), train=entries[1:], test=entries[:1])
    listing = read_listing("lists", samples, folder, split=PREFIX)
    arrows = [folder / f"{shard:04d}.arrow" for shard in range(SHARDS)]
    for shard, arrow in enumerate(arrows):
        report = arrow.with_suffix(".parquet")
        write_shard(listing, samples, shard, SHARDS, arrow, report, short_side=SHORT_SIDE, quality=90, progress=False)
    manifest = merge_manifest(listing, [arrow.with_suffix(".parquet") for arrow in arrows])
    return FrameStore(arrows), manifest.to_pandas()


def test_every_real_video_is_readable(stored) -> None:
    _, manifest = stored
    assert set(manifest["label_name"]) == set(MAKES)
    assert manifest["status"].eq("ok").all(), manifest.loc[manifest["status"] != "ok", ["path", "reason"]].to_string()


def test_stored_frames_are_those_that_a_player_shows(stored, samples: Path) -> None:
    """Number, order, colours and aspect, against a plain decode of the whole file."""
    store, manifest = stored
    for row in manifest.itertuples():
        with av.open(str(samples / row.path), metadata_errors="ignore") as container:
            stream = container.streams.best("video")  # one of the files has two
            aspect = stream.sample_aspect_ratio or 1
            assert (row.width, row.height) == (round(stream.width * aspect), stream.height), row.path
            size = stored_size(row.width, row.height, SHORT_SIDE)
            frames = [frame.reformat(*size, "rgb24").to_ndarray() for frame in container.decode(stream)]
        assert len(frames) == row.frames, row.path
        got = store.read(row.shard, row.batch, range(row.frames))
        errors = [np.abs(one.astype(int) - frame).mean() for one, frame in zip(got, frames, strict=True)]
        # Grey levels, nearly all of it JPEG's; neighbours differ by more in all but still scenes.
        assert np.mean(errors) < 3 and max(errors) < 3.5, row.path


@pytest.mark.parametrize(
    ("sampler", "augment"),
    [
        (UniformClips(16, 2, 10), Augmentation(size=112)),
        (RandomClips(16, 4, 2), Augmentation(size=112, crop="random", resize_short=128, rotation=10, flip=0.5)),
        (
            RandomClips(16, 1),
            Augmentation(size=112, crop="random_resized", scale=(0.2, 1.0), jitter=(0.4, 0.4, 0.4, 0.1)),
        ),
    ],
    ids=["test", "cropped", "resized"],
)
def test_clips_of_every_real_video_are_pictures(stored, sampler, augment) -> None:
    store, manifest = stored
    dataset = ClipDataset(store, manifest, sampler, augment, seed=0)
    for index, path in enumerate(manifest["path"]):
        sample = dataset[0, index]
        assert sample.clips.shape[:3] == (1, sampler.clips_per_video, 16) and sample.size == 112, path
        clips = prepare(sample, "cpu")
        assert clips.shape == (1, sampler.clips_per_video, 3, 16, 112, 112), path
        assert clips.isfinite().all(), path
        assert clips.std() > 0.02, path  # a picture, if a dark one


def test_real_dataset_from_its_lists_to_a_table(shared_dir: Path, repository: Path, tmp_path: Path) -> None:
    """The first four classes of hand signs, some videos of each split."""
    source = shared_dir / "data/asl24_128"
    workflow = copy_workflow(repository, tmp_path / "copy")
    root = workflow.root / "data/asl24"
    letters = ["A", "B", "C", "D"]
    splits: dict[str, Videos] = {"train": [], "test": []}
    for split, count in (("train", 5), ("test", 3)):
        listed = [line.split() for line in (source / f"splits/{PREFIX}_{split}.txt").read_text().splitlines()]
        for label in range(1, 1 + len(letters)):
            splits[split] += [(path, label) for path, number in listed if int(number) == label][:count]
    for path, _ in splits["train"] + splits["test"]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(source / path)
    write_lists(root / "splits", letters, **splits)

    run_example(workflow)

    check_results(workflow, [path for path, _ in splits["test"]])
