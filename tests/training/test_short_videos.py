"""Videos that are too short for a task: replaced in training, left out of the held-out ones, counted, named, shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_cells import cell, subset_cells, table_spec
from run_records import run_record
from runs import assert_same_run, train
from tiny import make_data, make_study

from videossl.common.errors import UserError
from videossl.common.results import OWN_VIDEO, read_metrics, write_metrics
from videossl.data.manifest import read_manifest
from videossl.data.selection import open_subset
from videossl.monitor.buildable import builds_of, problems_of
from videossl.report.collect import collect
from videossl.report.document import Document
from videossl.report.notes import notes
from videossl.report.render import markdown
from videossl.report.request import cells_of

pytestmark = pytest.mark.usefixtures("own_signals")
LONG = {"clip": {"frames": 7, "size": 16}}
"""RSPNet then needs 13 frames; the videos have 10 to 14."""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """24 training and 12 held-out videos."""
    data = make_data(tmp_path_factory.mktemp("source"), "k400", {"train": 8, "val": 4})
    rows = read_manifest(data.manifest)
    for split in ("train", "val"):
        frames = rows.loc[rows["split"] == split, "frames"]
        assert 0 < (frames < 13).sum() < len(frames)
    return data


def short(source, split: str, fewer_than: int = 13) -> list[str]:
    rows = read_manifest(source.manifest)
    return list(rows.loc[(rows["split"] == split) & (rows["frames"] < fewer_than), "id"])


def test_a_run_counts_and_names_them(source, tmp_path, capfd):
    folder = train(make_study(tmp_path / "study"), "rspnet", source, tmp_path / "run", **LONG)
    run, told = json.loads((folder / "run.json").read_text()), capfd.readouterr().err
    lost, left_out = short(source, "train"), short(source, "val")
    names = run["too_short"].pop("names")
    assert run["too_short"] == {"min_frames": 13, "train": len(lost), "of": 24, "heldout": len(left_out)}
    assert run["samples"] == {"train": 24, "heldout": 12 - len(left_out)}
    assert names.split(" and ")[0].split(", ")[0] in lost
    metrics = read_metrics(folder / "metrics.parquet").set_index("metric")
    assert metrics.loc["video_retrieval_top1", "n"] == 12 - len(left_out)
    assert f"note: {len(lost)} of 24 training videos have fewer than 13 frames, too short for rspnet" in told
    assert f"note: {len(left_out)} held-out videos" in told and left_out[0] in told


def test_a_run_without_short_videos_says_nothing(source, tmp_path, capfd):
    folder = train(make_study(tmp_path / "study"), "rspnet", source, tmp_path / "run", stop=1)
    assert "too_short" not in json.loads((folder / "run.json").read_text())
    assert "too short" not in capfd.readouterr().err


def test_replaced_videos_are_the_same_in_every_run(source, tmp_path):
    study = make_study(tmp_path / "study")
    first, again = (train(study, "rspnet", source, tmp_path / name, **LONG) for name in "ab")
    assert_same_run(first, again)
    half = train(study, "rspnet", source, tmp_path / "half", epochs=50, **LONG)
    assert_same_run(first, train(study, "rspnet", source, tmp_path / "c", previous=half, **LONG))


def test_no_long_video_is_an_error(source, tmp_path):
    message = (
        r"none of the 24 videos of subset 50k of dataset k400 has the 39 frames that rspnet needs .*longest has 14"
    )
    with pytest.raises(UserError, match=message):
        train(make_study(tmp_path / "s"), "rspnet", source, tmp_path / "r", clip={"frames": 20, "size": 16})


def test_too_few_long_videos_are_an_error(source, tmp_path, monkeypatch):
    def all_but_one_short(path):
        videos, store = open_subset(path)
        return videos.assign(frames=[13] + [12] * (len(videos) - 1)), store

    monkeypatch.setattr("videossl.training.pretrain.open_subset", all_but_one_short)
    message = (
        r"subset 50k of dataset k400, without videos of fewer than 13 frames, has 1 usable training video; a batch"
    )
    with pytest.raises(UserError, match=message):
        train(make_study(tmp_path / "s"), "rspnet", source, tmp_path / "r", **LONG)


# --- before the first job ---


def problems(study) -> str:
    return "\n".join(problems_of(builds_of(study, study.pretraining)))


def test_generated_videos_that_are_all_too_short_are_refused_before_the_first_job(tmp_path):
    generated = {"design": "k400", "classes": 3, "videos": {"train": 4, "val": 2}}

    def study(longest: int):
        datasets = make_study(tmp_path).config.model_dump()["datasets"]
        datasets["k400"] |= {"generated": generated | {"frames": [5, longest]}}
        return make_study(tmp_path, datasets={name: _given(entry) for name, entry in datasets.items()})

    assert problems(study(7)) == ""
    told = problems(study(6))
    assert "rspnet needs videos of at least 7 frames" in told
    assert "the longest training video of k400 has 6" in told and "datasets.k400.generated.frames" in told


def _given(entry: dict) -> dict:
    return {key: value for key, value in entry.items() if value is not None and key != "validation"}


def test_stored_videos_that_are_all_too_short_are_refused_before_the_first_job(source, tmp_path):
    def study(frames: int):
        datasets = {
            name: {"title": name, "reader": reader, "root": str(source.root / "videos"), "annotations": "lists"}
            for name, reader in (("k400", "kinetics"), ("ucf101", "ucf101"), ("hmdb51", "hmdb51"))
        }
        return make_study(
            tmp_path,
            datasets=datasets,
            results_dir=str(tmp_path / "results"),
            rspnet={"clip": {"frames": frames, "size": 16}},
        )

    assert problems(study(20)) == ""  # nothing is known of the videos before they are stored
    manifest = tmp_path / "results/data/k400/manifest.parquet"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(source.manifest.read_bytes())
    assert problems(study(7)) == ""
    assert "the longest training video of k400 has 14" in problems(study(20))


@pytest.mark.parametrize("overlay", [[], ["config/smoke.yaml"]])
def test_generated_sources_are_long_enough_for_every_task(repository, monkeypatch, overlay):
    """At the scales of the project: not one video is replaced."""
    from videossl.study.study import load_study

    monkeypatch.chdir(repository)
    study = load_study(["config/config.yaml", *overlay])
    shortest = {name: one.generated.frames[0] for name, one in study.config.datasets.items() if one.generated}
    for build in builds_of(study, study.pretraining):
        assert problems_of([build.model_copy(update={"longest_video": shortest[build.source]})]) == []


# --- tables ---


def behind(made: dict, folder: Path, *, run: dict | None = None, own: float | None = None, **recipe) -> dict:
    """The cell with a pretraining behind it, which has these facts."""
    identity = {key: made[key] for key in ("task", "complexity", "backbone", "source", "subset", "epochs", "seed")}
    identity |= {"stage": "pretrain", "target": "", "protocol": "", "teachers": "", "against": ""}
    folder = folder / "-".join(map(str, identity.values()))
    folder.mkdir()
    rows = [{"split": "train", "metric": "loss", "value": 1.0, "n": 10}]
    rows += [] if own is None else [{"split": "train", "metric": OWN_VIDEO, "value": own, "n": 10}]
    write_metrics(folder / "metrics.parquet", identity, rows)
    (folder / "run.json").write_text(run_record(identity=identity, recipe={"options": recipe}, **(run or {})))
    return made | {"pretrainings": [str(folder)]}


def test_each_table_with_the_number_says_it(tmp_path):
    lost = {"min_frames": 128, "train": 1012, "of": 50000, "heldout": 3, "names": "a, b"}
    cells = []
    for made in subset_cells(tmp_path):
        facts = {"run": {"too_short": lost}} if (made["task"], made["subset"]) == ("prp", "50k") else {}
        facts |= {"own": {"10k": 0.9346, "50k": 0.05}[made["subset"]]} if made["task"] == "rspnet" else {}
        cells.append(behind(made, tmp_path, **facts) if made["task"] != "scratch" else made)
    results = collect(table_spec(), cells)
    line = (
        "PRP left out videos of fewer than 128 frames, too short for the task: 1,012 of 50,000 for training and 3 held"
        " out (K400, 50k). In training, others took their place."
    )
    share = (
        "RSPNet: share of the queries for which the queue held a key of their own video: 93.5 % (K400, 10k), 5.0 %"
        " (K400, 50k). Such keys count as negatives, as in the reference."
    )
    for drawn in (False, True):
        assert notes(results, drawn=drawn).count(line) == notes(results, drawn=drawn).count(share) == 1
    assert line in markdown(Document.of(results)) and share in markdown(Document.of(results))


def test_a_number_that_is_missing_says_nothing_and_several_networks_give_a_range(tmp_path):
    made = [
        behind(cell(tmp_path, 60, backbone=name), tmp_path, own=own, exclude_same_video=True)
        for name, own in (("r2plus1d", 0.02), ("shufflenet", 0.04))
    ]
    made.append(behind(cell(tmp_path, backbone="c3d"), tmp_path, own=0.9))  # pending
    made.append(cell(tmp_path, 60, backbone="r3d") | {"pretrainings": [str(tmp_path / "gone")]})
    spec = table_spec(baseline=False, rows="subset", columns=["backbone"], groups={})
    found = [note for note in notes(collect(spec, made)) if "queries" in note]
    assert found == [
        "RSPNet: share of the queries for which the queue held a key of their own video: 2.0 to 4.0 % (K400, 50k). Such"
        " keys were left out of the negatives."
    ]


def test_a_table_knows_the_pretrainings_behind_its_cells(tmp_path):
    """The last milestone of the network itself, and of its teachers."""
    from tiny import GRID, table

    entries = {
        "main": table(GRID | {"task": "rspnet"}, baseline=False),
        "taught": table(
            GRID | {"task": "rotnet", "protocol": "distill", "teachers": [{"task": "rspnet"}]}, baseline=False
        ),
    }
    study = make_study(tmp_path, entries)
    folder = "results/pretrain/k400/50k/{}/r2plus1d/seed0/epochs200"
    assert [cell["pretrainings"] for cell in cells_of(study, "main")] == [[folder.format("rspnet")]]
    (taught,) = cells_of(study, "taught")
    assert sorted(taught["pretrainings"]) == [folder.format("rotnet"), folder.format("rspnet")]
