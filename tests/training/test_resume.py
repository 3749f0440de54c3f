"""A run that was cut into pieces is, bit for bit, the run that was not."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import assert_same_run, history, same_bits, same_weights, start, stopped_in_mid_epoch, train, wait_for
from tiny import CPU, Data, make_study, pretrain_arguments

from videossl.common.errors import UserError
from videossl.common.results import OWN_VIDEO, read_metrics
from videossl.data.manifest import read_manifest
from videossl.pretext.base import PretextTask
from videossl.study.study import Study
from videossl.training.checkpoint import load_torch
from videossl.training.pretrain import build_task

TASKS = ["rotnet", "rspnet"]
pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Five epochs of three steps; milestones 50, 100 and 200 are after 2, 3 and 5 epochs."""
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def straight(study, source, tmp_path_factory) -> dict[str, Path]:
    """The uninterrupted run of each task to the last milestone."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGURG)
    folder = tmp_path_factory.mktemp("straight")
    runs = {task: train(study, task, source, folder / task) for task in TASKS}
    for number, handler in zip((signal.SIGTERM, signal.SIGINT, signal.SIGURG), before, strict=True):
        signal.signal(number, handler)
    return runs


def test_training_changes_the_weights_and_leaves_what_it_should(study, straight):
    for task, folder in straight.items():
        recipe, identity = pretrain_arguments(study, task)
        initial = build_task(recipe).backbone.state_dict()
        weights = load_torch(folder / "weights.pt")
        assert weights["backbone"].keys() == initial.keys() and not same_bits(weights["backbone"], initial)
        assert weights["spec"] == recipe.backbone.model_dump() and weights["identity"] == identity
        assert all(value.isfinite().all() for value in weights["backbone"].values())
        state = load_torch(folder / "state.pt")
        assert (state["epoch"], state["step_in_epoch"]) == (5, 0)
        assert [line["epoch"] for line in history(folder)] == [1, 2, 3, 4, 5]
        assert {line["samples"] for line in history(folder)} == {12}
        metrics = read_metrics(folder / "metrics.parquet").set_index("metric")
        trained = {"loss", OWN_VIDEO} if task == "rspnet" else {"loss"}
        assert set(metrics.index[metrics["split"] == "train"]) == trained
        assert set(metrics["split"].drop(list(trained))) == {"val"}
        assert metrics["value"]["loss"] == history(folder)[-1]["loss"]
        assert (metrics["n"][metrics["split"] == "val"] % 6 == 0).all()  # six held-out videos
    # RotNet's rate is 0.05 and a tenth of it after half of the training: epoch 3 ends at position 2 2/3 of 5.
    rates = [line["lr"] for line in history(straight["rotnet"])]
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.005, 0.005])


def test_the_seed_decides_the_run(study, source, straight, tmp_path):
    assert_same_run(straight["rotnet"], train(study, "rotnet", source, tmp_path / "same"))
    other = train(study, "rotnet", source, tmp_path / "other", seed=1)
    assert not same_weights(straight["rotnet"], other)


@pytest.mark.parametrize("task", TASKS)
def test_killed_in_mid_epoch_and_run_again(study, source, straight, tmp_path, capsys, task):
    process = start(study, task, source, tmp_path)
    wait_for(process, stopped_in_mid_epoch(process, tmp_path))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "weights.pt").exists()
    (tmp_path / ".checkpoint.pt.1.tmp").write_bytes(b"half a checkpoint")
    state = load_torch(tmp_path / "checkpoint.pt")
    assert state["epoch"] >= 1 and state["step_in_epoch"] >= 1

    train(study, task, source, tmp_path)
    assert f"resumed at epoch {state['epoch']}, step {state['step_in_epoch']}" in capsys.readouterr().out
    assert_same_run(tmp_path, straight[task])
    assert history(tmp_path) == history(straight[task])
    assert not list(tmp_path.glob(".*.tmp"))
    metrics = [read_metrics(folder / "metrics.parquet") for folder in (tmp_path, straight[task])]
    assert metrics[0].equals(metrics[1])


@pytest.mark.parametrize("task", TASKS)
def test_milestone_by_milestone(study, source, straight, tmp_path, task):
    first = train(study, task, source, tmp_path / "50", 50)
    second = train(study, task, source, tmp_path / "100", 100, previous=first)
    last = train(study, task, source, tmp_path / "200", 200, previous=second)
    assert_same_run(last, straight[task])
    assert [len(history(folder)) for folder in (first, second, last)] == [2, 1, 2]
    assert history(first) + history(second) + history(last) == history(straight[task])
    assert not same_weights(first, second) and not same_weights(second, last)


def test_a_finished_run_that_is_asked_for_again_trains_nothing_more(study, source, straight, tmp_path):
    """As when the controller dies before it has noted the job as done: Snakemake deletes the outputs and repeats."""
    shutil.copytree(straight["rspnet"], tmp_path / "run")
    for output in ("weights.pt", "state.pt", "metrics.parquet", "run.json"):
        (tmp_path / "run" / output).unlink()
    train(study, "rspnet", source, tmp_path / "run")
    assert_same_run(tmp_path / "run", straight["rspnet"])
    assert history(tmp_path / "run") == history(straight["rspnet"])


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("task", TASKS)
def test_loader_workers_change_nothing(study, source, straight, tmp_path, task):
    train(study, task, source, tmp_path, compute=replace(CPU, workers=2))
    assert_same_run(tmp_path, straight[task])


def test_a_checkpoint_of_another_recipe_is_not_used(study, source, straight, tmp_path, capsys):
    other = train(study, "rotnet", source, tmp_path, batch_size=6)
    assert not same_weights(other, straight["rotnet"])
    train(study, "rotnet", source, tmp_path)
    assert "another recipe" in capsys.readouterr().out and len(list(tmp_path.glob("checkpoint.*.pt"))) == 1
    assert_same_run(tmp_path, straight["rotnet"])
    assert history(tmp_path) == history(straight["rotnet"])


def test_a_checkpoint_of_other_videos_is_not_used(study, source, straight, tmp_path, capsys):
    """The recipe is the same when a subset was chosen anew; the workflow then runs the job again."""
    fewer = source.with_subset(8, tmp_path / "8.parquet")
    expected = train(study, "rotnet", fewer, tmp_path / "expected")
    shutil.copytree(straight["rotnet"], tmp_path / "run")
    train(study, "rotnet", fewer, tmp_path / "run")
    assert "other data" in capsys.readouterr().out
    assert_same_run(tmp_path / "run", expected)
    assert history(tmp_path / "run") == history(expected)


def test_a_checkpoint_of_other_frames_is_not_used(study, source, straight, tmp_path, capsys):
    """Videos of the same names and lengths, stored anew with another content."""
    from videossl.data.materialise import write_shard

    root = tmp_path / "data"
    shutil.copytree(source.root, root)
    moved = Data(root, root / "manifest.parquet", root / "subsets" / "50k.parquet")
    shutil.copytree(straight["rotnet"], tmp_path / "run")
    train(study, "rotnet", moved, tmp_path / "run")
    assert "not used" not in capsys.readouterr().out  # a dataset that only moved is the same

    listing = read_manifest(source.manifest).assign(status="found")
    arrow, report = root / "shards" / "0000.arrow", root / "shards" / "0000.parquet"
    write_shard(listing, root / "videos", 0, 2, arrow, report, short_side=20, quality=50, progress=False)
    train(study, "rotnet", moved, tmp_path / "run")
    assert "other data" in capsys.readouterr().out
    assert not same_weights(tmp_path / "run", straight["rotnet"])


def test_a_milestone_that_was_moved_nearer_is_not_a_later_state(study, source, straight, tmp_path, capsys):
    shutil.copytree(straight["rotnet"], tmp_path / "run")
    train(study, "rotnet", source, tmp_path / "run", 50)
    assert "past epoch 2" in capsys.readouterr().out
    assert_same_run(tmp_path / "run", train(study, "rotnet", source, tmp_path / "expected", 50))
    assert len(history(tmp_path / "run")) == 2


def test_a_milestone_of_another_recipe_is_not_continued(study, source, straight, tmp_path):
    with pytest.raises(UserError, match=r"state.pt was trained under another recipe.*Remove it and run again"):
        train(study, "rotnet", source, tmp_path, previous=straight["rotnet"], batch_size=6)
    assert not (tmp_path / "weights.pt").exists()


def test_the_state_holds_queue_and_momentum_encoder(study, straight):
    module = load_torch(straight["rspnet"] / "state.pt")["module"]
    initial = build_task(pretrain_arguments(study, "rspnet")[0]).state_dict()
    assert module["queue.keys"].shape == (8, 10)
    assert module["queue.position"].item() == 5 * 12 % 10  # every video of every epoch went through
    (key,) = (name for name in module if name.endswith("encoder.1.appearance.weight") and "key" in name)
    assert not torch.equal(module[key], initial[key])  # it follows the query encoder


def test_a_task_is_told_of_every_step_and_of_what_is_done(study, source, tmp_path, monkeypatch):
    """The share of the whole training, of which this is the first milestone."""
    called, told = [], []
    monkeypatch.setattr(PretextTask, "on_step_start", lambda task, done: told.append(done))
    monkeypatch.setattr(PretextTask, "on_step_end", lambda task: called.append(task.training))
    train(study, "rotnet", source, tmp_path, 50)
    assert called == [True] * 2 * 3  # epochs, steps
    assert told == pytest.approx([step / (5 * 3) for step in range(2 * 3)])
