"""How many videos a dataset has: counted where it is listed or stored, else configured, else assumed and said so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from tiny import make_data, make_study

from videossl.cli import plan
from videossl.cli import run_command as run
from videossl.data.materialise import MANIFEST_SCHEMA
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.monitor.estimate import Estimator
from videossl.monitor.pending import Pending
from videossl.stages.cells import Cell
from videossl.study import costs, inventory
from videossl.study.inventory import ASSUMED, CONFIGURED, GENERATED, LISTED, STORED, assumptions, videos_of
from videossl.study.study import load_study

FINETUNE = Cell("finetune", "scratch", "", "r2plus1d", "none", "none", 0, "ucf101", "finetune", 0)


def write(path: Path, schema: pa.Schema, rows: dict[tuple[str, str, int], int]) -> None:
    """A listing or manifest with so many rows of each split, status and label."""
    keys = [key for key, count in rows.items() for _ in range(count)]
    values = {"split": [key[0] for key in keys], "status": [key[1] for key in keys], "label": [key[2] for key in keys]}
    values["path"] = [f"{number}.mp4" for number in range(len(keys))]
    columns = [pa.array(values.get(field.name, [None] * len(keys)), field.type) for field in schema]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path)


def study_in(folder: Path, **dataset):
    datasets = {
        "k400": {"title": "K", "reader": "kinetics", "root": "videos", "annotations": "lists", **dataset},
        "ucf101": {"title": "U", "reader": "ucf101", "root": "videos", "annotations": "lists", **dataset},
    }
    return make_study(
        folder, datasets=datasets, results_dir=str(folder / "results"), subsets={"50k": 50000, "all": "all"}
    )


def test_the_manifest_the_listing_the_configuration_and_an_assumption_in_this_order(tmp_path):
    study = study_in(tmp_path)
    assert videos_of(study.config, "ucf101").source == ASSUMED
    known = study_in(tmp_path, videos={"train": 300, "test": 70})
    found = videos_of(known.config, "ucf101")
    assert (found.source, found.train, found.test, found.all) == (CONFIGURED, 300, 70, 370)
    folder = tmp_path / "results/data/ucf101"
    listed = {("train", "found", 0): 12, ("val", "found", 0): 2, ("test", "found", 1): 3, ("train", "missing", 1): 4}
    write(folder / "listing.parquet", LISTING_SCHEMA, listed)
    found = videos_of(known.config, "ucf101")
    assert (found.source, found.train, found.finetuned, found.test, found.all) == (LISTED, 12, 14, 3, 21)
    stored = {("train", "ok", 0): 9, ("train", "broken", 0): 3, ("val", "ok", 0): 2, ("test", "ok", 1): 3}
    write(folder / "manifest.parquet", MANIFEST_SCHEMA, stored)
    found = videos_of(known.config, "ucf101")
    assert (found.source, found.train, found.finetuned, found.test, found.all) == (STORED, 9, 11, 3, 17)


def test_test_videos_without_labels_do_not_count(tmp_path):
    config = study_in(tmp_path).config
    rows = {("train", "found", 0): 5, ("val", "found", 0): 4, ("test", "found", -1): 30, ("unused", "found", 0): 6}
    write(tmp_path / "results/data/ucf101/listing.parquet", LISTING_SCHEMA, rows)
    found = videos_of(config, "ucf101")
    assert (found.test, found.finetuned, found.train) == (4, 5, 5)


def test_generated_videos_are_known(tmp_path):
    config = make_study(tmp_path).config
    found = videos_of(config, "k400")
    assert (found.source, found.train, found.test, found.finetuned, found.all) == (GENERATED, 12, 6, 12, 18)


@pytest.mark.parametrize("text", [b"", b"PAR1", b"PAR1 not yet whole"])
def test_a_file_that_is_being_written_is_no_error(tmp_path, text):
    config = study_in(tmp_path).config
    folder = tmp_path / "results/data/ucf101"
    folder.mkdir(parents=True)
    (folder / "manifest.parquet").write_bytes(text)
    assert videos_of(config, "ucf101").source == ASSUMED
    write(folder / "manifest.parquet", MANIFEST_SCHEMA, {("train", "ok", 0): 3})
    assert videos_of(config, "ucf101").train == 3


def test_a_file_is_read_once_and_anew_when_it_changes(tmp_path, monkeypatch):
    config, path = study_in(tmp_path).config, tmp_path / "results/data/ucf101/listing.parquet"
    write(path, LISTING_SCHEMA, {("train", "found", 0): 3})
    read, times = inventory.read_table, []
    monkeypatch.setattr(inventory, "read_table", lambda *args, **named: times.append(1) or read(*args, **named))
    assert [videos_of(config, "ucf101").train for _ in range(5)] == [3] * 5 and len(times) == 1
    write(path, LISTING_SCHEMA, {("train", "found", 0): 3000})
    assert videos_of(config, "ucf101").train == 3000 and len(times) == 2


def test_a_manifest_of_generated_videos_says_nothing_of_real_ones(tmp_path):
    """Of a study that was built on generated videos before the dataset was given a root."""
    results = tmp_path / "results"
    make_data(results / "generated/ucf101", "ucf101", {"train": 2, "test": 1})
    (results / "data/ucf101").mkdir(parents=True)
    shutil.copy(results / "generated/ucf101/manifest.parquet", results / "data/ucf101")
    config = study_in(tmp_path).config
    assert videos_of(config, "ucf101").source == ASSUMED
    real = config.datasets["ucf101"].model_copy(update={"root": str(results / "generated/ucf101/videos")})
    moved = config.model_copy(update={"datasets": config.datasets | {"ucf101": real}})
    assert videos_of(moved, "ucf101").source == STORED


def test_estimates_and_time_limits_follow_what_is_counted(tmp_path):
    study = study_in(tmp_path)
    before = costs.job_seconds(FINETUNE, study), costs.runtime_minutes(FINETUNE, study)
    rows = {("train", "found", 0): 8, ("val", "found", 0): 2, ("test", "found", 0): 5}
    write(tmp_path / "results/data/ucf101/listing.parquet", LISTING_SCHEMA, rows)
    after = costs.job_seconds(FINETUNE, study), costs.runtime_minutes(FINETUNE, study)
    # The loaders need longest: 2 epochs of 10 videos, 2 clips of each of 5 test videos; of 20,000 and 5,000 before.
    assert after[0] / before[0] == pytest.approx((2 * 10 + 2 * 5) / (2 * 20_000 + 2 * 5_000))
    assert Estimator(study).of(FINETUNE).hours == pytest.approx(after[0] / 3600)
    assert after[1] < before[1] and after[1] == study.config.compute.limits.start_minutes + 1


def test_a_subset_is_no_larger_than_its_dataset(tmp_path):
    study = study_in(tmp_path)
    named = Cell("pretrain", "rotnet", "C3", "r2plus1d", "k400", "50k", 50, "", "", 0)
    of_all = replace(named, subset="all")
    assert costs.job_seconds(named, study) > 2 * costs.job_seconds(of_all, study)  # 50,000; 20,000 are assumed
    write(tmp_path / "results/data/k400/listing.parquet", LISTING_SCHEMA, {("train", "found", 0): 15})
    assert costs.job_seconds(named, study) == costs.job_seconds(of_all, study) > 0


def test_the_plan_says_what_it_assumes_and_how_to_know(tmp_path, capsys, monkeypatch, repository):
    monkeypatch.chdir(repository)
    dataset = {"title": "Mine", "reader": "lists", "root": "r", "annotations": "a"}
    grid = {
        "task": "rotnet",
        "backbone": "r2plus1d",
        "source": "mine",
        "subset": "all",
        "epochs": 200,
        "target": "mine",
    }
    entry = {"kind": "table", "title": "T", "grid": grid, "rows": "task", "columns": "target"}
    overlay = tmp_path / "mine.yaml"
    values = {"results_dir": str(tmp_path / "results"), "datasets": {"mine": dataset}, "subsets": {"all": "all"}}
    overlay.write_text(yaml.safe_dump(values | {"only": ["t"], "experiments": {"t": entry}}))
    study = load_study(["config/config.yaml", overlay])
    monkeypatch.setattr(plan, "pending_jobs", lambda study, *rest: Pending(study.all_cells, {"listing": 1}))
    assert run(command := ["plan", "--configfile", str(overlay)]) == 0
    output = capsys.readouterr().out
    listing = tmp_path / "results/data/mine/listing.parquet"
    assert "Assumed: 20,000 training and 5,000 test videos of `mine`" in output and "`datasets.mine.videos`" in output
    assert f"snakemake --cores 1 {listing} --configfile {overlay}" in output
    write(listing, LISTING_SCHEMA, {("train", "found", 0): 10, ("test", "found", 0): 5})
    assert run(command) == 0 and "Assumed" not in capsys.readouterr().out
    assert not assumptions(study.config, ["mine", "k400"])


def test_a_manifest_is_counted_once_until_it_changes(tmp_path, monkeypatch):
    """Every job of a cluster asks many times, and a manifest may have half a million rows."""
    config, path = study_in(tmp_path).config, tmp_path / "results/data/k400/manifest.parquet"
    write(path, MANIFEST_SCHEMA, {("train", "ok", 0): 480_000, ("val", "ok", 0): 20_000})
    reads = []
    read = inventory.read_table
    monkeypatch.setattr(inventory, "read_table", lambda *given, **more: reads.append(given) or read(*given, **more))
    assert [videos_of(config, "k400").train for _ in range(3)] == [480_000] * 3 and len(reads) == 1
    write(path, MANIFEST_SCHEMA, {("train", "ok", 0): 470_000})
    assert videos_of(config, "k400").train == 470_000 and len(reads) == 2


def test_a_partly_configured_number_is_enough(tmp_path):
    found = videos_of(study_in(tmp_path, videos={"test": 70}).config, "ucf101")
    assert (found.train, found.test) == (70, 70)
