"""Trainings that read copies of their frames (`compute.stage`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from runs import assert_same_run, train
from tiny import CPU, finetune_arguments, make_study

from videossl.common.errors import Interrupted
from videossl.data import staging
from videossl.data.loader import ClipDataset
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.evaluation.finetune import finetune, training_clips
from videossl.training.interrupt import Signals
from videossl.training.session import stage_frames

pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def staged(tmp_path):
    node = tmp_path / "node"
    node.mkdir()
    yield replace(CPU, stage=str(node))
    staging._read_here.clear()


def copies_in(compute) -> list[Path]:
    return list(Path(compute.stage).glob("videossl-frames-*/*.arrow"))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pretraining_gives_the_same_weights(study, source, tmp_path, staged, workers):
    plain = train(study, "rotnet", source, tmp_path / "plain")
    copied = train(study, "rotnet", source, tmp_path / "copied", compute=replace(staged, workers=workers))
    assert_same_run(plain, copied)
    assert copies_in(staged)


def test_a_finetuning_gives_the_same_weights(study, target, tmp_path, staged, capsys):
    spec, identity = finetune_arguments(study)
    for name, compute in (("plain", CPU), ("copied", staged)):
        finetune(spec, identity, manifest=target.manifest, weights=None, folder=tmp_path / name, compute=compute)
    assert (tmp_path / "plain/predictions.parquet").read_bytes() == (
        tmp_path / "copied/predictions.parquet"
    ).read_bytes()
    assert "frames are read from" in capsys.readouterr().out and copies_in(staged)


def dataset_of(study, target, videos: int) -> ClipDataset:
    spec, _ = finetune_arguments(study)
    rows = read_manifest(target.manifest)
    train = target_videos(rows).train.iloc[:videos]
    return ClipDataset(open_store(target.manifest, rows), train, training_clips(spec), spec.augmentation, 0)


def test_a_training_that_reads_less_than_a_copy_reads_in_place(study, target, staged, capsys):
    dataset = dataset_of(study, target, 1)
    stage_frames(dataset, 1, staged, Signals())
    assert "1 epochs of 1 videos read less than a copy of" in capsys.readouterr().out
    assert dataset.store.copies == {} and not copies_in(staged)
    stage_frames(dataset, 100, staged, Signals())
    assert dataset.store.copies and copies_in(staged)


def test_a_finished_training_copies_nothing(study, target, staged):
    dataset = dataset_of(study, target, 4)
    stage_frames(dataset, 0, staged, Signals())
    assert dataset.store.copies == {} and not copies_in(staged)


def test_a_stop_before_the_copies_is_heeded(study, target, staged):
    signals = Signals()
    signals.stop = True
    with pytest.raises(Interrupted):
        stage_frames(dataset_of(study, target, 4), 100, staged, signals)
    assert not copies_in(staged)
