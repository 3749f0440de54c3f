"""Wrong inputs, as a new user gives them: each is one message with file and key, the valid values and the remedy."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from tiny import CONFIG, GRID, ROTNET, RSPNET, make_study, table, write_files

from videossl.common.errors import UserError, report_user_errors
from videossl.data.readers.listing import read_listing
from videossl.data.store import FrameStore
from videossl.data.subsets import make_subset
from videossl.study.config import Config, read_yaml
from videossl.study.study import Study
from videossl.training.checkpoint import Checkpoints, save_torch
from videossl.training.device import choose_device
from videossl.training.pretrain import _matching

PRETEXT = {axis: value for axis, value in GRID.items() if axis != "target"} | {"protocol": "pretext"}


def study(folder: Path, **config):
    return make_study(folder, **config)


def entry(folder: Path, **grid):
    return make_study(folder, {"mine": table(GRID | grid)})


def dataset(folder: Path, **changes):
    return study(folder, datasets=CONFIG["datasets"] | {"ucf101": CONFIG["datasets"]["ucf101"] | changes})


def yaml_file(folder: Path, text: str):
    (folder / "mine.yaml").write_text(text)
    return read_yaml(folder / "mine.yaml")


def lists(folder: Path, train: str, test: str, root: str = "videos"):
    """A dataset of one's own with one video, a.mp4."""
    for name in ("videos", "lists"):
        (folder / name).mkdir()
    (folder / "videos/a.mp4").write_text("a video")
    for name, text in (("classInd", "1 walk\n2 run\n"), ("train", train), ("test", test)):
        (folder / f"lists/{name}.txt").write_text(text)
    return read_listing("lists", folder / root, folder / "lists")


def orphan_recipe(folder: Path):
    values = write_files(folder, {"mine": table(GRID)}, {"rotnet": ROTNET, "rspnet": RSPNET, "jigsaw": ROTNET})
    return Study(Config.parse(values, "here"))


def same_name_twice(folder: Path):
    return study(folder, experiments={"main": table(GRID)})


def broken_shard(folder: Path):
    (folder / "0000.arrow").write_bytes(b"ARROW1\0\0" + 100 * b"x")
    return FrameStore([folder / "0000.arrow"]).num_videos(0)


def large_subset(folder: Path):
    videos = [{"id": f"v{n}", "split": "train", "status": "ok", "label": 0, "label_name": "walk"} for n in range(5)]
    return make_subset(pd.DataFrame(videos), 10, seed=0)


def other_recipe(folder: Path):
    trainer = SimpleNamespace(checkpoints=Checkpoints(folder, "aaaa"))
    return _matching({"recipe_hash": "bbbb"}, trainer, folder / "state.pt")


CASES = {
    "a task of a restriction": (
        lambda f: study(f, restrict={"task": ["rotnte"]}),
        ["unknown task 'rotnte'", "`restrict`", "Did you mean rotnet", "rspnet"],
    ),
    "a restriction that leaves nothing of what is asked for": (
        lambda f: study(f, restrict={"epochs": [50]}, only=["main"]),
        ["`restrict` (epochs: 50) leaves no cells of main", "Widen it, or take main out of `only`."],
    ),
    "a restriction that leaves nothing": (
        lambda f: study(f, restrict={"epochs": [50], "task": ["rotnet"]}),
        ["`restrict` (epochs: 50; task: rotnet) leaves no cells of main. Widen it."],
    ),
    "a task of an entry": (
        lambda f: entry(f, task="rotnte"),
        ["experiments.yaml: mine", "Did you mean rotnet", "docs/adding_a_task.md"],
    ),
    "a subset of an entry": (
        lambda f: entry(f, subset="20k"),
        ["unknown subset '20k'", "10k, 30k, 50k", "under `subsets`"],
    ),
    "a milestone": (lambda f: entry(f, epochs=120), ["unknown epochs '120'", "Valid: 50, 100, 200", "under `epochs`"]),
    "milestones that do not rise": (
        lambda f: study(f, epochs={50: 3, 100: 2}),
        ["epochs", "must rise from milestone to milestone", "[3, 2]"],
    ),
    "a metric": (
        lambda f: make_study(f, {"mine": table(GRID, metric="top2")}),
        ["unknown metric 'top2'", "experiments.yaml: mine", "Did you mean", "top1"],
    ),
    "a metric of a pretext task": (
        lambda f: make_study(f, {"mine": table(PRETEXT, metric="top1", baseline=False)}),
        ["unknown metric 'top1'", "task rotnet", "pretext_top1, loss"],
    ),
    "a recall that is not measured": (
        lambda f: make_study(f, {"mine": table(GRID | {"protocol": "retrieval"}, metric="recall_at_3")}),
        ["recall_at_3", "Valid: recall_at_1, recall_at_5"],
    ),
    "a name that is taken": (same_name_twice, ["`experiments.main`", "experiments.yaml", "another name"]),
    "a number with a fraction": (
        lambda f: study(f, finetune=CONFIG["finetune"] | {"batch_size": 1.5}),
        ["finetune.batch_size: should be a whole number", "(given: 1.5)"],
    ),
    "a text for a number": (
        lambda f: study(f, compute={"workers": "two"}),
        ["compute.workers: should be a whole number", "(given: 'two')"],
    ),
    "a misspelt key": (lambda f: study(f, subests={}), ["unknown key 'subests'", "Did you mean subsets"]),
    "a misspelt key deep down": (
        lambda f: entry(f, taks="rotnet"),
        ["mine.grid.taks: unknown key 'taks'", "Did you mean task"],
    ),
    "a size that is neither": (
        lambda f: study(f, subsets={"10k": 0}),
        ["subsets.10k: should be greater than or equal to 1, or should be 'all' (given: 0)"],
    ),
    "a backbone's option": (
        lambda f: study(f, backbones={"vit": {"depht": 2}}),
        ["unknown option 'depht'", "`backbones.vit`", "Did you mean depth"],
    ),
    "a type of a backbone's option": (
        lambda f: study(f, backbones={"vit": {"depth": 1.5}}),
        ["option 'depth'", "`backbones.vit`", "a whole number, 1 to 1,000 (default: 12), not 1.5"],
    ),
    "a width": (
        lambda f: study(f, backbones={"r2plus1d": {"width": -1}}),
        ["'width' in the options of backbone 'r2plus1d'", "`backbones.r2plus1d`", "above 0"],
    ),
    "a task's option": (
        lambda f: study(f, recipe_overrides={"rspnet": {"options": {"temprature": 1}}}),
        ["unknown option 'temprature'", "rspnet.yaml (with recipe_overrides)", "Did you mean temperature"],
    ),
    "a type of a task's option": (
        lambda f: study(f, recipe_overrides={"rspnet": {"options": {"queue_size": 1.5}}}),
        ["option 'queue_size'", "rspnet.yaml", "a whole number"],
    ),
    "an option that has no effect": (
        lambda f: study(f, recipe_overrides={"rotnet": {"options": {"rotations": 2}}}),
        ["recipe_overrides.rotnet.options.rotations has no effect", "complexity 'C3'", "C1, C2, C3"],
    ),
    "a recipe without a task": (
        orphan_recipe,
        ["jigsaw.yaml", "src/videossl/pretext/jigsaw.py", "docs/adding_a_task.md", "rotnet"],
    ),
    "a reader": (
        lambda f: dataset(f, reader="kinetcs"),
        ["datasets.ucf101.reader", "'kinetics'", "(given: 'kinetcs')"],
    ),
    "a reader's option": (
        lambda f: dataset(f, options={"splitt": 1}),
        ["unknown option 'splitt'", "`datasets.ucf101.options`", "Did you mean split"],
    ),
    "broken YAML": (lambda f: yaml_file(f, "subsets: {10k: 4\nfoo: ["), ["mine.yaml is not valid YAML", "line 2"]),
    "a key given twice": (
        lambda f: yaml_file(f, "a: 1\nb: 2\na: 3\n"),
        ["mine.yaml", "the key 'a' is given twice", "line 3", "rename or remove"],
    ),
    "an empty file": (lambda f: yaml_file(f, ""), ["mine.yaml should hold a mapping (key: value)", "nothing"]),
    "no such file": (lambda f: read_yaml(f / "none.yaml"), ["there is no file", "none.yaml"]),
    "a dataset's folder": (
        lambda f: lists(f, "a.mp4 1\n", "a.mp4 1\n", root="video"),
        ["folder of the videos (root) does not exist", "/video", "Correct the path"],
    ),
    "an empty list": (lambda f: lists(f, "", "a.mp4 1\n"), ["lists/train.txt is empty", "fetch it again"]),
    "a list of what is not there": (
        lambda f: lists(f, "b.mp4 1\n", "c.mp4 2\n"),
        ["none of the 2 listed videos", "videos/b.mp4", "Check the dataset's root"],
    ),
    "a line of a list": (
        lambda f: lists(f, "a.mp4\n", "a.mp4 1\n"),
        ["train.txt, line 1", "expected: 'relative/path/of/video.mp4"],
    ),
    "a large subset": (large_subset, ["a subset of 10 videos", "5 training videos are usable", "from 1 to 5"]),
    "a damaged shard": (broken_shard, ["0000.arrow is not a readable shard", "0000.arrow"]),
    "no GPU": (lambda f: choose_device("cuda"), ["compute.device is 'cuda'", "'auto' or 'cpu'", "--profile slurm"]),
    "another recipe's state": (other_recipe, ["state.pt was trained under another recipe", "Remove it and run again"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_input_is_one_message_with_key_valid_values_and_remedy(case, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    wrong, expected = CASES[case]
    with pytest.raises(UserError) as caught:
        wrong(tmp_path)
    for text in expected:
        assert text in str(caught.value)


def test_a_checkpoint_of_another_recipe_is_kept_aside_and_said(tmp_path, capsys):
    rest = {"module": {}, "optimizer": {}, "sums": {}, "seconds": 0.0}
    save_torch(tmp_path / "checkpoint.pt", {"recipe_hash": "aaaa", "epoch": 1, "step_in_epoch": 0, **rest})
    assert Checkpoints(tmp_path, "bbbb").load(stop=4) is None
    said = capsys.readouterr().out
    assert "another recipe" in said and "checkpoint.aaaa.pt" in said and "starts anew" in said
    assert (tmp_path / "checkpoint.aaaa.pt").exists()


def test_a_merge_key_may_stand_twice(tmp_path):
    text = "a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n  z: 3\n"
    assert yaml_file(tmp_path, text)["c"] == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_what_the_machine_refuses_is_a_message_and_no_traceback(number, capsys):
    def refused():
        raise OSError(number, "refused", "results/pretrain")

    assert report_user_errors(refused) == 2
    assert capsys.readouterr().err.startswith("error: refused: results/pretrain. Make it readable and writable")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x"), "Too many open files. Raise the limit (`ulimit -n`)"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "Resource temporarily unavailable. Raise"),
        (RuntimeError("can't start new thread"), "can't start new thread. Raise the limit (`ulimit -u`, or the cont"),
    ],
)
def test_a_limit_that_is_reached_is_named(error, said, capsys):
    def limited():
        raise error

    assert report_user_errors(limited) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_a_mistake_in_the_code_keeps_its_traceback():
    def mistaken():
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")

    with pytest.raises(FileNotFoundError):
        report_user_errors(mistaken)
