"""Figures for papers: no title or notes, the width of columns, one colour for one thing, nothing empty, no outlier."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from report_cells import GROUPS, PAPER_VALUES, REDUCED, cell

from videossl.report import style
from videossl.report.collect import Results, collect
from videossl.report.entry import entry_of, looks_of
from videossl.report.figures import draw, for_paper, write_figure
from videossl.report.figures.limits import limits
from videossl.report.make import make
from videossl.report.paper import read_paper_values
from videossl.report.request import Request
from videossl.report.spec import Spec

EPOCHS = (50, 100)
TASKS = ("rotnet", "prp", "tdl", "rspnet")
ENTRY = {"name": "a", "kind": "figure", "title": "Accuracy", "x": "epochs", "series": "task", "groups": GROUPS}


def results_of(root: Path, reduced: str = "", **changes) -> Results:
    """Four tasks at two milestones on two targets; on the second target nothing has finished."""
    cells = [
        cell(root, None if target == "hmdb51" else 30 + 10 * i + j, task=task, epochs=epochs, target=target)
        for target in ("ucf101", "hmdb51")
        for i, task in enumerate(TASKS)
        for j, epochs in enumerate(EPOCHS)
    ]
    cells += [cell(root, 24, task="scratch", target=target) for target in ("ucf101", "hmdb51")]
    spec = Spec.parse(ENTRY | {"paper_table": "training_time", "panels": "target"} | changes)
    return collect(spec, cells, read_paper_values(PAPER_VALUES), reduced=reduced, provenance={"commit": "abc"})


def titles(figure: Figure) -> list[str]:
    return [ax.get_title(loc="left") for ax in figure.axes if ax.axison]


def test_nothing_is_baked_in_and_many_lines_have_a_panel_each(tmp_path):
    figure = draw(for_paper(results_of(tmp_path, REDUCED)))
    assert (figure.get_suptitle(), figure.get_supxlabel()) == ("", "Epochs")
    # Not one for the target without numbers, none for the paper's values at a reduced scale.
    assert titles(figure) == ["RotNet", "PRP", "TDL", "RSPNet"]
    limits_of_all = {ax.get_ylim() for ax in figure.axes}
    assert len(limits_of_all) == 1
    for ax, task in zip(figure.axes, TASKS, strict=True):
        own = style.look("task", task, 0)
        drawn = [line for line in ax.lines if line.get_marker() == own.marker]
        assert [mpl.colors.to_hex(line.get_color()) for line in drawn] == [own.colour.lower()]
        assert [list(line.get_ydata()) for line in drawn] == [
            pytest.approx([(30 + 10 * TASKS.index(task) + step) / 1.2 for step in (0, 1)])
        ]
        grey = [line for line in ax.lines if mpl.colors.to_hex(line.get_color()) == "#d4d4d4"]
        assert len(grey) == 3


def test_panels_without_numbers_are_left_out_of_bars(tmp_path):
    results = results_of(tmp_path, REDUCED, plot="bars", series="epochs", x="task")
    assert titles(draw(results))[:2] == ["UCF101", "HMDB51"]
    assert titles(draw(for_paper(results))) == ["UCF101"]


@pytest.mark.parametrize(("columns", "inches"), [(1, 3.35), (2, 6.9)])
@pytest.mark.parametrize("plot", ["lines", "bars"])
def test_a_figure_has_the_width_of_its_columns_at_300_dpi(tmp_path, columns, inches, plot):
    path = tmp_path / "a.png"
    write_figure(results_of(tmp_path, REDUCED, plot=plot), [path], columns=columns)
    with Image.open(path) as image:
        assert abs(image.width - 300 * inches) <= 1
        assert round(image.info["dpi"][0]) == 300
        assert image.height < image.width * (1.6 if columns == 1 else 0.8)


def test_everything_drawn_is_inside_and_the_legend_covers_no_label(tmp_path):
    for plot, columns in (("lines", 1), ("lines", 2), ("bars", 1)):
        results = replace(results_of(tmp_path, REDUCED, plot=plot), columns=columns)
        figure = draw(results)
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        legend = figure.legends[0].get_window_extent(renderer)
        for ax in figure.axes:
            box = ax.get_tightbbox(renderer)
            assert box.x0 >= -1 and box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1
            assert not box.overlaps(legend)


def test_the_entry_says_how_wide_a_figure_is(tmp_path):
    few = {"panels": [], "series": "target", "x": "task", "plot": "bars", "paper_table": None}
    results = results_of(tmp_path)
    assert for_paper(results).columns == 2
    small = replace(results, spec=Spec.parse({**ENTRY, **few}))
    assert for_paper(small).columns == 1
    assert for_paper(replace(small, spec=Spec.parse({**ENTRY, **few, "columns_in_paper": 2}))).columns == 2
    assert for_paper(small, 2).columns == 2


def test_the_workflow_writes_both_versions_and_only_one_has_provenance(tmp_path):
    cells = [cell(tmp_path, 60, task=task, epochs=epochs) for task in TASKS for epochs in EPOCHS]
    given = {
        "entry": ENTRY | {"baseline": False},
        "cells": cells,
        "manifests": [],
        "reduced": "tiny",
        "paper_values": "",
    }
    paths = [tmp_path / "figures/a.png", *(tmp_path / f"figures/paper/a{suffix}" for suffix in (".png", ".pdf"))]
    make(Request("figure", given), paths)
    plain, printed, _ = (path.read_bytes() for path in paths)
    assert b"tiny" in plain
    assert b"tiny" not in printed and b"Description" not in printed
    before = [path.read_bytes() for path in paths]
    make(Request("figure", given), paths)
    assert [path.read_bytes() for path in paths] == before


def test_one_outlier_does_not_stretch_the_axis(tmp_path):
    values = [10.0, 11, 12, 13, 14, 15]
    near = [(value - 1, value + 1) for value in values]
    assert limits(values, near) is None
    assert limits([*values, 300], [*near, (299, 301)]) == (9, 16)
    assert limits([*values, 16], [*near, (-400, 20)]) == (10 - 6, 20)  # a long interval: by the range of the values
    assert limits(values[:4], near[:4]) is None  # too few to tell
    rng = np.random.default_rng(0)
    for _ in range(50):
        drawn = rng.uniform(30, 60, size=12)
        assert limits(list(drawn), [(value - 2, value + 2) for value in drawn]) is None

    cells = [
        cell(tmp_path, right, 1200, task=task, epochs=epochs)
        for right, (task, epochs) in zip(
            (60, 64, 66, 62, 63, 65, 61, 1100), ((t, e) for t in TASKS for e in EPOCHS), strict=True
        )
    ]
    figure = draw(replace(collect(Spec.parse(ENTRY | {"baseline": False}), cells), columns=2))
    assert figure.axes[0].get_ylim()[1] < 20
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["↑ 92"]


def test_a_colour_means_one_thing_in_all_figures_of_a_study(paper_study):
    looks = looks_of(paper_study)
    assert set(looks) == {"task", "backbone", "source", "target", "subset", "epochs", "labels", "severity"}
    of_things = [looks["task"], looks["backbone"], looks["source"], looks["subset"]]
    colours = [{look.colour.upper() for look in one.values()} for one in of_things]
    roles = {*style.TEACHERS, style.STUDENT, style.BASELINE_COLOUR, style.PAPER_COLOUR, style.CHANCE_COLOUR}
    assert all(not a & b for a, b in combinations([*colours, roles], 2))
    for one in of_things:
        assert len({look.colour for look in one.values()}) == len(one)
    assert looks["source"] == looks["target"]
    entries = [entry_of(paper_study, name) for name, entry in paper_study.entries.items() if entry.kind == "figure"]
    specs = [Spec.parse(entry) for entry in entries]
    assert {spec.series for spec in specs} > {"task", "backbone", "source"}
    assert all(spec.looks[spec.series] == looks[spec.series] for spec in specs if spec.series)
    spec = next(spec for spec in specs if spec.series == "backbone")
    assert spec.look("r2plus1d", 0) == spec.look("r2plus1d", 5) == looks["backbone"]["r2plus1d"]


def test_records_of_earlier_versions_have_looks_of_tasks():
    spec = Spec.parse(ENTRY | {"looks": {"rotnet": {"colour": "#123456", "marker": "o"}}})
    assert spec.look("rotnet", 3).colour == "#123456"
