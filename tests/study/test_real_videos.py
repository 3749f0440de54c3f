"""The overlay for four small sets of real videos: what it plans and lists, on empty files with the sets' names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from workflow_copy import Workflow

from videossl.common.errors import UserError
from videossl.data.readers.listing import read_listing
from videossl.data.readers.registry import group_of, reads_lists
from videossl.monitor.before_run import missing_datasets, require_datasets
from videossl.monitor.doctor_data import datasets
from videossl.monitor.finding import OK
from videossl.study.study import Study, load_study

OVERLAYS = ["config/config.yaml", "config/small.yaml", "config/real/videos.yaml"]
SETS = {"miracl20": (2200, 800), "tennis7": (242, 129), "asl24": (606, 377), "basketball5": (198, 85)}
PLACES = {
    "miracl20": "real_sets/miracl20",
    "tennis7": "real_sets/tennis7",
    "asl24": "asl24_128",
    "basketball5": "basketball5",
}


@pytest.fixture
def study(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(repository)
    return load_study(OVERLAYS)


def touch(root: Path, videos: Iterable[str]) -> None:
    for path in videos:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def write_lists(root: Path, prefix: str = "") -> None:
    """A tiny set with lists beside its videos: two classes, two training videos and one test video of each."""
    parts = {
        "train": {f"{name}/{n}.mp4": label for label, name in enumerate("ab", 1) for n in (1, 2)},
        "test": {f"{name}/3.mp4": label for label, name in enumerate("ab", 1)},
    }
    (root / "splits").mkdir(parents=True)
    (root / "splits/classInd.txt").write_text("1 a\n2 b\n")
    for part, videos in parts.items():
        touch(root, videos)
        (root / f"splits/{prefix}{part}.txt").write_text("".join(f"{path} {n}\n" for path, n in videos.items()))


def listing_of(study: Study, name: str, root: Path) -> pd.DataFrame:
    entry = study.config.datasets[name]
    annotations = root / "splits" if reads_lists(str(entry.reader)) else root
    return read_listing(str(entry.reader), root, annotations, **entry.options)


def test_it_plans_all_tasks_on_all_sets(study: Study) -> None:
    tasks = {"rotnet", "vcop", "prp", "cvrl", "tdl", "rspnet"}
    assert set(study.entries) == set(study.config.only)
    assert {(cell.task, cell.source, cell.subset) for cell in study.pretraining} == {(t, "real", "all") for t in tasks}
    for stage in ("low_shot", "knn"):
        cells = study.of_stage(stage)
        assert {cell.target for cell in cells} == set(SETS)
        assert {cell.task for cell in cells} == {*tasks, "scratch"}
    assert not any(entry.generated for name, entry in study.config.datasets.items() if name in study.datasets)


def test_it_names_no_folder_of_a_machine_and_misses_the_videos_before_the_first_job(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SETS:
        assert study.config.datasets[name].root == f"data/real/{name}"
    monkeypatch.chdir(tmp_path)
    assert missing_datasets(study, study.datasets) == {
        name: [f"data/real/{name}"] if name == "basketball5" else [f"data/real/{name}", f"data/real/{name}/splits"]
        for name in SETS
    }


def test_of_a_set_without_lists_the_videos_alone_are_asked_for(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        require_datasets(study, study.datasets, [])
    said = str(error.value)
    assert "set datasets.basketball5.root\n" in said and "datasets.basketball5.annotations" not in said
    assert "set datasets.asl24.root and datasets.asl24.annotations\n" in said
    write_sets(tmp_path)
    found = {finding.subject: finding for finding in datasets(study)}
    assert {finding.state for finding in found.values()} == {OK}
    assert "folders are there: data/real/basketball5; " in found["dataset basketball5"].text


def write_sets(folder: Path) -> None:
    """Tiny sets of empty files where the overlay expects the videos."""
    for name, prefix in (("miracl20", ""), ("tennis7", ""), ("asl24", "cross_signer_")):
        write_lists(folder / f"data/real/{name}", prefix)
    touch(folder / "data/real/basketball5", [f"{c}/{c}_{n}.mp4" for c in ("pass", "shoot") for n in range(1, 40)])


def test_some_videos_in_its_folders_are_enough_to_list(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sets(tmp_path)
    assert not missing_datasets(study, study.datasets)
    for name in ("miracl20", "tennis7", "asl24"):
        listing = listing_of(study, name, Path(f"data/real/{name}"))
        assert listing["split"].value_counts().to_dict() == {"train": 4, "test": 2}


def test_snakemake_plans_it_where_the_videos_are(workflow: Workflow) -> None:
    write_sets(workflow.root)
    jobs = workflow.plan("--configfile", *OVERLAYS[1:])
    of_one_seed = {"pretrain": 6, "features": 28, "knn": 28, "finetune": 28, "low_shot": 84}
    trained = {stage: 3 * cells for stage, cells in of_one_seed.items()}
    data = {"listing": 4, "store_shard": 5, "manifest": 4, "subset": 1, "sample": 1}
    assert jobs == {**data, **trained, "table": 4, "figure": 1, "metrics": 1, "report": 1, "all": 1}


def test_neighbouring_clips_of_basketball_stay_together(study: Study, tmp_path: Path) -> None:
    touch(tmp_path, [f"{c}/{c}_{n}.mp4" for c in ("pass", "shoot") for n in range(1, 40)])
    listing = listing_of(study, "basketball5", tmp_path)
    tens = listing["id"].map(lambda video: (video.partition("/")[0], int(video[:-4].rpartition("_")[2]) // 10))
    assert (listing.groupby(tens)["split"].nunique() == 1).all() and set(listing["split"]) == {"train", "test"}
    together = group_of("folders", study.config.datasets["basketball5"].options)
    assert together("pass/pass_30.mp4") == together("pass/pass_39.mp4") != together("pass/pass_3.mp4")


@pytest.mark.shared
def test_the_four_sets_have_their_videos(study: Study, shared_dir: Path) -> None:
    for name, (train, test) in SETS.items():
        root = shared_dir / "data" / PLACES[name]
        if not root.is_dir():
            pytest.skip(f"needs the videos of {name} in ../shared")
        listing = listing_of(study, name, root)
        assert (listing["status"] == "found").all()
        assert listing["split"].value_counts().to_dict() == {"train": train, "test": test}
        assert study.config.datasets[name].videos == {"train": train, "test": test}
    assert [sum(counts) for counts in SETS.values()] == [3000, 371, 983, 283]
