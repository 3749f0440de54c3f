"""Entries of figures in experiments.yaml: which keys each plot takes, and what the study makes of them."""

from __future__ import annotations

import pytest
from figure_entries import DISTILL, figure, part
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.study.config.experiments import PLOTS, Experiment

NETWORKS = [{"protocol": "network", "backbone": "r2plus1d"}, GRID]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (figure("bars", grid=GRID, x="task"), "a figure of plot 'bars' needs `series`"),
        (figure("bars", grid=GRID, x="task", series="subset", rows="task"), "plot 'bars' has no `rows`"),
        (figure("scatter", grid=GRID, series="task", x="backbone"), "plot 'scatter' needs `x_metric`"),
        (figure("cka", grid=GRID, panels=["task", "subset", "seed"]), "name 2 at most, not 3 axes"),
        (figure("lines", grid=GRID, x="epochs", series="task", panels=["subset", "seed"]), "name 1 at most, not 2"),
        (figure("distillation", grid=GRID), "plot 'distillation' needs `parts`"),
        (figure("samples", datasets="k400", grid=GRID), "has neither `grid` nor `cells_of`: `datasets` says all"),
        (figure("noise_samples", datasets=["ucf101", "k400"]), "shows one dataset, not 2"),
        (figure("samples", datasets="k401"), "unknown dataset 'k401'.*Did you mean k400"),
        (figure("distillation", parts=[part("kdd")]), r"unknown entry 'kdd' in `cells_of` of a\. Did you mean kd"),
        (figure("distillation", parts=[part("pictures")]), "names pictures, which has no cells of its own"),
        (table(GRID, panels="task"), "a table has no `panels`"),
        (figure("pie", grid=GRID, x="task", series="subset"), "plot"),
    ],
)
def test_a_wrong_figure_is_told(tmp_path, entry, message):
    entries = {"a": entry, "kd": table(DISTILL), "pictures": figure("samples", datasets="k400")}
    with pytest.raises(UserError, match=message):
        make_study(tmp_path, entries)


def test_every_plot_has_a_drawing():
    from videossl.report import figures

    assert set(figures._DRAW) == set(PLOTS)
    assert Experiment.model_fields["plot"].default in PLOTS


def test_figures_of_videos_need_datasets_and_no_cells(tmp_path):
    entries = {"main": table(GRID), "pictures": figure("samples", datasets=["k400", "hmdb51"])}
    study = make_study(tmp_path, entries)
    assert study.cells_of["pictures"] == [] and study.entries["pictures"].datasets == ["k400", "hmdb51"]
    assert study.datasets == ["k400", "ucf101", "hmdb51"]
    assert make_study(tmp_path, entries, only=["pictures"]).datasets == ["k400", "hmdb51"]
    restricted = make_study(tmp_path, entries, restrict={"target": ["ucf101"], "source": ["k400"]})
    assert restricted.entries["pictures"].datasets == ["k400"]
    assert set(make_study(tmp_path, entries, restrict={"target": ["ucf101"]}).entries) == {"main"}


def test_a_distillation_figure_has_the_students_and_their_teachers(tmp_path):
    other = DISTILL | {"task": "scratch", "teachers": [{"task": "rotnet"}, {"task": "rspnet"}], "subset": "10k"}
    entries = {
        "kd": table([GRID, DISTILL | {"task": "rspnet"}], paper_table="distill_backbones"),
        "tasks": table(other),
        "summary": figure("distillation", parts=[part("kd"), part("tasks", x=["teachers"], paper_table="other")]),
    }
    study = make_study(tmp_path, entries)
    cells = study.views_of["summary"]
    assert [(cell.stage, cell.task, cell.backbone) for cell in cells] == [
        ("finetune", "rspnet", "shufflenet"),
        ("finetune", "rspnet", "r2plus1d"),
        ("distill", "rspnet", "shufflenet"),
        ("finetune", "rotnet", "shufflenet"),
        ("finetune", "rspnet", "shufflenet"),
        ("distill", "scratch", "shufflenet"),
    ]
    assert [[view["part"] for view in views] for views in cells.values()] == [[0], [0], [0], [1], [1], [1]]
    assert [part.paper_table for part in study.entries["summary"].parts] == ["distill_backbones", "other"]


def test_a_teacher_of_two_parts_is_shown_in_both(tmp_path):
    entries = {"kd": table(DISTILL | {"task": "rspnet"})}
    entries["summary"] = figure("distillation", parts=[part("kd"), part("kd", title="Q")])
    views = make_study(tmp_path, entries).views_of["summary"]
    assert {tuple(view["part"] for view in each) for each in views.values()} == {(0, 1)}


def test_a_scatter_shows_one_metric_of_the_networks(tmp_path):
    entries = {"networks": table(NETWORKS, baseline=False)}
    entries["cost"] = figure(
        "scatter", cells_of="networks", series="task", x_metric="gflops", metric="top1", baseline=False
    )
    views = make_study(tmp_path, entries).views_of["cost"]
    assert {cell.stage: [view["metric"] for view in each] for cell, each in views.items()} == {
        "network": ["gflops"],
        "finetune": ["top1"],
    }
