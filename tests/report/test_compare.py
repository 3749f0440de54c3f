"""Two runs compared video by video: the numbers are those of the tables, other test sets are refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_cells import cell, cell_by_video, table_spec

from videossl.analysis.statistics import compare_predictions, wilson_interval
from videossl.cli import run_command as command
from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.results import IDENTITY, read_predictions, write_predictions
from videossl.report.collect import collect
from videossl.report.compare import _p_value, compare_runs, runs_of_seeds
from videossl.report.over_seeds import over_seeds
from videossl.report.tables import build_grid

VIDEOS = 120
CLASSES = 3


def moved(made: dict, root: Path) -> dict:
    """A cell in a folder like the workflow's, with classes among its predictions."""
    folder = root / "finetune/ucf101" / made["task"] / f"seed{made['seed']}" / "epochs200"
    folder.parent.mkdir(parents=True)
    shutil.move(made["run_dir"], folder)
    frame = read_predictions(folder / "predictions.parquet")
    frame["label"] = np.arange(len(frame)) % CLASSES
    frame["prediction"] = np.where(frame["correct"], frame["label"], CLASSES)
    rows = frame.drop(columns=list(IDENTITY))
    write_predictions(folder / "predictions.parquet", {key: made[key] for key in IDENTITY}, rows)
    return made | {"metrics": str(folder / "metrics.parquet"), "run_dir": str(folder)}


@pytest.fixture
def cells(tmp_path: Path) -> list[dict]:
    """A network and one from scratch, three seeds each, in `results`; much the same videos are correct."""
    draw, root = np.random.default_rng(1), tmp_path / "results"
    scratch = np.tile(draw.random(VIDEOS) < 0.5, (3, 1)) ^ (draw.random((3, VIDEOS)) < 0.1)
    own = scratch ^ (draw.random((3, VIDEOS)) < 0.15)
    own[:, ::CLASSES] = True
    made = [cell_by_video(root, row, seed=seed) for seed, row in enumerate(own)]
    made += [cell_by_video(root, row, seed=seed, task="scratch") for seed, row in enumerate(scratch)]
    return [moved(one, root) for one in made]


def folders(cells: list[dict]) -> tuple[list[Path], list[Path]]:
    found = [Path(one["run_dir"]) for one in cells]
    return found[:3], found[3:]


def test_one_seed_has_the_numbers_of_the_tables(cells):
    own, scratch = folders(cells)
    found = compare_runs(own[:1], scratch[:1])
    one_seed = [one for one in cells if one["seed"] == 0]
    plain = collect(table_spec(paper_table=None, baseline=True), one_seed).records
    for value, record in ((found.first, plain[1]), (found.second, plain[0])):
        assert (value.value, value.low, value.high) == (record.value, record.low, record.high)
    assert (found.first.low, found.first.high) == wilson_interval(round(found.first.value * VIDEOS), VIDEOS)
    (gain,) = collect(table_spec(paper_table=None, gain=True, groups={}), one_seed).records
    assert (found.difference.value, found.difference.low, found.difference.high) == (gain.value, gain.low, gain.high)
    reference = compare_predictions(*(read_predictions(path / "predictions.parquet") for path in (own[0], scratch[0])))
    assert (found.p_value, found.only_first, found.only_second) == (
        reference.p_value, reference.only_first, reference.only_second,
    )  # fmt: skip
    assert found.n == VIDEOS and found.seeds == (0,)


def test_several_seeds_have_the_numbers_of_the_tables(cells):
    own, scratch = folders(cells)
    found = compare_runs(own, scratch)
    gains = collect(table_spec(paper_table=None, gain=True, groups={}), cells)
    assert found.difference == over_seeds(gains.records)
    (entry,) = build_grid(gains).entries
    gap = found.difference
    assert entry.text == f"+{100 * gap.value:.1f}* [+{100 * gap.low:.1f}, +{100 * gap.high:.1f}]"
    assert found.first == over_seeds(collect(table_spec(paper_table=None, baseline=False), cells[:3]).records)
    assert found.seeds == (0, 1, 2) and found.p_value < 0.001 < gap.low
    back = compare_runs(scratch, own)
    assert back.p_value == pytest.approx(found.p_value)
    assert back.difference.value == pytest.approx(-gap.value)
    assert (back.only_first, back.only_second) == (found.only_second, found.only_first)


def test_classes_add_up_to_the_whole(cells):
    own, scratch = folders(cells)
    found = compare_runs(own, scratch)
    assert [one.n for one in found.classes] == [VIDEOS // CLASSES] * CLASSES
    assert found.classes[0].name == "class 0" and found.classes[0].first == 1.0  # the class that `own` always has right
    assert sum(one.n * one.difference for one in found.classes) / VIDEOS == pytest.approx(found.difference.value)
    manifest = own[0].parents[4] / "data/ucf101/manifest.parquet"
    frame = pd.DataFrame({"label": [0, 1, 2], "label_name": ["run", "jump", "wave"]})
    import pyarrow as pa

    write_parquet(manifest, pa.Table.from_pandas(frame, preserve_index=False))
    assert compare_runs(own, scratch).classes[0].name == "run"


def test_equal_networks_differ_by_nothing(cells):
    own, _ = folders(cells)
    for runs in (own[:1], own):
        found = compare_runs(runs, runs)
        assert found.difference.value == 0 and found.p_value == 1
        assert found.difference.low < 0 < found.difference.high


def test_other_test_sets_are_refused(cells, tmp_path):
    own = Path(cells[0]["run_dir"])

    def refused(other: dict, message: str) -> None:
        with pytest.raises(UserError, match=message):
            compare_runs([own], [Path(other["run_dir"])])

    right = np.ones(VIDEOS, dtype=bool)
    other = cell_by_video(tmp_path, right, target="hmdb51")
    refused(other, r"target of .*epochs200 is ucf101, that of .* is hmdb51")
    fewer = cell_by_video(tmp_path, right[:100], task="prp")
    refused(fewer, r"different videos \(20 only by .*epochs200, such as v100\)")
    refused(cell_by_video(tmp_path, right, task="tdl"), r"other classes for 80 test videos, such as v000 \(0 and 1\)")
    refused(cell(tmp_path, 60, task="vcop"), "no top1 or recall_at_1 of single test videos")
    refused(cell(tmp_path, task="cvrl"), "no metrics.parquet: name the folder of a finished run")


def test_the_command_prints_a_table_of_80_columns(cells, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own, scratch = folders(cells)
    assert command(["compare", str(own[0]), str(scratch[0]), "--seeds"]) == 0
    text = capsys.readouterr().out
    found = compare_runs(own, scratch)
    assert max(map(len, text.splitlines())) <= 80
    gap = found.difference
    shown = f"A - B +{100 * gap.value:.1f} [+{100 * gap.low:.1f}, +{100 * gap.high:.1f}]"
    assert shown in [" ".join(line.split()) for line in text.splitlines()]
    assert "A / B: task rspnet / scratch" in text and "p < 0.001" in text and "seeds 0, 1, 2" in text
    assert f"{VIDEOS} test videos of ucf101" in text and "class 0" in text

    assert command(["compare", str(own[0]), str(scratch[0]), "--format", "json"]) == 0
    whole, *classes = json.loads(capsys.readouterr().out)
    one = compare_runs(own[:1], scratch[:1])
    assert whole["difference"] == one.difference.value and whole["p_value"] == one.p_value and len(classes) == CLASSES
    assert command(["compare", str(own[0]), str(scratch[0]), "--format", "csv"]) == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 1 + CLASSES


def test_seeds_that_only_one_has_are_named(cells, tmp_path, capsys):
    own, scratch = folders(cells)
    assert list(runs_of_seeds(own[1])) == [0, 1, 2]
    shutil.rmtree(scratch[1])
    assert command(["compare", str(own[0]), str(scratch[0]), "--seeds"]) == 0
    text = capsys.readouterr().out
    assert "left out, as only one of the two has them: seeds 1" in text and "seeds 0, 2" in text
    for folder in (scratch[0], scratch[2]):
        shutil.rmtree(folder)
    with pytest.raises(UserError, match="no metrics"):
        compare_runs(own[:1], scratch[:1])
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UserError, match="no part seed0"):
        command(["compare", str(own[0]), str(tmp_path / "elsewhere"), "--seeds"])


def test_names_are_those_of_the_status(cells, tmp_path, capsys, monkeypatch, repository):
    """Relative to the results folder of the study; an unknown one is told with the valid ones."""
    monkeypatch.chdir(tmp_path)
    names = [str(folders(cells)[side][0].relative_to(tmp_path / "results")) for side in (0, 1)]
    snakefile = str(repository / "Snakefile")
    assert command(["compare", *names, "--snakefile", snakefile]) == 0
    assert "A  results/finetune/ucf101/rspnet/seed0/epochs200" in capsys.readouterr().out
    with pytest.raises(UserError, match="unknown run 'finetune/nothing'"):
        command(["compare", names[0], "finetune/nothing", "--snakefile", snakefile])


def test_three_seeds_have_the_p_value_of_students_t():
    """Three standard errors that three seeds tell: p is 0.095 (t with two degrees of freedom), not 0.003."""
    spread = 0.1 * np.sqrt(3) / 3
    gap = np.repeat(np.array([[0.1 - spread], [0.1], [0.1 + spread]]), 4000, axis=1)
    assert _p_value(gap, np.zeros_like(gap)) == pytest.approx(0.0955, abs=1e-3)
