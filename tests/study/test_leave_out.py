"""A scale leaves values of axes out (`leave_out`): entries keep their tables and figures, with fewer cells."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tiny import GRID, make_study, table, write_files

from videossl.cli.plan import print_plan
from videossl.common.errors import UserError
from videossl.monitor.estimate import Estimator
from videossl.monitor.pending import Pending
from videossl.report import html, latex
from videossl.report.captions import caption_of
from videossl.report.collect import collect
from videossl.report.document import Document
from videossl.report.left_out import left_out_here
from videossl.report.notes import notes
from videossl.report.render import markdown
from videossl.report.request import cells_of, request_of
from videossl.report.spec import Spec
from videossl.study.config.layers import check_layers
from videossl.study.config.study import config_of, read_layers
from videossl.study.study import Study, load_study

ENTRIES = {
    "sizes": table(GRID | {"subset": ["10k", "30k", "50k"]}),
    "time": table(GRID | {"task": "rspnet", "epochs": [50, 100, 200], "subset": "10k"}, rows="epochs"),
    "curve": {"kind": "figure", "title": "F", "cells_of": "time", "x": "epochs", "series": "task"},
    "last": table(GRID),
}
LESS = {"epochs": [50, 100], "subset": ["10k"]}
MODELS = ["xclip", "vificlip", "viclip"]


def values(study: Study, name: str, axis: str) -> list:
    return list(dict.fromkeys(getattr(cell, axis) for cell in study.cells_of[name] if not cell.is_scratch))


def test_values_are_dropped_where_an_entry_lists_several(tmp_path):
    """Also where it shows another's cells. A single value is kept."""
    study = make_study(tmp_path, ENTRIES, leave_out=LESS, compute={"milestone_jobs": "needed"})
    assert values(study, "sizes", "subset") == ["30k", "50k"]
    assert values(study, "time", "epochs") == values(study, "curve", "epochs") == [200]
    assert values(study, "time", "subset") == ["10k"]
    assert study.cells_of["last"] == make_study(tmp_path, ENTRIES).cells_of["last"]
    assert {cell.epochs for cell in study.pretraining} == {200}
    assert {(cell.task, cell.subset) for cell in study.pretraining if cell.subset == "10k"} == {("rspnet", "10k")}


@pytest.mark.parametrize(
    ("leave_out", "subsets", "epochs"),
    [
        (None, ["10k", "30k", "50k"], [50, 100, 200]),
        ({"subset": None, "epochs": [50]}, ["10k", "30k", "50k"], [100, 200]),
        ({"subset": ["30k", "50k"], "epochs": None}, ["10k"], [50, 100, 200]),
    ],
)
def test_an_overlay_switches_it_off_or_changes_an_axis(tmp_path, leave_out, subsets, epochs):
    values_of_files = write_files(tmp_path, ENTRIES, {}) | {"recipes_dir": "config/recipes", "leave_out": LESS}
    config = config_of([("base.yaml", values_of_files), ("mine.yaml", {"leave_out": leave_out})])
    study = Study(config)
    assert values(study, "sizes", "subset") == subsets and values(study, "time", "epochs") == epochs


def test_teachers_that_an_entry_fixes_stay(tmp_path):
    grid = GRID | {"protocol": "distill", "task": "rspnet", "subset": ["30k", "50k"]}
    entries = ENTRIES | {"taught": table(grid | {"teachers": [{"subset": "10k"}, {"epochs": 50}]})}
    (student, *others) = make_study(tmp_path, entries, leave_out=LESS | {"subset": ["10k", "30k"]}).cells_of["taught"]
    assert student.subset == "50k" and all(cell.is_scratch for cell in others)
    assert [(one.subset, one.epochs) for one in student.partners] == [("10k", 200), ("50k", 50)]


def test_models_are_left_out_alone_and_in_pairs(tmp_path):
    zero_shot = table({"protocol": "zero_shot", "model": MODELS, "target": "ucf101"}, rows="backbone", columns="target")
    pairs = table(GRID | {"protocol": "distill", "task": "rspnet", "pairs": MODELS}, rows="teachers")
    study = make_study(tmp_path, {"models": zero_shot, "pairs": pairs}, leave_out={"model": ["xclip"]})
    assert values(study, "models", "backbone") == ["vificlip", "viclip"]
    assert values(study, "pairs", "teachers") == ["vificlip+viclip"]
    assert left_out_here(study, ["pairs"]) == "Left out at this scale: model X-CLIP."
    with pytest.raises(UserError, match=r"names all but 1 of the values of `pairs` .*: pairs: xclip, vificlip, viclip"):
        make_study(tmp_path, {"models": zero_shot, "pairs": pairs}, leave_out={"model": ["xclip", "viclip"]})


def test_conditions_and_labels_are_axes_too(tmp_path):
    """Every noise is measured in one job: there, numbers are left out."""
    noisy = GRID | {"protocol": "robustness", "noise": ["gaussian", "shot"], "severity": [1, 2, 3]}
    few = GRID | {"protocol": "low_shot", "labels": [1, 5, "all"]}
    entries = {"noisy": table(noisy, rows=["noise", "severity"]), "few": table(few, rows="labels")}
    left_out = {"noise": ["shot"], "severity": [3], "labels": [1, "all"]}
    study = make_study(tmp_path, entries, leave_out=left_out)
    views = [view for found in study.views_of["noisy"].values() for view in found]
    assert {(view["noise"], view["severity"]) for view in views} == {("gaussian", 1), ("gaussian", 2)}
    assert values(study, "few", "labels") == ["5"]
    assert left_out_here(study, ["few"]) == "Left out at this scale: labels 1 and all."


def test_entries_of_ones_own_run_all_that_they_list(tmp_path):
    """Unless they show the cells of an entry of the file."""
    own = {"mine": table(GRID | {"epochs": [50, 100]}, rows="epochs"), "copy": ENTRIES["curve"]}
    study = make_study(tmp_path, ENTRIES, leave_out=LESS, experiments=own)
    assert values(study, "mine", "epochs") == [50, 100] and left_out_here(study, ["mine"]) == ""
    assert values(study, "copy", "epochs") == [200]


def test_what_is_kept_by_name_is_not_left_out(tmp_path):
    study = make_study(tmp_path, ENTRIES, leave_out=LESS, restrict={"epochs": [100]})
    assert values(study, "time", "epochs") == [100] and "sizes" not in study.entries
    assert left_out_here(study, study.entries) == ""


def test_figures_of_videos_show_no_dataset_that_is_left_out(tmp_path):
    pictures = {"kind": "figure", "title": "F", "plot": "samples", "datasets": ["ucf101", "hmdb51"]}
    entries = {"both": table(GRID | {"target": ["ucf101", "hmdb51"]}), "frames": pictures}
    study = make_study(tmp_path, entries, leave_out={"target": ["hmdb51"]})
    assert study.entries["frames"].datasets == ["ucf101"] and "hmdb51" not in study.datasets


@pytest.mark.parametrize(
    ("leave_out", "said"),
    [
        (
            {"epochs": [50, 100, 200]},
            [
                "`leave_out.epochs` names all values of `epochs`",
                "experiments.yaml: time: 50, 100, 200. Leave at least 1",
            ],
        ),
        (
            {"subset": ["20k"]},
            ["unknown subset '20k' in the configuration's `leave_out.subset`", "Valid: 10k, 30k, 50k."],
        ),
        ({"source": ["k400"]}, ["unknown source 'k400'", "lists beside others; `leave_out: null` leaves nothing out"]),
        ({"task": ["rsp"]}, ["unknown task 'rsp'", "Did you mean rspnet?"]),
        ({"epoch": [50]}, ["leave_out", "epoch", "'epochs'"]),
        ({"epochs": []}, ["leave_out.epochs", "at least 1 item"]),
        ({"epochs": [50, 50]}, ["leave_out.epochs", "each value once"]),
    ],
)
def test_what_cannot_be_left_out_is_told_with_the_remedy(tmp_path, leave_out, said):
    """Also of an entry that is not asked for."""
    with pytest.raises(UserError) as error:
        make_study(tmp_path, ENTRIES, leave_out=leave_out, only=["last"])
    assert all(part in str(error.value) for part in said), error.value


def test_the_file_is_named(tmp_path):
    files = {"base.yaml": write_files(tmp_path, ENTRIES, {}) | {"recipes_dir": "config/recipes"}}
    files["mine.yaml"] = {"leave_out": {"subset": ["20k"]}}
    for name, content in files.items():
        (tmp_path / name).write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"unknown subset '20k' in `leave_out.subset` in .*mine\.yaml\."):
        load_study([tmp_path / name for name in files])


def test_another_file_of_tables_needs_its_own(tmp_path):
    """Its cells would otherwise be lost without a word."""
    base = ("base.yaml", {"experiments_file": "study.yaml", "leave_out": LESS})
    own = {"experiments_file": "mine_tables.yaml"}
    with pytest.raises(UserError, match=r"in mine\.yaml names other .* `leave_out` in base\.yaml .*`leave_out: null`"):
        check_layers([base, ("mine.yaml", own)])
    for allowed in (
        own | {"leave_out": None},
        own | {"leave_out": {"epochs": [50]}},
        {"experiments_file": "study.yaml"},
    ):
        check_layers([base, ("mine.yaml", allowed)])


def test_each_entry_says_what_it_lacks(tmp_path):
    """In its notes, in its caption in Snakemake's report, and in one line for all."""
    study = make_study(tmp_path, ENTRIES, leave_out=LESS)
    expected = {
        "sizes": "Left out at this scale: subset 10k.",
        "time": "Left out at this scale: epochs 50 and 100.",
        "curve": "Left out at this scale: epochs 50 and 100.",
        "last": "",
    }
    for name, sentence in expected.items():
        entry = request_of(study, name).arguments["entry"]
        assert entry.get("left_out", "") == left_out_here(study, [name]) == sentence
        results = collect(Spec.parse(entry), cells_of(study, name), read=False)
        said = [note for note in notes(results) if note.startswith("Left out")]
        assert said == ([sentence] if sentence else [])
        assert caption_of(study, name)["caption"].endswith(sentence or "(here 12 videos).")
        for rendered in (markdown, html.render, latex.render) if entry["kind"] == "table" and sentence else ():
            assert sentence in rendered(Document.of(results)), rendered
    assert left_out_here(study, study.entries) == "Left out at this scale: epochs 50 and 100, subset 10k."


def test_names_are_printed_as_in_tables(tmp_path):
    entries = {"tasks": table(GRID | {"backbone": ["r2plus1d", "shufflenet"]})}
    study = make_study(tmp_path, entries, leave_out={"task": ["rotnet"], "backbone": ["shufflenet"]})
    assert left_out_here(study, ["tasks"]) == "Left out at this scale: task RotNet, backbone ShuffleNet."


@pytest.mark.parametrize(
    "overlays",
    [["paper"], ["small"], ["small", "small_validation"], ["one_gpu"], ["smoke"], ["small", "real/videos"]],
    ids="+".join,
)
def test_only_the_default_scale_leaves_something_out(repository: Path, overlays):
    paths = [repository / "config/config.yaml", *(repository / f"config/{name}.yaml" for name in overlays)]
    assert config_of(read_layers(paths)).leave_out is None


@pytest.mark.parametrize(("leave_out", "lines"), [(LESS, 1), (None, 0)])
def test_the_plan_says_it_in_one_line(tmp_path, capsys, monkeypatch, leave_out, lines):
    monkeypatch.setenv("COLUMNS", "1000")
    study = make_study(tmp_path, ENTRIES, leave_out=leave_out)
    print_plan(study, Pending([], {"table": 1}), Estimator(study), {}, cells=False)
    assert capsys.readouterr().out.count("\nLeft out at this scale: epochs 50 and 100, subset 10k.\n") == lines
