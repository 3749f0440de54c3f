import matplotlib as mpl
import numpy as np
import pytest
from report_cells import GROUPS, PAPER_VALUES, REDUCED, cell

from videossl.common.errors import UserError
from videossl.report.collect import collect
from videossl.report.figures import FIGURE_SUFFIXES, draw, write_figure
from videossl.report.paper import read_paper_values
from videossl.report.spec import Spec

EPOCHS = (50, 100, 150, 200)


def figure_spec(**changes) -> Spec:
    entry = {
        "name": "accuracy_over_epochs",
        "kind": "figure",
        "title": "Accuracy over epochs",
        "x": "epochs",
        "series": "task",
        "paper_table": "training_time",
        "groups": GROUPS,
    }
    return Spec.parse(entry | changes)


def epoch_cells(root):
    cells = [cell(root, 30 + epochs // 10, task="rotnet", epochs=epochs) for epochs in EPOCHS]
    cells += [cell(root, 60 if epochs < 150 else None, task="rspnet", epochs=epochs) for epochs in EPOCHS]
    cell(root, task="rspnet", epochs=200, failed="out of memory")
    return [*cells, cell(root, 24, task="scratch")]


@pytest.fixture(scope="module")
def paper():
    return read_paper_values(PAPER_VALUES)


def lines_of(ax, colour):
    return [line for line in ax.lines if mpl.colors.to_hex(line.get_color()) == colour and len(line.get_xdata()) > 1]


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_missing_cells_are_in_the_legend_and_not_drawn(tmp_path, paper):
    figure = draw(collect(figure_spec(), epoch_cells(tmp_path), paper, reduced=REDUCED))
    ours, theirs = figure.axes
    rspnet = lines_of(ours, "#d55e00")[0]
    assert rspnet.get_ydata() == pytest.approx([50.0, 50.0])
    assert "RSPNet\n(1 of 4 pending, 1 of 4 failed)" in legend_texts(figure)
    assert not any((np.asarray(line.get_ydata()) == 0).any() for line in ours.lines)
    assert lines_of(theirs, "#d55e00")[0].get_ydata() == pytest.approx([75.0, 76.1, 76.5, 77.4])
    assert "K400, 50k, R(2+1)D" in theirs.get_title(loc="left")


def test_lines_of_baseline_and_chance_and_the_title(tmp_path, paper):
    figure = draw(collect(figure_spec(), epoch_cells(tmp_path), paper, reduced=REDUCED))
    heights = {line.get_linestyle(): line.get_ydata()[0] for line in figure.axes[0].lines if line.get_zorder() == 1}
    assert heights == {"--": pytest.approx(20.0), ":": pytest.approx(10.0)}
    assert {"no pretraining", "chance"} <= set(legend_texts(figure))
    assert figure.get_suptitle() == f"Accuracy over epochs\n{REDUCED}"
    note = figure.get_supxlabel().replace("\n", " ")
    assert "n = 120 test videos; chance level 10.0 %" in note
    assert "not comparable cell by cell" in note


def test_at_full_scale_the_paper_is_in_the_same_panel(tmp_path, paper):
    figure = draw(collect(figure_spec(), epoch_cells(tmp_path), paper))
    assert len(figure.axes) == 1
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert [list(line.get_ydata()) for line in hollow] == [
        pytest.approx([35.4, 37.3, 40.7, 40.9]),
        pytest.approx([75.0, 76.1, 76.5, 77.4]),
    ]
    assert figure.get_suptitle() == "Accuracy over epochs"


def test_files_are_identical_when_repeated(tmp_path, paper):
    results = collect(figure_spec(), epoch_cells(tmp_path), paper, reduced=REDUCED, provenance={"commit": "abc"})
    for name in ("a", "b"):
        write_figure(results, [tmp_path / f"{name}{suffix}" for suffix in FIGURE_SUFFIXES])
    for suffix in FIGURE_SUFFIXES:
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert b"CreationDate" not in (tmp_path / "a.pdf").read_bytes()
    assert b"commit: abc" in (tmp_path / "a.png").read_bytes()
    text = (tmp_path / "a.csv").read_text()
    assert "pending" in text
    assert "failed" in text


def test_a_study_that_has_not_begun_can_be_drawn(tmp_path, paper):
    cells = [cell(tmp_path, task="rotnet", epochs=epochs) for epochs in EPOCHS] + [cell(tmp_path, task="scratch")]
    figure = draw(collect(figure_spec(), cells, paper, reduced=REDUCED))
    assert legend_texts(figure)[:2] == ["RotNet\n(4 of 4 pending)", "no pretraining\n(1 of 1 pending)"]
    assert figure.axes[0].lines[:] == []
    assert [text.get_text() for text in figure.axes[0].texts] == ["no finished cell"]


def test_panels_and_series_with_baselines_of_their_own(tmp_path):
    cells = [
        cell(tmp_path, 60, task="rotnet", epochs=epochs, subset=subset, backbone=backbone)
        for epochs in EPOCHS
        for subset in ("10k", "50k")
        for backbone in ("c3d", "r3d")
    ]
    cells += [cell(tmp_path, 12, task="scratch", backbone=backbone) for backbone in ("c3d", "r3d")]
    spec = figure_spec(series="backbone", panels="subset", paper_table=None)
    figure = draw(collect(spec, cells))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["10k", "50k"]
    assert all(sum(line.get_linestyle() == "--" for line in ax.lines) == 2 for ax in figure.axes)


def test_wrong_figures_are_refused(tmp_path):
    with pytest.raises(UserError, match="unknown figure format"):
        write_figure(collect(figure_spec(), epoch_cells(tmp_path)), [tmp_path / "a.jpg"])
    with pytest.raises(UserError, match="shows one metric, not top1, top5"):
        made = cell(tmp_path, 12)
        collect(figure_spec(baseline=False), [{**made, "views": [{"metric": name}]} for name in ("top1", "top5")])
