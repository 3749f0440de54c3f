"""Too few training videos, and clips larger than their frames, are refused before anything is trained."""

from __future__ import annotations

import pytest
from runs import train
from tiny import CONFIG, CPU, finetune_arguments, make_study

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.data.feasible import require_videos
from videossl.data.manifest import read_manifest
from videossl.evaluation.finetune import finetune
from videossl.evaluation.probe import choose

pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.mark.parametrize(
    ("videos", "batch_size", "accumulation_steps", "needed"),
    [(1, 8, 1, 2), (2, 8, 1, None), (1, 1, 1, None), (3, 8, 2, 4), (4, 8, 2, None), (2, 2, 2, None), (1, 2, 2, 2)],
)
def test_each_part_of_a_batch_needs_two_videos_unless_the_recipe_says_one(
    videos, batch_size, accumulation_steps, needed
):
    if needed is None:
        require_videos(videos, batch_size, accumulation_steps, "dataset a", "Add some.")
        return
    with pytest.raises(UserError, match=rf"dataset a has {videos} usable training videos?; .* at least {needed}.*Add"):
        require_videos(videos, batch_size, accumulation_steps, "dataset a", "Add some.")


@pytest.mark.parametrize("task", ["rotnet", "rspnet"])
def test_pretraining_on_one_video_is_refused_and_on_two_goes_through(source, tmp_path, task):
    study = make_study(tmp_path / "study")
    with pytest.raises(UserError, match=r"subset 50k of dataset k400 has 1 usable training video; a batch needs at le"):
        train(study, task, source.with_subset(1, tmp_path / "1.parquet"), tmp_path / "one", 50)
    assert not (tmp_path / "one/checkpoint.pt").exists()
    train(study, task, source.with_subset(2, tmp_path / "2.parquet"), tmp_path / "two", 50)


def test_finetuning_on_one_video_is_refused(target, tmp_path):
    import pyarrow as pa

    rows = read_manifest(target.manifest)
    own = rows[rows["split"].isin(["train", "val"]) & (rows["status"] == "ok")].index
    kept = rows.drop(index=own[1:]).reset_index(drop=True)
    write_parquet(tmp_path / "manifest.parquet", pa.Table.from_pandas(kept, preserve_index=False))
    (tmp_path / "shards").symlink_to(target.root / "shards")
    spec, identity = finetune_arguments(make_study(tmp_path / "study"))
    with pytest.raises(UserError, match=r"dataset ucf101 has 1 usable training video; a batch needs at least 2.*datas"):
        finetune(
            spec, identity, manifest=tmp_path / "manifest.parquet", weights=None, folder=tmp_path / "run", compute=CPU
        )


def test_a_recipe_of_single_videos_is_told_where_the_network_normalises(source, tmp_path):
    study = make_study(tmp_path / "study")
    with pytest.raises(UserError, match=r"one video in each part \(batch_size 1, accumulation_steps 1\)"):
        train(study, "rspnet", source, tmp_path / "run", 50, batch_size=1)


def test_a_subset_of_one_video_is_refused_with_the_configuration(tmp_path):
    with pytest.raises(
        UserError, match=r"`subsets.50k`, for task rotnet, has 1 usable.*at least 2\. Raise subsets.50k"
    ):
        make_study(tmp_path, subsets={"10k": 1, "30k": 1, "50k": 1})


def test_clips_larger_than_their_frames_are_refused_with_the_configuration(tmp_path):
    with pytest.raises(
        UserError, match=r"rotnet.yaml.*clip.size is 16, but stored frames .* of 12 pixels \(store.short"
    ):
        make_study(tmp_path / "a", store={"short_side": 12})
    with pytest.raises(
        UserError, match=r"rotnet.yaml.*clip.size is 24, but frames are resized .* of 20 .*resize_short"
    ):
        make_study(tmp_path / "b", recipe_overrides={"rotnet": {"clip": {"size": 24}}})
    wide = CONFIG["finetune"] | {"clip": {"frames": 4, "size": 200}}
    with pytest.raises(UserError, match=r"`finetune`: clip.size is 200, .*lower clip.size to 128 or less"):
        make_study(tmp_path / "c", finetune=wide)


def test_a_probe_of_one_class_is_refused():
    import numpy as np

    from videossl.data.feature_file import Features

    names = {name: None for name in Features.__dataclass_fields__}
    data = Features(**names | {"train": np.zeros((4, 2)), "train_labels": np.zeros(4, int),
                               "validation": np.array([True, False, False, False])})  # fmt: skip
    with pytest.raises(UserError, match=r"2 classes or more, and the target's 3 .* are of 1"):
        choose(data, [1.0], 10)
