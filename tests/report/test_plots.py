"""Each kind of plot of numbers: what is drawn where, and what is said of what is missing."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from report_cells import GROUPS, PAPER_VALUES, REDUCED, cell, identity

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.results import write_metrics
from videossl.report.collect import collect
from videossl.report.figures import draw, write_figure
from videossl.report.figures.cka import layer_ticks
from videossl.report.figures.panels import fitted
from videossl.report.paper import read_paper_values
from videossl.report.spec import Spec


@pytest.fixture(scope="module")
def paper():
    return read_paper_values(PAPER_VALUES)


def spec(plot: str, **changes) -> Spec:
    return Spec.parse({"name": "a", "kind": "figure", "title": "A figure", "plot": plot, "groups": GROUPS} | changes)


def heights(ax: Axes) -> list[float]:
    return [round(float(bar.get_height()), 1) for bars in ax.containers if hasattr(bars, "patches") for bar in bars]


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def title(ax: Axes) -> str:
    return ax.get_title(loc="left")


def note(figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


# Bars

SHIFT = {"x": "task", "series": "source", "panels": "target", "paper_table": "data_distribution"}


def shift_cells(root: Path) -> list[dict]:
    cells = []
    for target in ("ucf101", "diving48"):
        for i, task in enumerate(("vcop", "rspnet")):
            for j, source in enumerate(("k400", "ssv2")):
                correct = None if (target, task, source) == ("ucf101", "vcop", "ssv2") else 30 + 12 * i + 6 * j
                cells.append(cell(root, correct, task=task, source=source, subset="30k", target=target))
        cells.append(cell(root, 24, task="scratch", target=target))
    return cells


def test_bars_stand_in_groups_and_a_missing_one_is_a_word(tmp_path, paper):
    figure = draw(collect(spec("bars", **SHIFT), shift_cells(tmp_path), paper, reduced=REDUCED))
    assert [title(ax) for ax in figure.axes] == ["UCF101", "Diving48", "The paper, UCF101", "The paper, Diving48"]
    ours, other, theirs, _ = figure.axes
    assert heights(ours) == [25.0, 35.0, 40.0]
    assert heights(other) == [25.0, 30.0, 35.0, 40.0]
    assert words(ours) == ["pending"] and words(other) == []
    assert heights(theirs) == [50.4, 59.7, 76.4, 69.5]
    assert [label.get_text() for label in ours.get_xticklabels()] == ["VCOP", "RSPNet"]
    dashed = [line for line in ours.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == [pytest.approx(20.0)]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["K400", "SSv2\n(1 of 4 pending)", "no pretraining", "chance", "the paper's value"]


def test_at_full_scale_the_papers_values_are_diamonds_on_the_bars(tmp_path, paper):
    figure = draw(collect(spec("bars", **SHIFT), shift_cells(tmp_path), paper))
    assert len(figure.axes) == 2
    diamonds = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert diamonds == pytest.approx([50.4, 59.7, 76.4, 69.5])


def test_baselines_of_their_own_lie_over_their_bars(tmp_path):
    cells = [cell(tmp_path, 60, task="rotnet", backbone=name) for name in ("c3d", "r3d")]
    cells += [cell(tmp_path, n, task="scratch", backbone=name) for n, name in ((12, "c3d"), (24, "r3d"))]
    for x, series in (("backbone", "task"), ("task", "backbone")):
        ax = draw(collect(spec("bars", x=x, series=series), cells)).axes[0]
        levels = [line for line in ax.lines if len(set(line.get_ydata())) == 1 and line.get_zorder() == 4]
        assert [line.get_ydata()[0] for line in levels] == pytest.approx([10.0, 20.0])
        assert all(np.ptp(line.get_xdata()) <= 0.81 for line in levels)


def test_labels_without_room_leave_their_remarks_to_a_note():
    names = ["10k (here 32 videos)", "50k (here 128 videos)"]
    assert fitted("subset", names, room=2.0) == (["10k\n(here 32 videos)", "50k\n(here 128 videos)"], [])
    assert fitted("subset", names, room=0.5) == (
        ["10k", "50k"],
        ["Subset 10k: here 32 videos; 50k: here 128 videos."],
    )


# Lines over severity, where the network without pretraining has a value at each place


def severity_cell(root: Path, task: str, decreases: list[float]) -> dict:
    columns = identity(stage="robustness", protocol="robustness", task=task)
    folder = root / task
    folder.mkdir()
    views = [{"metric": "relative_decrease", "noise": "mean", "severity": level} for level in (1, 2, 3)]
    rows = [
        {**view, "split": "test", "value": value, "n": 100, "ci_low": value - 0.1, "ci_high": value + 0.1}
        for view, value in zip(views, decreases, strict=True)
    ]
    write_metrics(folder / "metrics.parquet", columns, rows)
    return {**columns, "views": views, "metrics": str(folder / "metrics.parquet"), "run_dir": str(folder)}


def test_decrease_over_severity_may_be_below_zero_and_the_baseline_is_a_line(tmp_path, paper):
    cells = [
        severity_cell(tmp_path, "rotnet", [-0.1, 0.1, 0.3]),
        severity_cell(tmp_path, "scratch", [0.2, 0.3, 0.4]),
    ]
    figure = draw(collect(spec("lines", x="severity", series="task", paper_table="noise_severity"), cells, paper))
    (ax,) = figure.axes
    assert ax.get_ylim()[0] < -20
    (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--" and line.get_zorder() == 1]
    assert list(dashed.get_ydata()) == pytest.approx([20.0, 30.0, 40.0])
    assert "\n" in ax.get_ylabel()  # too long for the panel's height on one line


# Scatter


def network(root: Path, backbone: str, gflops: float) -> dict:
    columns = dict.fromkeys(identity(), "") | {
        "stage": "network", "backbone": backbone, "protocol": "network", "epochs": 0, "seed": 0,
    }  # fmt: skip
    folder = root / backbone
    folder.mkdir()
    rows = [{"split": "", "metric": "gflops", "value": gflops, "n": 1}]
    write_metrics(folder / "metrics.parquet", columns, rows)
    return {
        **columns,
        "views": [{"metric": "gflops"}],
        "metrics": str(folder / "metrics.parquet"),
        "run_dir": str(folder),
    }


def test_scatter_pairs_cost_and_accuracy_by_backbone(tmp_path, paper):
    cells = [network(tmp_path, "shufflenet", 1.1), network(tmp_path, "r2plus1d", 43.0), network(tmp_path, "vit", 9.0)]
    cells += [cell(tmp_path, 60, task="rspnet", backbone="shufflenet"), cell(tmp_path, task="rspnet")]
    entry = spec("scatter", x_metric="gflops", series="task", paper_table="networks", baseline=False)
    ours, theirs = draw(collect(entry, cells, paper, reduced=REDUCED)).axes
    points = [line for line in ours.lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in points] == [(pytest.approx(1.1), 50.0)]
    found = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in theirs.lines)
    assert found == [(pytest.approx(1.08), pytest.approx(68.8)), (pytest.approx(42.96), pytest.approx(78.0))]
    assert ours.get_xscale() == "log" and "GFLOPs" in ours.get_xlabel()
    with pytest.raises(UserError, match="no cells of protocol network"):
        draw(collect(entry, cells[3:], paper))


def test_a_figure_has_one_metric_but_for_the_cost_along_x(tmp_path):
    cells = [network(tmp_path, "shufflenet", 1.1), cell(tmp_path, 60, backbone="shufflenet")]
    with pytest.raises(UserError, match="shows one metric, not gflops, top1"):
        collect(spec("bars", x="backbone", series="task", baseline=False), cells)


# Distillation

PARTS = [
    {"title": "Networks", "cells_of": "a", "x": ["target", "subset"], "paper_table": "distill_backbones"},
    {"title": "Tasks", "cells_of": "b", "x": ["teachers"], "paper_table": "distill_tasks"},
]


def in_part(made: dict, *numbers: int) -> dict:
    return {**made, "views": [{"metric": "top1", "noise": "", "severity": 0, "part": number} for number in numbers]}


def distill_cells(root: Path) -> list[dict]:
    small, large = (cell(root, n, backbone=b, subset="30k") for n, b in ((60, "shufflenet"), (72, "r2plus1d")))
    axes = {"stage": "distill", "protocol": "distill"}
    student = cell(root, 84, backbone="shufflenet", subset="30k", teachers="shufflenet+r2plus1d", **axes)
    rotnet, vcop = (cell(root, n, task=task) for n, task in ((36, "rotnet"), (None, "vcop")))
    scratch = cell(root, 48, task="scratch", teachers="rotnet+vcop", **axes)
    pairs = ((student, (small, large)), (scratch, (rotnet, vcop)))
    for taught, teachers in pairs:
        taught["partners"] = [teacher["run_dir"] for teacher in teachers]
    return [*(in_part(c, 0) for c in (small, large, student)), *(in_part(c, 1) for c in (rotnet, vcop, scratch))]


def test_students_stand_beside_their_teachers(tmp_path, paper):
    entry = spec("distillation", parts=PARTS, baseline=False)
    results = collect(entry, distill_cells(tmp_path), paper, reduced=REDUCED)
    figure = draw(results)
    ours, second, theirs, _ = figure.axes
    assert title(ours) == "a) Networks\nteachers: ShuffleNet, R(2+1)D"
    assert heights(ours) == [50.0, 60.0, 70.0]
    assert heights(theirs) == [68.4, 76.4, 94.6]
    assert title(second) == "b) Tasks" and heights(second) == [30.0, 40.0] and words(second) == ["pending"]
    assert [label.get_text() for label in second.get_xticklabels()] == ["RotNet +\nVCOP"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:3] == ["first teacher", "second teacher", "student"]
    assert results.paper_source == "Figure 4(a) (authors' website); Table 15"
    outer = [label.get_text().strip() for child in ours.child_axes for label in child.get_xticklabels()]
    assert outer == ["UCF101"]


# CKA

LAYERS = ["backbone.conv1.a", "backbone.conv1.b", "backbone.conv1", "backbone.conv2.a", "backbone.conv2", "fc"]


def map_cell(root: Path, correct: int | None, values: np.ndarray | None = None, **axes) -> dict:
    made = cell(root, correct, stage="cka", protocol="cka", against="itself", **axes)
    if values is not None:
        row, column = (index.ravel() for index in np.indices(values.shape))
        flat = values.ravel()
        columns = {
            "row": pa.array(row, pa.int32()),
            "column": pa.array(column, pa.int32()),
            "row_layer": [LAYERS[i] for i in row],
            "column_layer": [LAYERS[i] for i in column],
            "cka": pa.array(flat, pa.float64(), mask=~np.isfinite(flat)),
        }
        write_parquet(Path(made["run_dir"]) / "cka.parquet", pa.table(columns))
    return made


def test_maps_are_drawn_from_the_input_up_and_missing_ones_say_so(tmp_path):
    values = np.arange(36).reshape(6, 6) / 36
    values[2, 1] = np.nan
    cells = [
        map_cell(tmp_path, 60, values, task="rotnet"),
        map_cell(tmp_path, None, task="rspnet"),
        map_cell(tmp_path, None, task="prp"),
    ]
    cell(tmp_path, failed="out of memory", stage="cka", protocol="cka", against="itself", task="prp")
    figure = draw(collect(spec("cka", panels=["task"], baseline=False), cells))
    by_title = {title(ax): ax for ax in figure.axes}
    image = by_title["RotNet"].images[0]
    assert image.origin == "lower" and image.get_cmap().name == "magma"
    assert np.ma.filled(image.get_array(), -1)[2, 1] == -1 and image.get_array()[0, 1] == pytest.approx(1 / 36)
    assert mpl.colors.to_hex(image.get_cmap().get_bad()) == "#bbbbbb"
    assert image.get_clim() == (0, 1)
    labels = [label.get_text() for label in by_title["RotNet"].get_yticklabels()]
    assert labels == ["conv1.a", "conv1.b", "conv1", "conv2.a", "conv2", "fc"]
    assert words(by_title["RSPNet"]) == ["pending"] and words(by_title["PRP"]) == ["failed"]
    assert "out of memory" in note(figure)


def test_maps_by_two_axes_and_by_more_than_fit_on_a_row(tmp_path):
    values = np.eye(6)
    cells = [map_cell(tmp_path, 60, values, task=t, source=s) for t in ("vcop", "cvrl") for s in ("k400", "ssv2")]
    figure = draw(collect(spec("cka", panels=["task", "source"], baseline=False), cells))
    assert [title(ax) for ax in figure.axes[:4]] == ["VCOP, K400", "VCOP, SSv2", "CVRL, K400", "CVRL, SSv2"]
    labelled = [ax.yaxis.get_tick_params()["labelleft"] for ax in figure.axes[:4]]
    assert labelled == [True, False, True, False]
    cells = [map_cell(tmp_path, 60, values, epochs=epochs) for epochs in (50, 100, 150, 200, 250)]
    figure = draw(collect(spec("cka", panels="epochs", baseline=False), cells))
    bottoms = {round(ax.get_subplotspec().rowspan.start) for ax in figure.axes[:5]}
    assert bottoms == {0, 1} and title(figure.axes[0]) == "Epochs 50"


def test_a_finished_comparison_without_its_map_is_an_error(tmp_path):
    cells = [map_cell(tmp_path, 60, task="rotnet")]
    with pytest.raises(UserError, match=r"there is no file .*cka\.parquet"):
        draw(collect(spec("cka", panels=["task"], baseline=False), cells))


def test_ticks_name_modules_and_prefer_large_ones():
    stages = [f"backbone.{stage}.{i}" for stage, n in (("stem", 3), ("one", 40), ("two", 60)) for i in range(n)]
    assert layer_ticks([*stages, "fc"], most=8) == {3: "one", 43: "two", 103: "fc"}
    assert layer_ticks(LAYERS, most=3) == {0: "conv1", 3: "conv2", 5: "fc"}
    assert layer_ticks(["backbone.a_module_with_a_long_name"]) == {0: "…ith_a_long_name"}


def test_every_kind_gives_the_same_bytes_again(tmp_path, paper):
    (tmp_path / "cells").mkdir()
    kinds = [
        collect(spec("bars", **SHIFT), shift_cells(tmp_path / "cells"), paper, reduced=REDUCED),
        collect(spec("distillation", parts=PARTS, baseline=False), distill_cells(tmp_path / "cells"), paper),
        collect(spec("cka", panels=["task"], baseline=False), [map_cell(tmp_path / "cells", 60, np.eye(6))]),
    ]
    for number, results in enumerate(kinds):
        for name in ("a", "b"):
            write_figure(results, [tmp_path / f"{number}{name}.png", tmp_path / f"{number}{name}.pdf"])
        for suffix in (".png", ".pdf"):
            assert (tmp_path / f"{number}a{suffix}").read_bytes() == (tmp_path / f"{number}b{suffix}").read_bytes()
