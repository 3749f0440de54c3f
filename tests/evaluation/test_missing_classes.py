"""A class without videos is named wherever a number stands that is not of all classes; chance and n are of the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.test_noisy import SPEC, write
from listed import SCRIPT, Disk
from report_cells import cell, subset_cells, table_spec
from run_records import run_record
from tiny import CPU, Data, finetune_arguments, make_study, spec_of
from video_files import write_video
from videolanguage.test_jobs import VIEW, weights  # noqa: F401 (a fixture)

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.results import read_metrics
from videossl.data.classes import ClassGaps, class_gaps, class_names, read_gaps, with_class_names
from videossl.data.manifest import gaps_of, read_manifest, target_videos
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.readers.validation import with_validation
from videossl.evaluation.accuracy import accuracies, predict
from videossl.evaluation.features import extract
from videossl.evaluation.finetune import finetune
from videossl.evaluation.probe import linear_probe
from videossl.evaluation.retrieve import retrieve
from videossl.evaluation.robustness import robustness
from videossl.evaluation.specs import RobustnessSpec, ZeroShotSpec
from videossl.evaluation.zero_shot import evaluate
from videossl.monitor.doctor_data import datasets
from videossl.monitor.finding import OK, WARNING
from videossl.report.collect import collect
from videossl.report.document import Document
from videossl.report.notes import notes
from videossl.report.render import markdown
from videossl.study.study import load_study
from videossl.videolanguage.classify import class_names as names_of_texts

pytestmark = pytest.mark.usefixtures("own_signals")
MERGE = SCRIPT.with_name("merge_manifest.py")


def lost(target: Data, folder: Path, **labels: int | tuple[int, ...]) -> Data:
    """The dataset with a manifest in which the videos of these classes are broken, by split (`train` with `val`)."""
    manifest = read_manifest(target.manifest)
    for split, found in labels.items():
        splits = ["train", "val"] if split == "train" else [split]
        gone = manifest["split"].isin(splits) & manifest["label"].isin(np.atleast_1d(found))
        manifest.loc[gone & (manifest["status"] == "ok"), "status"] = "broken"
    folder.mkdir(exist_ok=True)
    write_parquet(folder / "manifest.parquet", pa.Table.from_pandas(manifest, preserve_index=False))
    (folder / "shards").symlink_to(target.root / "shards")
    return Data(target.root, folder / "manifest.parquet", target.subset)


def finetuned(study, data: Data, folder: Path) -> tuple[pd.DataFrame, dict]:
    spec, identity = finetune_arguments(study, epochs=1)
    finetune(spec, identity, manifest=data.manifest, weights=None, folder=folder, compute=CPU)
    metrics = read_metrics(folder / "metrics.parquet").set_index(["split", "metric"])
    return metrics.loc["test", "top1"], json.loads((folder / "run.json").read_text())["classes"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"))


def printed(target: Data) -> list[str]:
    return [class_names(read_manifest(target.manifest))[label] for label in range(3)]


# --- finetuning and the other tests ---


def test_nothing_is_said_where_nothing_is_missing(study, target, tmp_path, capfd):
    top1, classes = finetuned(study, target, tmp_path)
    assert classes == {
        "known": 3, "trained": 3, "tested": 3, "without_videos": [], "untrained": [], "untested": [],
    }  # fmt: skip
    assert top1["chance"] == 1 / 3 and "note:" not in capfd.readouterr().err
    assert read_gaps(tmp_path / "run.json").summary() == ""


def test_a_class_that_has_lost_its_videos(study, target, tmp_path, capfd):
    data = lost(target, tmp_path / "data", train=1, test=1)
    name = printed(target)[1]
    top1, classes = finetuned(study, data, tmp_path / "run")
    tested = target_videos(read_manifest(data.manifest)).test
    assert (top1["chance"], top1["n"]) == (1 / 2, len(tested)) and set(tested["label"]) == {0, 2}
    assert classes["without_videos"] == [name] and (classes["trained"], classes["tested"]) == (2, 2)
    said = capfd.readouterr()
    assert "(chance 50.0 %)" in said.out
    assert f"note: classes without a usable video (1 of 3): {name}; n and chance level are those of the 2" in said.err


def test_a_class_that_is_tested_and_not_trained_and_the_reverse(study, target, tmp_path, capfd):
    data = lost(target, tmp_path / "data", train=0, test=2)
    first, _, third = printed(target)
    top1, classes = finetuned(study, data, tmp_path / "run")
    assert (classes["untrained"], classes["untested"], classes["without_videos"]) == ([first], [third], [])
    assert (classes["trained"], classes["tested"], top1["chance"]) == (2, 2, 1 / 2)
    text = read_gaps(tmp_path / "run/run.json").summary()
    assert f"tested, but without a usable training video (1 of 3): {first}" in text and text in capfd.readouterr().err


def test_linear_probe_and_retrieval_say_the_same(target, tmp_path, capfd):
    from tiny import GRID, table

    grids = [GRID | {"protocol": protocol, "task": "rspnet"} for protocol in ("linear_probe", "retrieval")]
    study = make_study(tmp_path / "study", {"a": table(grids, baseline=False)})
    data = lost(target, tmp_path / "data", train=1, test=1)
    cells = {stage: study.of_stage(stage)[0] for stage in ("features", "linear_probe", "retrieval")}
    features = tmp_path / "features.npz"
    spec = spec_of(study, cells["features"])
    extract(spec, manifest=data.manifest, weights=None, output=features, compute=CPU)
    for stage, job in (
        ("linear_probe", linear_probe),
        ("retrieval", retrieve),
    ):
        capfd.readouterr()
        job(spec_of(study, cells[stage]), cells[stage].identity, features=features, folder=tmp_path / stage)
        gaps = read_gaps(tmp_path / stage / "run.json")
        assert gaps.without_videos == (printed(target)[1],) and gaps.summary() in capfd.readouterr().err
    metrics = read_metrics(tmp_path / "linear_probe/metrics.parquet").set_index(["split", "metric"])
    assert metrics.loc[("test", "top1"), "chance"] == 1 / 2


def test_robustness_and_its_sample_of_the_test_videos(study, target, tmp_path):
    data = lost(target, tmp_path / "data", train=1, test=1)
    finetuned(study, data, tmp_path / "run")
    manifests = {}
    for noise, severities in (("none", [0]), ("shot", [1])):
        for level, manifest in write(data, tmp_path / "noisy", noise, severities).items():
            if noise == "shot":  # a sample of one class
                manifest = manifest[manifest["label"] == 0]
            path = tmp_path / "noisy" / noise / str(level) / "manifest.parquet"
            write_parquet(path, pa.Table.from_pandas(manifest))
            manifests[noise, level] = path
    _, identity = finetune_arguments(study)
    robustness(
        RobustnessSpec(noise=SPEC), identity, weights=tmp_path / "run/weights.pt",
        noiseless=manifests.pop(("none", 0)), noisy=manifests,
        folder=tmp_path / "robustness", compute=CPU,
    )  # fmt: skip
    chances = read_metrics(tmp_path / "robustness/metrics.parquet")["chance"].dropna()
    assert set(chances) == {1 / 2}
    assert read_gaps(tmp_path / "robustness/run.json").without_videos == (printed(target)[1],)


def test_zero_shot_needs_no_training_videos(target, weights, tmp_path, capfd):  # noqa: F811
    data = lost(target, tmp_path / "data", train=0, test=1)
    manifest = read_manifest(data.manifest)
    spec = ZeroShotSpec.parse(VIEW | {"reader": "ucf101", "splits": []}, "x")
    evaluate(
        spec, finetune_arguments(make_study(tmp_path / "study"))[1], weights=weights, manifest=data.manifest,
        root=target.root / "videos", annotations=target.root / "annotations", folder=tmp_path / "run", compute=CPU,
    )  # fmt: skip
    metrics = read_metrics(tmp_path / "run/metrics.parquet").set_index("metric")
    assert metrics.loc["top1", "chance"] == 1 / 2
    gaps = read_gaps(tmp_path / "run/run.json")
    assert (gaps.trained, gaps.untrained, gaps.untested) == (None, (), (printed(target)[1],))
    assert gaps.summary() in capfd.readouterr().err
    # A class in the middle that no row names has its name from the class list, or there is no test.
    holes = manifest[manifest["label"] != 1]
    assert len(names_of_texts(holes)) == 3
    holes.attrs.clear()
    with pytest.raises(UserError, match=r"no class with the number 1 \(1 of 3 such\)"):
        names_of_texts(holes)


def test_chance_is_that_of_the_classes_tested():
    videos = pd.DataFrame({"id": list("abcdefg"), "label": [0, 1, 2, 3, 4, 5, 5]})
    logits = np.eye(9, dtype=np.float32)[[0, 1, 2, 3, 4, 5, 5]]
    rows = {row["metric"]: row for row in accuracies(predict(videos, "test", logits, 1), logits, "test")}
    assert (rows["top1"]["chance"], rows["top5"]["chance"]) == (1 / 6, 5 / 6)


# --- tables ---


def recorded(made: dict, gaps: ClassGaps) -> dict:
    (Path(made["run_dir"]) / "run.json").write_text(run_record(classes=gaps.as_json()))
    return made


def test_each_table_with_the_number_says_it(tmp_path):
    names = {number: f"C{number:03d}" for number in range(101)}
    gaps = class_gaps(names, set(names) - {7, *range(40, 50)}, set(names) - {7})
    cells = [recorded(made, gaps) if made["task"] == "rotnet" else made for made in subset_cells(tmp_path)]
    results = collect(table_spec(), cells)
    line = (
        "UCF101: classes without a usable video (1 of 101): C007; classes tested, but without a usable training video "
        "(10 of 101): C040, C041, C042, C043, C044 and 5 more; n and chance level are those of the 100 classes that "
        "were tested."
    )
    for drawn in (False, True):
        assert notes(results, drawn=drawn).count(line) == 1
    assert line in markdown(Document.of(results))


def test_tables_without_gaps_or_records_say_nothing(tmp_path):
    whole = class_gaps({0: "A", 1: "B"}, [0, 1], [0, 1])
    made = [recorded(cell(tmp_path, 60, task="rotnet"), whole), cell(tmp_path, 60, task="prp")]
    made += [recorded(cell(tmp_path, task="tdl"), class_gaps({0: "A", 1: "B"}, [0], [0]))]  # pending: no number stands
    text = " ".join(notes(collect(table_spec(baseline=False), made)))
    assert "classes" not in text


# --- the listing and the manifest ---


def listed(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["split", "label", "label_name", "status"])
    return frame.assign(id=[f"v{number}" for number in range(len(frame))])


def test_gaps_of_a_listing_and_of_a_manifest():
    rows = listed(
        ("train", 0, "A", "ok"), ("test", 0, "A", "found"), ("train", 1, "B", "missing"), ("test", 1, "B", "ok"),
        ("val", 2, "C", "ok"), ("test", 2, "C", "broken"), ("train", 3, "D", "broken"), ("unused", 3, "D", "ok"),
        ("test", -1, "", "ok"),
    )  # fmt: skip
    gaps = gaps_of(rows)
    assert gaps == ClassGaps(4, 2, 2, ("D",), ("B",), ("C",))
    gaps = gaps_of(with_class_names(rows, {"A": 0, "B": 1, "C": 2, "D": 3, "E": 4}))
    assert (gaps.known, gaps.without_videos) == (5, ("D", "E"))
    assert ClassGaps.parse(json.loads(json.dumps(gaps.as_json()))) == gaps
    assert gaps.sentences(shown=1)[0] == "classes without a usable video (2 of 5): D and 1 more"
    # Where the official test videos have no labels, val is the test.
    gaps = gaps_of(listed(("train", 0, "A", "ok"), ("val", 1, "B", "ok"), ("test", -1, "", "ok")))
    assert (gaps.untrained, gaps.untested) == (("B",), ("A",))


def test_a_class_that_no_list_names_stays_known(disk: Disk, tmp_path):
    disk.text("classInd.txt", "1 A", "2 B", "3 C")
    disk.text("train.txt", "a.mp4 1", "c.mp4 3")
    disk.text("test.txt", "b.mp4 1", "d.mp4 3")
    disk.videos("a.mp4", "b.mp4", "c.mp4", "d.mp4")
    listing = with_validation(disk.read("lists"), 0.5)
    table = pa.Table.from_pandas(listing, schema=LISTING_SCHEMA, preserve_index=False)
    write_parquet(tmp_path / "x.parquet", table)
    assert class_names(pd.read_parquet(tmp_path / "x.parquet")) == {0: "A", 1: "B", 2: "C"}
    code, text, listing = disk.job("lists")
    assert code == 0 and "note: classes without a usable video (1 of 3): B" in text
    assert class_names(listing)[1] == "B"


def test_every_reader_knows_its_classes(disk: Disk):
    disk.videos("A/x.avi", "1.webm", "a.mp4")
    disk.text("classInd.txt", "1 A", "2 B")
    disk.text("trainlist01.txt", "A/x.avi 1")
    disk.text("testlist01.txt", "A/y.avi")
    disk.text("A_test_split1.txt", "x.avi 1")
    disk.text("B_test_split1.txt", "y.avi 0")
    disk.json("labels.json", {"A": 0, "B": 1})
    disk.json("train.json", [{"id": "1", "template": "A"}])
    disk.json("validation.json", [{"id": "2", "template": "A"}])
    disk.json("Diving48_vocab.json", [["A"], ["B"]])
    item = {"vid_name": "a", "label": 0, "start_frame": 0, "end_frame": 5}
    disk.json("Diving48_V2_train.json", [item])
    disk.json("Diving48_V2_test.json", [{**item, "vid_name": "b"}])
    for reader in ("ucf101", "hmdb51", "ssv2", "diving48"):
        assert class_names(disk.read(reader)) == {0: "A", 1: "B"}, reader
        assert "B" in gaps_of(disk.read(reader)).without_videos, reader


def test_the_logs_and_the_doctor_name_a_class_that_is_lost_while_storing(tmp_path, repository, monkeypatch):
    """The only training video of a class cannot be decoded: the listing does not know, the manifest does."""
    disk = Disk(tmp_path)
    disk.text("classInd.txt", "1 Archery", "2 Handstand {$Pushups", "3 Unlisted")
    disk.text("train.txt", "a.mp4 1", "c.mp4 2")
    disk.text("test.txt", "b.mp4 1", "d.mp4 2")
    for name in ("a", "b", "d"):
        write_video(disk.root / f"{name}.mp4", 4)
    (disk.root / "c.mp4").write_text("no video")
    code, text, listing = disk.job("lists")
    assert code == 0 and text.count("note: classes") == 1 and "(1 of 3): Unlisted" in text
    data = tmp_path / "results/data/k400"
    data.mkdir(parents=True)
    write_parquet(data / "listing.parquet", pq.read_table(tmp_path / "listing.parquet"))
    monkeypatch.chdir(repository)
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        f"only: [mine]\nresults_dir: {tmp_path}/results\n"
        f"datasets: {{k400: {{generated: null, root: {disk.root}, annotations: {disk.annotations}}}}}\n"
        "experiments: {mine: {kind: table, title: Mine, rows: task, columns: target, grid: {task: rotnet,"
        " backbone: r2plus1d, source: k700, subset: 50k, epochs: 50, target: k400}}}\n"
    )
    study = load_study(["config/config.yaml", overlay])
    found = [finding for finding in datasets(study) if "k400" in finding.subject]
    assert [finding.state for finding in found] == [OK, WARNING]
    assert "Unlisted (by listing.parquet)" in found[1].text and "docs/datasets.md" in found[1].remedy

    from videossl.data.materialise import write_shard

    write_shard(
        listing, disk.root, 0, 1, data / "shards/0000.arrow", data / "shards/0000.parquet", short_side=16, quality=90
    )
    command = [sys.executable, MERGE, "--listing", data / "listing.parquet", "--output", data / "manifest.parquet"]
    done = subprocess.run(
        [*map(str, command), "--reports", str(data / "shards/0000.parquet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "broken: c.mp4: " in done.stderr and "(1 of 3): Unlisted" in done.stderr
    assert "tested, but without a usable training video (1 of 3): Handstand {$Pushups" in done.stderr
    warnings = [finding.text for finding in datasets(study) if finding.state == WARNING]
    assert len(warnings) == 2 and "Unlisted (by manifest.parquet)" in warnings[0]
    assert "Handstand {$Pushups (by manifest.parquet)" in warnings[1]
    assert target_videos(read_manifest(data / "manifest.parquet")).gaps.untrained == ("Handstand {$Pushups",)
