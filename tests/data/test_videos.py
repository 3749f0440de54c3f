"""Which videos of a manifest a job uses."""

from __future__ import annotations

import pandas as pd
import pytest

from videossl.common.errors import UserError
from videossl.data.manifest import open_store, read_manifest, target_videos


def manifest_of(*rows: tuple[str, int, str]) -> pd.DataFrame:
    """Rows of (split, label, status), ids in order."""
    frame = pd.DataFrame(rows, columns=["split", "label", "status"])
    return frame.assign(id=[f"v{index}" for index in range(len(frame))])


def ids(frame: pd.DataFrame) -> list[str]:
    return frame["id"].tolist()


OK, MISSING, BROKEN = "ok", "missing", "broken"


def test_with_a_labelled_test_split_training_takes_train_and_val():
    videos = target_videos(
        manifest_of(
            ("train", 0, OK), ("val", 1, OK), ("test", 2, OK), ("unused", 0, OK), ("train", 1, BROKEN),
            ("test", 0, MISSING), ("test", 1, BROKEN), ("val", 2, MISSING), ("test", 1, OK), ("test", -1, BROKEN),
            ("test", 0, BROKEN),
        )
    )  # fmt: skip
    assert ids(videos.train) == ["v0", "v1"]
    assert ids(videos.test) == ["v2", "v8"]
    assert videos.test.index.tolist() == [0, 1]
    assert (videos.test_split, videos.unreadable["test_missing"], videos.unreadable["test_broken"]) == ("test", 1, 2)
    assert videos.classes == 3


@pytest.mark.parametrize("test", [[], [("test", -1, OK), ("test", -1, MISSING)]], ids=["none", "unlabelled"])
def test_without_a_labelled_test_split_val_is_the_test_and_not_trained_on(test):
    videos = target_videos(manifest_of(("train", 0, OK), ("val", 0, OK), ("train", 1, OK), ("val", 1, MISSING), *test))
    assert (ids(videos.train), ids(videos.test)) == (["v0", "v2"], ["v1"])
    assert (videos.test_split, videos.unreadable["test_missing"], videos.unreadable["test_broken"]) == ("val", 1, 0)
    assert videos.classes == 2


def test_a_class_whose_videos_are_all_broken_still_counts():
    videos = target_videos(manifest_of(("train", 0, OK), ("train", 2, BROKEN), ("test", 0, OK)))
    assert videos.classes == 3


@pytest.mark.parametrize(
    "rows",
    [[("train", 0, OK)], [("test", 0, OK)], [("train", 0, OK), ("test", 0, BROKEN)], [("train", -1, OK)]],
)
def test_nothing_to_train_on_or_to_test_is_an_error(rows):
    with pytest.raises(UserError, match="both are needed"):
        target_videos(manifest_of(*rows))


def test_the_store_beside_a_manifest_has_its_videos(source):
    manifest = read_manifest(source.manifest)
    store = open_store(source.manifest, manifest)
    for video in manifest.itertuples():
        assert store.num_frames(video.shard, video.batch) == video.frames
    with pytest.raises(UserError, match="there is no file"):
        read_manifest(source.root / "none.parquet")
