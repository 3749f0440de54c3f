"""What cannot be laid out is told before anything runs: every kind of layout, without a file of results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from figure_entries import DISTILL, figure, part
from report_cells import PAPER_VALUES
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.report.dry import FIGURES, check_layouts
from videossl.report.published import LABELS, TARGETS
from videossl.study.config import Config, merge, read_yaml
from videossl.study.config.experiments import PLOTS
from videossl.study.study import Study, load_study

TWO = GRID | {"backbone": ["r2plus1d", "shufflenet"]}
SIZES = GRID | {"subset": ["10k", "50k"]}
NETWORKS = {"protocol": "network", "backbone": ["r2plus1d", "shufflenet"]}
CKA = GRID | {"protocol": "cka"}
NOISY = GRID | {"protocol": "robustness", "noise": ["gaussian", "shot"], "severity": [1, 2]}
ALONE = {"baseline": False}
HEAD = ",".join((*LABELS, *TARGETS))


def problems(folder: Path, entry: dict, others: dict | None = None, **config) -> str:
    """What is wrong with an entry, of all that is looked at before the first job."""
    with pytest.raises(UserError) as caught:
        config = {"paper_values": str(PAPER_VALUES)} | config
        check_layouts(make_study(folder, {"wrong": entry} | (others or {}), **config))
    return str(caught.value)


@pytest.mark.parametrize(
    ("entry", "axis"),
    [
        (table(GRID, rows="backbone", columns="target", **ALONE), "task"),
        (table(SIZES, rows="task", columns="target"), "subset"),
        (table(TWO, rows="subset", columns="task"), "backbone"),
        (table(GRID | {"target": ["ucf101", "hmdb51"]}, rows="subset", columns="task"), "target"),
        (table(GRID | {"task": "rotnet", "complexity": ["C1", "C2"]}, rows="subset", columns="task"), "complexity"),
        (table(GRID | {"epochs": [50, 200]}, rows="subset", columns="task"), "epochs"),
        (table([GRID, GRID | {"protocol": "linear_probe"}], rows="subset", columns="task"), "protocol"),
        (table(GRID, metric=["top1", "top5"], rows="subset", columns="task"), "metric"),
        (table(NOISY, rows="noise", columns="task", **ALONE), "severity"),
        (table(NETWORKS, rows="backbone", columns="protocol", **ALONE), "metric"),
        (table([GRID, DISTILL | {"backbone": "r2plus1d"}], rows="task", columns="target", **ALONE), "teachers"),
        # The baseline has no task, but a backbone and a target of its own.
        (table(TWO, rows=["subset", "task"], columns="epochs"), "backbone"),
        (figure("lines", grid=TWO, x="subset", series="task"), "backbone"),
        (figure("bars", grid=SIZES, x="task", series="target"), "subset"),
        (figure("lines", grid=TWO, x="epochs", series="task", panels="subset", **ALONE), "backbone"),
        (figure("scatter", grid=[NETWORKS, SIZES], x_metric="gflops", metric="top1", series="task", **ALONE), "subset"),
        (figure("cka", grid=CKA | {"subset": ["10k", "50k"]}, panels="task", **ALONE), "subset"),
    ],
)
def test_cells_of_one_place_are_told_with_both_and_the_axis_to_add(tmp_path, entry, axis):
    said = problems(tmp_path, entry)
    assert said.startswith(f"{tmp_path}/experiments.yaml: wrong: ") and "fall into one place" in said
    cells = [line for line in said.splitlines() if line.startswith("  ")]
    assert len(cells) == 2 and cells[0] != cells[1]
    assert f"`{axis}`" in said.splitlines()[-1]


def test_students_that_a_figure_does_not_tell_apart(tmp_path):
    others = {"kd": table(DISTILL | {"subset": ["10k", "50k"]}, rows=["task", "subset"], columns="target", **ALONE)}
    said = problems(tmp_path, figure("distillation", parts=[part("kd")], **ALONE), others)
    assert "fall into one place" in said and "Add `subset` to `x` of the part" in said


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            table(GRID, rows="noise", columns="task"),
            "`rows` names the axis 'noise', which cells of protocol finetune do",
        ),
        (table(GRID, rows="subset", columns="teachers"), "`columns` names the axis 'teachers'"),
        (table(NETWORKS, rows="backbone", columns=["subset", "metric"]), "`columns` names the axis 'subset'"),
        (figure("bars", grid=GRID, x="severity", series="task"), "`x` names the axis 'severity'"),
        (figure("lines", grid=GRID, x="subset", series="against"), "`series` names the axis 'against'"),
        (figure("bars", grid=GRID, x="subset", series="task", panels="noise"), "`panels` names the axis 'noise'"),
        (
            figure("cka", grid=GRID, panels="task"),
            "plot 'cka' needs cells of protocol cka; its cells are of .*finetune",
        ),
        (figure("cka", grid=[CKA, GRID], panels="task"), "plot 'cka' draws cells of protocol cka alone"),
        (figure("scatter", grid=GRID, series="task", x_metric="gflops"), "needs cells of protocol network"),
        (
            figure("scatter", grid=NETWORKS, series="metric", x_metric="gflops"),
            "add a grid of a protocol with",
        ),
        (figure("distillation", parts=[part("main")]), "part 1, 'P': `cells_of` names main, which has no .*distill"),
        (figure("distillation", parts=[part("kd", x="noise")]), "part 1, 'P': `x` names the axis 'noise'"),
        (table(GRID, metric="recall_at_1"), "unknown metric 'recall_at_1'"),
        (figure("lines", grid=GRID, metric=["top1", "top5"], x="subset", series="task"), "a figure shows one metric"),
        (figure("cka", grid=CKA, panels="task"), "`baseline: true`, but no cell with task 'scratch'"),
        (table(GRID | {"task": "rotnet"}, rows="backbone", columns="target"), "must name one of task"),
        (table(GRID, rows=["task", "target"], columns="task"), "an axis is named twice"),
        (
            table(GRID | {"task": "rotnet"}, average=True, rows="subset", columns="epochs"),
            "`average` is over the tasks",
        ),
        (table(GRID, quoted=True), "`quoted` rows are those of a `paper_table`"),
        (table(GRID, quoted=True, paper_table="networks"), "paper table 'networks' quotes no rows"),
        (table(GRID, paper_table="subset_sise"), "unknown paper table 'subset_sise'.*Did you mean subset_size"),
        (table(GRID, plot="bars"), "a table has no `plot`"),
    ],
)
def test_a_layout_that_does_not_fit_its_cells(tmp_path, entry, message):
    others = {"main": table(GRID), "kd": table(DISTILL, rows="task", columns="target", **ALONE)}
    said = problems(tmp_path, entry, others)
    assert re.search(message, said), said


def test_two_panels_of_one_name_would_hide_one_another(tmp_path):
    entry = figure("bars", grid=GRID | {"target": ["ucf101", "hmdb51"]}, x="task", series="subset", panels="target")
    datasets = make_study(tmp_path).config.model_dump(mode="json", exclude_none=True)["datasets"]
    datasets["hmdb51"]["title"] = "UCF101"
    assert "two panels called 'UCF101'" in problems(tmp_path, entry, datasets=datasets)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "which does not exist"),
        ("", "the columns are []"),
        ("a,b\n1,2\n", "the columns are ['a', 'b']"),
        (HEAD + "\n", "has no rows"),
        (HEAD + "\ng,a,-,16x112,R3D,K400,81.2\n", "line 2: 7 columns, expected 8"),
        (HEAD + "\ng,a,-,16x112,R3D,K400,81.2,50.1,3\n", "line 2: 9 columns, expected 8"),
        (HEAD + "\n\ng,a,-,16x112,R3D,K400,81.2,n/a\n", "line 3: hmdb51_top1 is 'n/a', expected a number"),
        (HEAD + "\ng,a,-,16x112,R3D,K400,812,\n", "ucf101_top1 is '812', expected a number from 0 to 100"),
        (b"\xff\xfe\x00", "no CSV file in UTF-8"),
    ],
)
def test_a_file_of_published_results_is_read_before_the_first_job(tmp_path, text, message):
    path = tmp_path / "published.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    entry = {"kind": "table", "title": "P", "published": str(path), "grid": GRID, **ALONE}
    said = problems(tmp_path, entry)
    assert str(path) in said and message in said


@pytest.mark.parametrize(("grid", "shown"), [(GRID, {"metric": "top5"}), (NOISY, {"metric": "top1"})])
def test_beside_published_results_stands_the_same_metric(tmp_path, grid, shown):
    path = tmp_path / "published.csv"
    path.write_text(HEAD + "\ng,a,-,16x112,R3D,K400,81.2,\n")
    entry = {"kind": "table", "title": "P", "published": str(path), "grid": grid, **ALONE, **shown}
    assert "published results are top1" in problems(tmp_path, entry)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0], lines[1].replace(",percent", "x,percent")], "row 1 below the header: `value` is"),
        (lambda lines: [lines[0].replace("value", "number")], "the columns are"),
        (lambda lines: [*lines[:3], lines[3] + ",a,b"], "cannot be read as CSV"),
        (lambda lines: [*lines[:3], lines[3].replace(",percent,", ",per cent,")], "unknown unit 'per cent'"),
    ],
)
def test_the_papers_values_are_read_before_the_first_job(tmp_path, change, message):
    path = tmp_path / "values.csv"
    path.write_text("\n".join(change(PAPER_VALUES.read_text().splitlines())) + "\n")
    said = problems(tmp_path, table(GRID), paper_values=str(path))
    assert str(path) in said and message in said


def test_all_wrong_entries_are_told_at_once_with_their_files(tmp_path, repository, monkeypatch):
    monkeypatch.chdir(repository)
    grid = GRID | {"subset": "10k"}
    entries = {name: table(grid, rows="backbone", columns="target", **ALONE) for name in ("one", "two")}
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump({"only": ["one", "two"], "experiments": entries}))
    with pytest.raises(UserError) as caught:
        check_layouts(load_study(["config/config.yaml", mine]))
    for name in entries:
        assert f"`experiments.{name}` in {mine}: " in str(caught.value)


def test_metrics_that_this_configuration_does_not_give(tmp_path, repository, monkeypatch):
    """Of published weights no training is reported, and only UCF101 and HMDB51 have several official test sets."""
    monkeypatch.chdir(repository)
    base = read_yaml("config/config.yaml")
    models = {"kind": "table", "title": "M", "rows": "backbone", "columns": "metric", "baseline": False}
    trained = models | {"grid": {"protocol": "vifm", "model": "xclip"}, "metric": ["loss"]}
    zero_shot = {"protocol": "zero_shot", "model": "xclip", "target": "diving48"}
    split = models | {"grid": zero_shot, "metric": "split2_top1"}
    other = {"only": ["a"], "experiments": {"a": trained}}
    Study(Config.parse(merge(base, other), "x"))
    with pytest.raises(UserError, match="unknown metric 'loss'"):
        Study(Config.parse(merge(base, other | {"vifm": {"training": None, "recipe_overrides": None}}), "x"))
    with pytest.raises(UserError, match="unknown metric 'split2_top1'"):
        Study(Config.parse(merge(base, {"only": ["a"], "experiments": {"a": split}}), "x"))
    good = split | {"grid": zero_shot | {"target": "ucf101"}}
    Study(Config.parse(merge(base, {"only": ["a"], "experiments": {"a": good}}), "x"))


def test_every_plot_of_numbers_is_tried():
    assert set(FIGURES) == {plot for plot, layout in PLOTS.items() if "datasets" not in layout.required}


AXES = {
    "task": ["rotnet", "cvrl", "videomae"],
    "backbone": ["r2plus1d", "shufflenet", "vit", "c3d"],
    "source": ["k400", "ssv2", "k700"],
    "subset": ["10k", "50k", "100k"],
    "epochs": [50, 200],
    "target": ["ucf101", "hmdb51", "diving48"],
}


@pytest.mark.parametrize("restrict", [{}, *({axis: [value]} for axis, found in AXES.items() for value in found)])
def test_the_whole_study_can_be_laid_out_whatever_it_is_restricted_to(repository, monkeypatch, restrict):
    monkeypatch.chdir(repository)
    study = Study(Config.parse(merge(read_yaml("config/config.yaml"), {"restrict": restrict}), "the test"))
    check_layouts(study)
    assert study.entries


def test_the_papers_scale_can_be_laid_out(repository, monkeypatch):
    monkeypatch.chdir(repository)
    check_layouts(load_study(["config/config.yaml", "config/paper.yaml"]))
