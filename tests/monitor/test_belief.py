"""Finished results are told by their own records, not by times."""

from __future__ import annotations

import json
import os
import shutil
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from run_records import run_record

from videossl.common.specification import hash_of
from videossl.data.provenance import digest_of, note_made, record_of
from videossl.monitor.belief import ABSENT, BELIEVED, OTHER, UNKNOWN, Beliefs, judge, set_apart
from videossl.monitor.marks import FOLDER, mark_incomplete, unmark
from videossl.monitor.run_state import DONE, OUTDATED, states
from videossl.report.renderings import FILES, renderings_of
from videossl.stages.jobs import jobs_of
from videossl.study.study import Study, load_study


@pytest.fixture(autouse=True)
def in_another_folder(repository, tmp_path, monkeypatch):
    """A folder with the configuration, for Snakemake's notes."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here/config").symlink_to(repository / "config")
    monkeypatch.chdir(tmp_path / "here")


def nothing_to_tell(text: str) -> None:
    pytest.fail(text)


def every_mark() -> list[Path]:
    """The marks of files whose jobs have not ended."""
    return [path for path in FOLDER.rglob("*") if path.is_file()] if FOLDER.is_dir() else []


def marked() -> int:
    """How many files Snakemake would make again, as their jobs have not ended."""
    return len(every_mark())


def study_of(folder: Path, more: str = "") -> Study:
    """A small study with its results in `folder`; `more`: further overlay."""
    mine, other = folder.parent / "mine.yaml", folder.parent / "more.yaml"
    mine.write_text(
        f"results_dir: {folder}\nonly: [training_time, noise_types, networks]\n"
        "restrict: {task: [rotnet, rspnet], source: [k400], target: [ucf101]}\n"
    )
    other.write_text(more or "{}\n")
    return load_study(["config/config.yaml", "config/smoke.yaml", mine, other][: 4 if more else 3])


def finish(study: Study) -> None:
    """Results of every job, each of its own content."""
    for number, job in enumerate((*jobs_of(study), *renderings_of(study))):
        for path in job.outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == "":
                path.mkdir()
                (path / "video.mp4").write_text(f"{number}")
            elif path.suffix == ".parquet":
                pq.write_table(pa.table({"stage": [""], "metric": [""], "value": [number]}), path)
            elif path.name == "run.json":
                path.write_text(run_record(recipe_hash=hash_of(job.spec())))
            else:
                path.write_text(f"{number:05d}")
        note_made(job.spec(), job.inputs, [path for path in job.outputs if path.name != "run.json"])


@pytest.fixture
def study(tmp_path) -> Study:
    """A finished study."""
    study = study_of(tmp_path / "results")
    assert not judge(study).jobs
    finish(study)
    return study


def found(beliefs: Beliefs, state: str, *, shown: bool = False) -> set[str]:
    """The folders of the cells, and the other files, in a state; or the names of what shows them."""
    if shown:
        return {job.outputs[0].name for job in beliefs.of(state) if job.is_rendering}
    return {job.cell.path if job.cell else str(job.outputs[0]) for job in beliefs.of(state) if not job.is_rendering}


def in_order(beliefs: Beliefs) -> bool:
    """Whether no file is older than what it was made from."""
    times = {path: path.stat().st_mtime_ns for job, _ in beliefs.jobs for path in (*job.inputs, *job.outputs)}
    return all(times[a] >= times[b] for job, _ in beliefs.jobs for a in job.outputs for b in job.inputs)


def test_copied_results_are_believed_whatever_their_times(study, tmp_path):
    stages = {job.cell.stage if job.cell else job.outputs[0].parent.name for job, _ in judge(study).jobs}
    assert {"generated", "shards", "subsets", "pretrain", "finetune", "robustness", "network", "tables"} <= stages
    (tmp_path / "results").rename(tmp_path / "before")
    shutil.copytree(tmp_path / "before", tmp_path / "results", copy_function=shutil.copyfile)
    order = np.random.default_rng(0).permutation(10_000)
    for number, path in zip(order, sorted((tmp_path / "results").rglob("*")), strict=False):
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    beliefs = judge(study)
    assert {state for _, state in beliefs.jobs} == {BELIEVED}
    assert not in_order(beliefs)
    set_apart(beliefs, nothing_to_tell)
    assert in_order(beliefs) and not marked()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").rglob("*")}
    set_apart(judge(study), nothing_to_tell)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "results").rglob("*")}


def test_times_of_a_clock_that_is_ahead_become_now(study, tmp_path):
    table = tmp_path / "results/tables/training_time.md"
    table.write_text("changed by hand")
    for number, path in enumerate(sorted((tmp_path / "results").rglob("*"), reverse=True)):
        os.utime(path, (4_000_000_000 + number, 4_000_000_000 + number))
    set_apart(judge(study), nothing_to_tell)
    beliefs = judge(study)
    assert found(beliefs, OTHER, shown=True) == {"training_time.parquet", "metrics.parquet", "report.html"}
    made = [path for job, _ in beliefs.jobs for path in job.outputs]
    assert max(path.stat().st_mtime for path in [*made, table]) <= time.time()


def test_a_changed_recipe_is_exactly_its_cells(study, tmp_path):
    changed = study_of(tmp_path / "results", "recipe_overrides: {rotnet: {optimizer: {lr: 0.0123}}}\n")
    beliefs = judge(changed)
    others = found(beliefs, OTHER)
    assert others == {cell.path for cell in changed.all_cells if cell.task == "rotnet"}
    told: list[str] = []
    set_apart(beliefs, told.append)
    assert [f"{len(others)} results" in text for text in told] == [True]
    assert marked() == sum(len(job.outputs) for job in beliefs.of(OTHER))
    assert {cell.path for cell, state in states(changed, changed.all_cells).items() if state.name == OUTDATED} == others
    set_apart(judge(study), nothing_to_tell)  # back to the first configuration: all is as it was
    assert not marked() and in_order(judge(study))
    assert {state.name for state in states(study, study.all_cells).values()} == {DONE}


def test_what_shows_something_else_is_made_again(study, tmp_path):
    """By its cells, their number, its text, and what it was made from."""
    everything = {job.outputs[0].name for job in judge(study).of(BELIEVED) if job.is_rendering}
    assert everything == {
        "training_time.parquet",
        "noise_types.parquet",
        "networks.parquet",
        "metrics.parquet",
        "report.html",
        "claims.parquet",  # can be requested although `only` selects entries
    }
    noted = study_of(tmp_path / "results", "scale: {name: smoke, note: another text}\n")
    assert found(judge(noted), OTHER, shown=True) == everything
    assert not found(judge(noted), OTHER)
    cell = next(cell for cell in study.all_cells if cell.stage == "finetune" and cell.task == "rspnet")
    results = tmp_path / "results" / cell.path
    pq.write_table(pa.table({"number": [12345]}), results / "metrics.parquet")
    job = next(job for job, _ in judge(study).jobs if job.cell == cell)
    note_made(job.spec(), job.inputs, [path for path in job.outputs if path.name != "run.json"])
    shown = {"training_time.parquet", "metrics.parquet", "report.html", "claims.parquet"}
    assert found(judge(study), OTHER, shown=True) == shown


def test_a_run_that_ended_while_something_was_made_again_leaves_nothing_to_believe(study, tmp_path):
    """Its results are gone, and what was made from them is there, and newer: Snakemake would see nothing to do."""
    changed = study_of(tmp_path / "results", "recipe_overrides: {rspnet: {optimizer: {lr: 0.0123}}}\n")
    cells = [cell for cell in study.of_stage("pretrain") if cell.task == "rspnet"]
    job = next(job for job, _ in judge(study).jobs if job.cell == cells[0])
    for path in job.outputs:
        path.unlink()
    beliefs = judge(changed)
    assert found(beliefs, ABSENT) == {cells[0].path}
    assert found(beliefs, OTHER) == {c.path for c in changed.all_cells if c.task == "rspnet"} - {cells[0].path}
    shown = {"training_time.parquet", "metrics.parquet", "report.html", "claims.parquet"}
    assert shown <= found(beliefs, OTHER, shown=True)


def test_what_was_removed_to_save_space_is_not_missed(study, tmp_path):
    """What was made from it is still known to be right; what shows it needs it."""
    cell = next(cell for cell in study.of_stage("pretrain") if cell.task == "rspnet" and cell.epochs == 50)
    (tmp_path / "results" / cell.path / "weights.pt").unlink()
    (tmp_path / "results/data/k400/train/0000.arrow").unlink()
    beliefs = judge(study)
    assert found(beliefs, ABSENT) == {cell.path, f"{tmp_path}/results/data/k400/train/0000.arrow"}
    assert not found(beliefs, OTHER) and not found(beliefs, OTHER, shown=True)
    shown = next(cell for cell in study.all_cells if cell.stage == "finetune" and cell.task == "rspnet")
    (tmp_path / "results" / shown.path / "metrics.parquet").unlink()
    assert "training_time.parquet" in found(judge(study), OTHER, shown=True)
    (tmp_path / "results/tables/.made/noise_types.json").unlink()  # of an older version
    assert "noise_types.parquet" in found(judge(study), OTHER, shown=True)
    (tmp_path / "results/tables/noise_types.md").unlink()
    assert {"noise_types.parquet"} <= found(judge(study), ABSENT, shown=True)
    assert {"report.html"} <= found(judge(study), OTHER, shown=True)


def test_a_table_that_went_on_without_a_damaged_run_is_made_again(study):
    """Also once the run's file is whole again, and holds what it held before."""
    job = next(job for job, _ in judge(study).jobs if job.outputs[0].name == "training_time.parquet")
    note_made(job.spec(), job.inputs, job.outputs, complete=False)
    assert found(judge(study), OTHER, shown=True) == {"training_time.parquet"}
    note_made(job.spec(), job.inputs, job.outputs)
    assert not found(judge(study), OTHER, shown=True)


def test_a_table_of_which_a_file_is_missing_is_made_again(study, tmp_path):
    """Snakemake misses none but that which is asked for; of a run, what was removed to save space is not missed."""
    (tmp_path / "results/tables/training_time.csv").unlink()
    cell = next(cell for cell in study.of_stage("pretrain"))
    (tmp_path / "results" / cell.path / "weights.pt").unlink()
    set_apart(judge(study), nothing_to_tell)
    marks = {
        Path(urlsafe_b64decode("".join(mark.relative_to(FOLDER).parts).replace("@", "")).decode())
        for mark in every_mark()
    }
    left = {tmp_path / f"results/tables/training_time{suffix}" for suffix in FILES["table"] if suffix != ".csv"}
    assert marks == left | {tmp_path / "results/metrics.parquet", tmp_path / "results/report.html"}


def test_other_videos_of_the_same_size_are_seen(study, tmp_path):
    jobs = [job for job, _ in judge(study).jobs]
    data = tmp_path / "results/data/k400"
    (data / "train/0000.arrow").write_text("54321")
    for job in jobs:
        if job.outputs[0] in (data / "train/0000.arrow", data / "subsets/50k.arrow"):
            note_made(job.spec(), job.inputs, job.outputs)
    beliefs = judge(study)
    trained = {cell.path for cell in study.all_cells if cell.source == "k400"}
    assert {path for path in found(beliefs, OTHER) if not path.startswith("/")} == trained
    assert not {path for path in found(beliefs, OTHER) if path.startswith("/")}


def test_a_larger_subset_adds_shards_and_leaves_what_is_finished(tmp_path):
    """A source that was stored for 12 videos: nothing is decoded or trained again when another table needs 17."""
    sizes = "subsets: {100k: 17}\n"
    finish(study_of(tmp_path / "results", sizes))
    grid = "{task: rotnet, backbone: r2plus1d, source: k400, subset: 100k, epochs: 50, target: ucf101}"
    entry = f"experiments: {{more: {{kind: table, title: More, grid: {grid}, rows: task, columns: target}}}}\n"
    more = "only: [training_time, noise_types, networks, more]\n"
    beliefs = judge(study_of(tmp_path / "results", sizes + more + entry))
    assert not found(beliefs, OTHER)
    data = tmp_path / "results/data/k400"
    assert {path for path in found(beliefs, ABSENT) if path.startswith("/")} == {
        f"{data}/train/0002.arrow",
        f"{data}/subsets/100k.arrow",
    }


def test_a_job_made_anew_with_the_same_content_changes_nothing(study, tmp_path):
    manifest = tmp_path / "results/data/ucf101/manifest.parquet"
    table = pq.read_table(manifest)
    pq.write_table(table.replace_schema_metadata({"by": "another version"}), manifest, compression="none")
    job = next(job for job, _ in judge(study).jobs if job.outputs == (manifest,))
    note_made(job.spec(), job.inputs, job.outputs)
    beliefs = judge(study)
    assert {state for job, state in beliefs.jobs} == {BELIEVED}


def test_what_nobody_recorded_is_left_to_snakemake(study, tmp_path):
    finetuning = next(cell for cell in study.all_cells if cell.stage == "finetune" and cell.task == "rspnet")
    folder = tmp_path / "results" / finetuning.path
    record_of(folder / "weights.pt").unlink()  # of an older version
    half = next(cell for cell in study.all_cells if cell.stage == "finetune" and cell.task == "rotnet")
    (tmp_path / "results" / half.path / "weights.pt").write_text("cut")
    (tmp_path / "results/networks/c3d/metrics.parquet").unlink()
    beliefs = judge(study)
    assert finetuning.path in found(beliefs, UNKNOWN)
    assert found(beliefs, ABSENT) == {"networks/c3d"}
    assert half.path in found(beliefs, OTHER)  # copied in part
    os.utime(folder / "weights.pt", (5, 5))
    set_apart(beliefs, [].append)
    assert (folder / "weights.pt").stat().st_mtime == 5


def test_generated_videos_of_another_configuration_are_told(study, tmp_path):
    generated = {**study.config.datasets}
    entry = generated["k400"]
    generated["k400"] = entry.model_copy(update={"generated": entry.generated.model_copy(update={"seed": 7})})
    changed = Study(study.config.model_copy(update={"datasets": generated}))
    videos = str(tmp_path / "results/generated/k400")
    assert videos in found(judge(changed), OTHER)
    set_apart(judge(changed), [].append)
    mark = FOLDER / urlsafe_b64encode(videos.encode()).decode()
    assert json.loads(mark.read_text()) == {"external_jobid": None}


def test_marks_are_where_snakemake_looks(tmp_path, monkeypatch):

    from snakemake.persistence.file import FilePersistence

    monkeypatch.chdir(tmp_path)
    paths = [tmp_path / "a.txt", tmp_path / "/".join(["long" * 40] * 3) / "b.txt"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    snakemake = FilePersistence(nolock=True)
    assert mark_incomplete(paths)
    keys = [str(path) for path in paths]
    assert snakemake._filter_incomplete_keys(keys) == set(keys)
    unmark(paths[:1])
    snakemake._clear_cache()
    assert snakemake._filter_incomplete_keys(keys) == set(keys[1:])


def test_files_of_another_owner_are_told_once(study, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "utime", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "not yours")))
    beliefs = judge(study)
    later = time.time() + 1000
    beliefs.jobs[0][0].outputs[0].joinpath(".snakemake_timestamp").touch()
    monkeypatch.setattr("videossl.monitor.belief._time", lambda path: int(later * 1e9))
    told: list[str] = []
    set_apart(beliefs, told.append)
    assert len(told) == 1 and "cannot be changed" in told[0]


def test_marks_that_cannot_be_written_are_told(study, tmp_path):
    FOLDER.parent.touch()
    told: list[str] = []
    set_apart(judge(study_of(tmp_path / "results", "finetune: {epochs: 3}\n")), told.append)
    assert "cannot be written" in told[0]


def test_digests_are_of_content(tmp_path):
    frame = pd.DataFrame({"id": ["a", None], "value": [0.1, float("nan")], "n": [1, 2]})
    frame.to_parquet(tmp_path / "a.parquet")
    pq.write_table(pa.Table.from_pandas(frame).replace_schema_metadata(), tmp_path / "b.parquet", compression="none")
    assert digest_of(tmp_path / "a.parquet") == digest_of(tmp_path / "b.parquet")
    frame.assign(n=[1, 3]).to_parquet(tmp_path / "b.parquet")
    assert digest_of(tmp_path / "a.parquet") != digest_of(tmp_path / "b.parquet")
    (tmp_path / "x").mkdir()
    (tmp_path / "x/one").write_text("1")
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    (tmp_path / "y/.snakemake_timestamp").touch()
    assert digest_of(tmp_path / "x") == digest_of(tmp_path / "y")
    (tmp_path / "y/one").rename(tmp_path / "y/two")
    assert digest_of(tmp_path / "x") != digest_of(tmp_path / "y")


def test_a_checkpoint_is_of_the_content_of_its_shards(tmp_path):
    """A shard of other frames and the same size is other data."""
    from types import SimpleNamespace

    from videossl.data.specs import SubsetSpec
    from videossl.training.session import run_hash

    shard = tmp_path / "shards/0000.arrow"
    shard.parent.mkdir()
    spec = SubsetSpec(data_version=1, size=3, seed=0)  # any
    store = SimpleNamespace(shard_paths=[shard], num_videos=lambda number: 1)
    dataset = SimpleNamespace(table={"shard": np.array([0])}, store=store)
    names = []
    for text in ("abc", "abd", "abc"):
        shard.write_text(text)
        note_made({}, [], [shard])
        names.append(run_hash(spec, dataset, []))
    assert names[0] == names[2] != names[1]
    record_of(shard).unlink()  # a store of an older version: the same digests are computed
    again = []
    for text in ("abc", "abd", "abcd"):
        shard.write_text(text)
        again.append(run_hash(spec, dataset, []))
    assert again[:2] == names[:2]
    assert len(set(again)) == 3
    note_made({}, [], [shard])
    shard.write_text("abcde")  # the record is of another file
    assert run_hash(spec, dataset, []) not in again
