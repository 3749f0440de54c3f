"""Batches: complete, resumable, and the same whatever the number of workers."""

import io
import itertools
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from video_files import frame_content

from videossl.common import progress
from videossl.common.errors import UserError
from videossl.data.loader import ClipDataset, EpochBatches, eval_loader, prepare, train_loader
from videossl.data.sampling import RandomClips, UniformClips
from videossl.data.settings import Augmentation
from videossl.data.store import FrameStore, ShardWriter

AUGMENT = Augmentation(
    size=24,
    crop="random_resized",
    scale=(0.4, 1.0),
    rotation=5.0,
    flip=0.5,
    jitter=(0.4, 0.4, 0.4, 0.1),
    blur_p=0.5,
)
FRAMES = (30, 20, 5, 16, 1, 25, 40, 12, 18, 22, 9)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> tuple[FrameStore, pd.DataFrame]:
    """Eleven videos in two shards, with their table."""
    out = tmp_path_factory.mktemp("store")
    rows = []
    for shard in range(2):
        with ShardWriter(out / f"{shard}.arrow", short_side=32, quality=90) as writer:
            for index in range(shard, len(FRAMES), 2):
                frames = [frame_content(frame, 42, 32, seed=index) for frame in range(FRAMES[index])]
                batch = writer.append([writer.encode(frame) for frame in frames])
                rows.append((index, shard, batch, FRAMES[index], index % 3))
    table = pd.DataFrame(rows, columns=["row", "shard", "batch", "frames", "label"]).sort_values("row")
    return FrameStore([out / "0.arrow", out / "1.arrow"]), table.reset_index(drop=True)


def dataset(stored, sampler=None, augment=AUGMENT, seed=0) -> ClipDataset:
    return ClipDataset(*stored, sampler or RandomClips(8, 2, 2), augment, seed)


def first_batches(stored, count, *, workers=0, start=(0, 0), seed=0, augment=AUGMENT):
    data = dataset(stored, augment=augment, seed=seed)
    batches = EpochBatches(len(data), 4, seed, drop_last=True, start=start)
    loader = train_loader(data, batches, workers=workers)
    taken = list(itertools.islice(loader, count))
    return taken


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for name in ("clips", "places", "params", "labels", "videos", "choices"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_a_batch_has_the_promised_shapes_and_prepares_to_clips(stored):
    batch = first_batches(stored, 1)[0]
    assert batch.clips.shape == (4, 2, 8, 29, 29, 3) and batch.clips.dtype == torch.uint8
    assert batch.size == 24  # cut out of 29 where the picture may be turned by 5 degrees, on the device
    assert first_batches(stored, 1, augment=Augmentation(size=24))[0].clips.shape == (4, 2, 8, 24, 24, 3)
    assert batch.labels.tolist() == [index % 3 for index in batch.videos.tolist()]
    clips = prepare(batch, "cpu")
    assert clips.shape == (4, 2, 3, 8, 24, 24) and clips.dtype == torch.float32
    assert clips.min() >= 0 and clips.max() <= 1 and len(batch) == 4


def test_batches_do_not_depend_on_the_number_of_workers(stored):
    alone = first_batches(stored, 5)
    assert_equal(alone, first_batches(stored, 5, workers=2))
    assert_equal(alone, first_batches(stored, 5))
    other = first_batches(stored, 5, seed=1)
    assert not all(torch.equal(a.clips, b.clips) for a, b in zip(alone, other, strict=True))


def test_a_run_that_resumes_anywhere_sees_the_same_batches(stored):
    whole = first_batches(stored, 7)  # two steps an epoch
    for done in range(7):
        assert_equal(whole[done:], first_batches(stored, 7 - done, start=divmod(done, 2)))
    assert_equal(whole[2:4], first_batches(stored, 2, start=(0, 2)))  # after an epoch's last step


def test_draws_belong_to_the_video_and_the_epoch_not_to_the_batch(stored):
    data = dataset(stored)
    assert torch.equal(data[(3, 5)].clips, data[(3, 5)].clips)
    assert not torch.equal(data[(3, 5)].clips, data[(4, 5)].clips)


def test_the_global_random_state_is_left_alone(stored):
    before = torch.get_rng_state()
    first_batches(stored, 2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_evaluation_sees_every_video_once_in_order(stored, workers):
    data = dataset(stored, UniformClips(8, 2, 3), Augmentation(size=24))
    batches = list(eval_loader(data, batch_size=4, workers=workers))
    assert [len(batch) for batch in batches] == [4, 4, 3]
    assert torch.cat([batch.videos for batch in batches]).tolist() == list(range(len(FRAMES)))
    assert batches[0].clips.shape == (4, 3, 8, 24, 24, 3)


def test_the_clips_hold_the_frames_that_the_sampler_chose(stored):
    store, table = stored
    data = dataset(stored, UniformClips(8, 2, 3), Augmentation(size=32))
    for index in (0, 2):  # index 2 has five frames: looped
        row = table.iloc[index]
        windows = UniformClips(8, 2, 3)(int(row["frames"]), np.random.default_rng(0)).clips
        clips = data[(0, index)].clips[0].numpy()
        for clip, window in zip(clips, windows, strict=True):
            np.testing.assert_array_equal(clip, store.read(row["shard"], row["batch"], window)[:, :, 5:37])


def test_another_video_takes_the_place_of_a_too_short_one(stored):
    """FRAMES has six videos of 18 frames or more. Every place of an epoch is filled, and by the same video whatever the
    workers, the batch or the point of resumption; in another epoch by another one."""
    store, table = stored
    data = ClipDataset(store, table, UniformClips(8, 2, 1), AUGMENT, 0, min_frames=18)
    long = {index for index, frames in enumerate(FRAMES) if frames >= 18}
    shown = {}
    for epoch in range(40):
        for index in range(len(data)):
            batch = data[epoch, index]
            (video,) = batch.videos.tolist()
            assert video in long and (index not in long or video == index)
            assert batch.labels.item() == table["label"][video]
            shown.setdefault(index, []).append(video)
    assert all(set(shown[index]) == long for index in range(len(data)) if index not in long)
    again = ClipDataset(store, table, UniformClips(8, 2, 1), AUGMENT, 0, min_frames=18)
    together = again.__getitems__([(3, index) for index in reversed(range(len(data)))])
    assert together.videos.tolist() == [shown[index][3] for index in reversed(range(len(data)))]
    for place, index in enumerate(reversed(range(len(data)))):
        assert torch.equal(together.clips[place], data[3, index].clips[0])
    batches = EpochBatches(len(data), 4, 0, drop_last=True, start=(1, 1), epochs=3)
    for workers in (0, 2):
        loaded = list(train_loader(data, batches, workers=workers))
        expected = [[shown[index][epoch] for epoch, index in keys] for keys in batches]
        assert [batch.videos.tolist() for batch in loaded] == expected


def test_long_enough_videos_keep_their_draws(stored):
    """A requirement that all videos meet changes no sample."""
    plain, asked = dataset(stored), ClipDataset(*stored, RandomClips(8, 2, 2), AUGMENT, 0, min_frames=1)
    for index in range(len(FRAMES)):
        assert_equal([plain[2, index]], [asked[2, index]])


def test_no_video_long_enough_is_an_error(stored):
    with pytest.raises(UserError, match=r"none of the 11 videos has 41 frames; the longest has 40"):
        ClipDataset(*stored, RandomClips(8, 2), AUGMENT, 0, min_frames=41)


def test_one_augmentation_a_clip(stored):
    bright, dark = (Augmentation(size=24, mean=(value,) * 3) for value in (0.0, 0.5))
    batch = dataset(stored, augment=[bright, dark])[(0, 0)]
    assert batch.params[0, :, -6].tolist() == [0.0, 0.5]
    with pytest.raises(UserError, match="3 augmentations for 2 clips"):
        dataset(stored, augment=[bright] * 3)
    with pytest.raises(UserError, match="same size"):
        dataset(stored, augment=[bright, Augmentation(size=16)])


def test_broken_videos_are_refused(stored):
    store, table = stored
    with pytest.raises(UserError, match="missing or broken"):
        ClipDataset(store, table.assign(batch=-1), RandomClips(8, 2), AUGMENT, 0)


def test_an_epoch_is_a_permutation_of_its_own(stored):
    batches = EpochBatches(103, 10, 7, drop_last=False, epochs=3)
    epochs = [[], [], []]
    for batch in batches:
        for epoch, index in batch:
            epochs[epoch].append(index)
    assert all(sorted(epoch) == list(range(103)) for epoch in epochs)
    assert epochs[0] != epochs[1] and len(batches) == 33
    assert len(list(EpochBatches(103, 10, 7, drop_last=True, epochs=3, start=(1, 4)))) == 16
    assert len(EpochBatches(103, 10, 7, drop_last=True, epochs=3, start=(1, 4))) == 16


def test_processes_share_each_batch(stored):
    whole = list(EpochBatches(50, 8, 1, drop_last=True, epochs=2))
    shares = [list(EpochBatches(50, 8, 1, drop_last=True, epochs=2, rank=r, world_size=2)) for r in range(2)]
    for batch, first, second in zip(whole, *shares, strict=True):
        assert batch[:4] == first and batch[4:] == second
    with pytest.raises(UserError, match="shared evenly by 3"):
        EpochBatches(50, 8, 1, drop_last=True, world_size=3)


def test_too_few_videos_for_a_batch_are_an_error():
    with pytest.raises(UserError, match="smaller batch_size"):
        EpochBatches(7, 8, 0, drop_last=True)
    assert len(EpochBatches(7, 8, 0, drop_last=False, epochs=1)) == 1
    with pytest.raises(TypeError, match="endless"):
        len(EpochBatches(8, 8, 0, drop_last=True))


def test_a_data_set_can_be_sent_to_spawned_workers(stored):
    data = dataset(stored)
    assert torch.equal(pickle.loads(pickle.dumps(data))[(0, 3)].clips, data[(0, 3)].clips)


def test_progress_writes_few_lines_into_a_log(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert list(progress.track(range(1000), "frames")) == list(range(1000))
    assert log.getvalue().count("\n") == 1 and "frames: 1000/1000 (100 %)" in log.getvalue()
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    assert list(progress.track(iter("abc"), "letters", total=3)) == ["a", "b", "c"]
    assert "letters: 1/3 (33 %)" in log.getvalue() and " left" in log.getvalue()
    assert progress.clock(3725) == "1:02:05" and progress.clock(65) == "1:05"
