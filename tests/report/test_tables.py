import json
from html.parser import HTMLParser

import pandas as pd
import pyarrow.parquet as pq
import pytest
from report_cells import GROUPS, PAPER_VALUES, REDUCED, cell, identity, subset_cells, table_spec

from videossl.common.errors import UserError
from videossl.common.results import write_metrics
from videossl.report.collect import TIDY_COLUMNS, collect
from videossl.report.document import Document
from videossl.report.notes import notes
from videossl.report.numbers import number
from videossl.report.paper import PaperTable, read_paper_values
from videossl.report.published import read_published
from videossl.report.render import TABLE_SUFFIXES, markdown, write_table
from videossl.report.spec import Spec
from videossl.report.tables import Entry, build_grid
from videossl.study.titles import sort_key

SOTA = PAPER_VALUES.with_name("state_of_the_art.csv")
PROVENANCE = {"commit": "0123456789ab", "config_hash": "fedcba", "seed": 0, "hardware": "CPU"}


@pytest.fixture(scope="module")
def paper():
    return read_paper_values(PAPER_VALUES)


@pytest.fixture
def results(tmp_path, paper):
    return collect(table_spec(), subset_cells(tmp_path), paper, provenance=PROVENANCE)


def texts(results, **options) -> list[list[str]]:
    return [[*labels, *(entry.text for entry in entries)] for labels, entries in build_grid(results, **options).rows]


def test_pivot_shows_values_intervals_and_the_state_of_missing_cells(results):
    grid = build_grid(results)
    assert grid.header() == [
        [("Non-contrastive", 2), ("Contrastive", 2)],
        [("RotNet", 1), ("PRP", 1), ("TDL", 1), ("RSPNet", 1)],
    ]
    assert texts(results) == [
        ["no pretraining", "20.0 [13.8, 28.0]"],  # 24 of 120
        ["10k", "25.0 [18.1, 33.4]", "failed", "41.7 [33.2, 50.6]", "50.0 [41.2, 58.8]"],
        ["50k", "25.8 [18.8, 34.3]", "34.2 [26.3, 43.0]", "pending", "50.8 [42.0, 59.6]"],
    ]
    assert grid.rows[0][1][0].span == 4


def test_tidy_frame_has_fractions_and_states(results):
    frame = results.frame()
    assert tuple(frame.columns) == TIDY_COLUMNS
    assert frame["status"].value_counts().to_dict() == {"ok": 7, "pending": 1, "failed": 1}
    failed = frame[frame["status"] == "failed"].iloc[0]
    assert failed["reason"] == "loss is NaN at step 7 & <then> stopped"
    assert frame.loc[frame["status"] != "ok", ["value", "n", "ci_low"]].isna().all(axis=None)
    best = frame[(frame["task"] == "rspnet") & (frame["subset"] == "50k")].iloc[0]
    assert (best["value"], best["n"], best["paper_value"]) == (61 / 120, 120, 0.78)
    assert frame.loc[frame["task"] == "scratch", "paper_value"].isna().all()
    assert not frame["reduced_scale"].any()


@pytest.mark.parametrize("reduced", ["", REDUCED])
def test_every_format_names_missing_cells_and_is_identical_when_repeated(tmp_path, paper, reduced):
    cells = subset_cells(tmp_path)
    for name, order in (("a", cells), ("b", cells[::-1])):
        results = collect(table_spec(), order, paper, reduced=reduced, provenance=PROVENANCE)
        write_table(results, [tmp_path / f"{name}{suffix}" for suffix in TABLE_SUFFIXES])
    for suffix in TABLE_SUFFIXES:
        path = tmp_path / f"a{suffix}"
        assert path.read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
        text = pq.read_table(path).to_pandas().to_csv() if suffix == ".parquet" else path.read_text()
        assert "pending" in text
        assert "failed" in text
        assert "loss is NaN at step 7" in text
        if suffix in (".md", ".tex", ".html"):
            assert (REDUCED in text) == bool(reduced)
            for part in (
                "0123456789ab",
                "n = 120 test videos",
                "chance level 10.0",
                "Wilson",
                "no pretraining",
            ):
                assert part in text
    assert pd.read_csv(tmp_path / "a.csv")["reduced_scale"].all() == bool(reduced)
    metadata = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"videossl"])
    assert metadata["provenance"] == PROVENANCE


def test_paper_stands_beside_at_full_scale_and_apart_at_reduced_scale(tmp_path, paper):
    cells = subset_cells(tmp_path)
    full = markdown(Document.of(collect(table_spec(), cells, paper)))
    assert "50.8 [42.0, 59.6] (paper 78.0, note e)" in full
    assert "pending (paper 30.2, note c)" in full
    assert "not comparable" not in full
    reduced = markdown(Document.of(collect(table_spec(), cells, paper, reduced="generated videos")))
    assert reduced.startswith("### Effect of the pretraining subset's size — reduced scale: generated videos\n")
    ours, theirs = reduced.split("not comparable cell by cell")
    assert "paper 78.0" not in reduced
    assert "78.0" not in ours
    assert "| 50k | 41.2, note a | 46.2, note b | 30.2, note c | 78.0, note e |" in theirs
    assert "| no pretraining | – | ← | ← | ← |" in theirs


def test_without_paper_table_nothing_is_compared(tmp_path, paper):
    text = markdown(Document.of(collect(table_spec(paper_table=None), subset_cells(tmp_path), paper)))
    assert "(paper" not in text
    assert "The paper has no values" not in text
    assert "Not compared with the paper, which has values for 8 of these cells: Sec 4.1, first sub-table." in text
    none = [cell(tmp_path, 30, backbone="vit"), cell(tmp_path, 20, backbone="vit", task="scratch")]
    text = markdown(Document.of(collect(table_spec(paper_table=None), none, paper)))
    assert "The paper has no values for these cells." in text


class Cells(HTMLParser):
    """Widths of the rows of an HTML table, with spans over columns and rows, and the tags left open."""

    def __init__(self):
        super().__init__()
        self.open, self.widths, self.carried = [], [], {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.widths.append(self.carried.pop(len(self.widths), 0))
        if tag in ("td", "th"):
            width = int(attrs.get("colspan", 1))
            self.widths[-1] += width
            for below in range(1, int(attrs.get("rowspan", 1))):
                row = len(self.widths) - 1 + below
                self.carried[row] = self.carried.get(row, 0) + width

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_escaped_balanced_and_loads_nothing(tmp_path, results):
    write_table(results, [tmp_path / "t.html"])
    text = (tmp_path / "t.html").read_text()
    parser = Cells()
    parser.feed(text)
    assert parser.open == []
    assert set(parser.widths) == {5}
    assert "Accuracy &amp; more." in text
    assert "&lt;then&gt;" in text
    assert not any(word in text for word in ("<script", "http", "<then>", "src="))


def test_latex_rows_are_equally_wide_and_escaped(tmp_path, results):
    write_table(results, [tmp_path / "t.tex"])
    text = (tmp_path / "t.tex").read_text()
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert text.count("{") == text.count("}")
    assert r"Accuracy \& more." in text
    assert r"\multicolumn{2}{c}{Non-contrastive}" in text
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}" in text
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    for line in (line for line in body.splitlines() if line.endswith(r"\\")):
        spanned = sum(int(part[0]) - 1 for part in line.split(r"\multicolumn{")[1:])
        assert line.replace(r"\&", "").count("&") + 1 + spanned == 5


def test_seeds_are_averaged_and_the_missing_one_is_told(tmp_path):
    cells = [cell(tmp_path, correct, seed=seed) for seed, correct in enumerate((30, 36, 42))]
    cells += [cell(tmp_path, correct, subset="10k", seed=seed) for seed, correct in enumerate((30, None, None))]
    results = collect(table_spec(baseline=False), cells)
    assert texts(results) == [
        ["10k", "25.0 [18.1, 33.4] (1 of 3 seeds)"],
        ["50k", "30.0 [17.6, 42.4]"],  # t-interval: 30 % +- 4.303 * 5 % / sqrt(3)
    ]
    text = markdown(Document.of(results))
    assert "t-interval over the seeds; it holds the randomness of training, but not the choice of test videos" in text
    assert "95 % Wilson interval over the test videos, where there is one seed" in text
    assert results.frame()["value"].dropna().tolist() == [30 / 120, 30 / 120, 36 / 120, 42 / 120]  # single seeds


def test_baseline_becomes_a_column_where_rows_are_shared_with_it(tmp_path):
    cells = [cell(tmp_path, 60, backbone=backbone, task=task) for backbone in ("c3d", "r3d") for task in GROUPS]
    cells += [
        cell(tmp_path, 12, backbone="c3d", task="scratch"),
        cell(tmp_path, backbone="r3d", task="scratch"),
    ]
    results = collect(table_spec(rows="backbone", columns="task"), cells)
    assert build_grid(results).header()[1][0] == ("no pretraining", 1)
    assert [row[:2] for row in texts(results)] == [["C3D", "10.0 [5.8, 16.7]"], ["R3D", "pending"]]


def test_baseline_row_is_split_by_shared_columns(tmp_path):
    spec = table_spec(columns=["backbone", "task"], groups={})
    cells = [cell(tmp_path, 60, backbone=b, task=t) for b in ("c3d", "r3d") for t in ("rotnet", "rspnet")]
    cells += [
        cell(tmp_path, 12, backbone="c3d", task="scratch"),
        cell(tmp_path, 24, backbone="r3d", task="scratch"),
    ]
    first = build_grid(collect(spec, cells)).rows[0]
    assert [(entry.main, entry.span) for entry in first[1]] == [("10.0", 2), ("20.0", 2)]


def test_places_outside_the_experiment_are_dashes_not_pending(tmp_path):
    cells = [cell(tmp_path, 60, task="rotnet", subset="10k"), cell(tmp_path, 60, task="prp", subset="50k")]
    results = collect(table_spec(baseline=False), cells)
    assert [row[1:] for row in texts(results)] == [["50.0 [41.2, 58.8]", "–"], ["–", "50.0 [41.2, 58.8]"]]
    assert "–: not part of this experiment." in markdown(Document.of(results))


def test_a_users_own_names_and_several_metrics_are_shown(tmp_path):
    made = cell(tmp_path, 60, task="my_task")
    spec = table_spec(columns=["task", "metric"], groups={}, labels={"task": {"my_task": "Mine"}}, baseline=False)
    assert build_grid(collect(spec, [made])).columns == (("Mine", "top-1 accuracy"),)


def test_the_mean_over_tasks_waits_for_all_of_them(tmp_path, paper):
    cells = [cell(tmp_path, right, task=task, subset="10k") for task, right in (("rotnet", 30), ("rspnet", 60))]
    cells += [cell(tmp_path, 30, task="rotnet"), cell(tmp_path, task="rspnet")]
    results = collect(table_spec(average=True, baseline=False), cells, paper)
    grid = build_grid(results)
    assert grid.columns[-1] == ("", "Mean over tasks")
    assert [entries[-1].text for _, entries in grid.rows] == ["37.5", "pending"]
    text = markdown(Document.of(results))
    assert "(1 of 4 cells)" in text  # the mean is no cell
    with pytest.raises(UserError, match="`average` is over the tasks"):
        table_spec(average=True, columns="backbone")


@pytest.mark.parametrize("reduced", ["", REDUCED])
def test_quoted_numbers_stand_only_where_the_papers_do(tmp_path, paper, reduced):
    spec = table_spec(rows="backbone", quoted=True, paper_table="reported", baseline=False)
    document = Document.of(collect(spec, [cell(tmp_path, 60)], paper, reduced=reduced))
    if reduced:
        assert [labels for labels, _ in document.grid.rows] == [("R(2+1)D",)]
    labels, entries = (document.paper_grid or document.grid).rows[-1]
    assert labels == ("as in the original paper",)
    assert entries[-1].paper_text == "93.7"
    assert document.grid.rows[-1][1][-1].main == ("50.0" if reduced else "–")


def test_students_stand_beside_their_teachers_and_the_baseline_has_none(tmp_path):
    axes = {"task": "rotnet", "stage": "distill", "protocol": "distill", "teachers": "rotnet-C1+vcop"}
    cells = [cell(tmp_path, 60, task="rotnet"), cell(tmp_path, 12, task="scratch"), cell(tmp_path, 90, **axes)]
    cells += [cell(tmp_path, 96, **axes | {"task": "scratch"})]  # a student without pretraining is no baseline
    results = collect(table_spec(rows=["task", "teachers"], columns="target", groups={}), cells)
    assert [(labels, entries[0].main) for labels, entries in build_grid(results).rows] == [
        (("no pretraining", "no teachers"), "10.0"),
        (("no pretraining", "RotNet C1 + VCOP"), "80.0"),
        (("RotNet", "no teachers"), "50.0"),
        (("RotNet", "RotNet C1 + VCOP"), "75.0"),
    ]


def test_a_ratio_or_a_mean_over_conditions_gets_no_interval_of_a_proportion(tmp_path):
    columns = identity(stage="robustness", protocol="robustness")
    views = [
        {"metric": "top1", "noise": "shot", "severity": 1},
        {"metric": "top1", "noise": "mean", "severity": 1},
        {"metric": "relative_decrease", "noise": "shot", "severity": 1},
    ]
    write_metrics(
        tmp_path / "m.parquet", columns, [{**view, "split": "test", "value": 0.5, "n": 120} for view in views]
    )
    made = {**columns, "views": views, "metrics": str(tmp_path / "m.parquet"), "run_dir": str(tmp_path)}
    results = collect(table_spec(rows=["metric", "noise"], baseline=False), [made])
    assert texts(results) == [
        ["top-1 accuracy", "Shot", "50.0 [41.2, 58.8]"],
        ["top-1 accuracy", "mean over noises", "50.0"],
        ["relative decrease of accuracy", "Shot", "50.0"],
    ]


@pytest.mark.parametrize("reduced", ["", REDUCED])
def test_our_networks_stand_below_published_ones(tmp_path, reduced):
    axes = {"stage": "distill", "protocol": "distill", "subset": "30k", "teachers": "shufflenet+r2plus1d"}
    cells = [cell(tmp_path, 90, **axes), cell(tmp_path, **axes | {"target": "hmdb51"})]
    entry = {"name": "sota", "title": "T", "published": str(SOTA), "baseline": False, "rows": [], "columns": []}
    spec = Spec.parse(entry | {"labels": {"input": {"clip": "16x112"}}})
    results = collect(spec, cells, reduced=reduced)
    grid = build_grid(results)
    assert grid.row_levels == ("Group", "Approach", "Venue", "Input", "Backbone", "Pretraining")
    assert len(grid.rows) == 20 + 1
    first, paper, ours = (grid.rows[at] for at in (0, -2, -1))
    assert first[0] == ("Generative", "VIMPAC", "–", "10x256", "ViT-L", "HTM")
    assert [entry.text for entry in first[1]] == ["92.7", "65.9"]
    assert [entry.text for entry in paper[1]] == ["97.3", "51.5"]
    assert ours[0][1:] == ("RSPNet, student of ShuffleNet + R(2+1)D", "–", "16x112", "R(2+1)D", "K400, 30k")
    assert ours[0][0] == ("Measured here, reduced scale: not comparable" if reduced else "Measured here")
    assert [entry.text for entry in ours[1]] == ["75.0 [66.6, 81.9]", "pending"]
    write_table(results, [tmp_path / f"t{suffix}" for suffix in TABLE_SUFFIXES])
    for suffix in (".md", ".tex", ".html"):
        text = (tmp_path / f"t{suffix}").read_text()
        assert "VideoMoCo" in text and "(1 of 2 cells)" in text and "not measured here" in text
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["status"].value_counts().to_dict() == {"published": 40, "ok": 1, "pending": 1}
    assert table.loc[table["label"].str.startswith("Context, CVRL"), "paper_value"].tolist() == [0.929, 0.679]


def test_a_measured_approach_is_below_the_published_rows_of_the_same_one(tmp_path):
    cells = [cell(tmp_path, 60, task="videomae", backbone=net, target=target)
             for net in ("r2plus1d", "vit") for target in ("ucf101", "hmdb51")]  # fmt: skip
    axes = {"stage": "distill", "protocol": "distill", "teachers": "shufflenet+r2plus1d"}
    cells += [cell(tmp_path, 90, **axes)]
    entry = {"name": "sota", "title": "T", "published": str(SOTA), "baseline": False, "rows": [], "columns": []}
    results = collect(Spec.parse(entry), cells)
    rows = build_grid(results).rows
    names = [labels[1] for labels, _ in rows]
    at = names.index("VideoMAE*")
    assert names[at - 1 : at + 4] == ["VideoMAE", "VideoMAE*", "VideoMAE", "VideoMAE", "MME"]
    assert [labels[4] for labels, _ in rows[at : at + 3]] == ["R21D-18", "R(2+1)D", "ViT"]
    assert [labels[0] for labels, _ in rows[at + 1 : at + 3]] == ["Measured here"] * 2
    assert [entry.main for entry in rows[at][1]] == ["76.2", "45.4"]
    assert names[-2:] == ["distilled student*", "RSPNet, student of ShuffleNet + R(2+1)D"]
    assert "CVRL†" in names and "RSPNet" in names  # students are not below the approach that they start from
    assert "* and † are marks of Table 17" in " ".join(notes(results))


def test_a_file_of_published_results_is_checked(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_published(tmp_path / "none.csv")
    (tmp_path / "wrong.csv").write_text("approach,top1\nA,3\n")
    with pytest.raises(UserError, match="the columns are"):
        read_published(tmp_path / "wrong.csv")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": "tasks"}, "Did you mean task"),
        ({"rows": []}, "needs `rows`"),
        ({"title": ""}, r"title: .*empty"),
        ({"kind": "pie"}, "kind: .*table"),
        ({"rows": "task"}, "named twice, task"),
    ],
)
def test_wrong_entries_are_told_apart(changes, message):
    with pytest.raises(UserError, match=message):
        table_spec(**changes)


def test_wrong_cells_are_refused(tmp_path, paper):
    good = cell(tmp_path, 60)
    other = cell(tmp_path, 60, task="rotnet")
    found = collect(table_spec(baseline=False), [{**good, "metrics": other["metrics"]}])
    assert [record.status for record in found.records] == ["failed"]
    assert "result of another cell" in found.records[0].reason
    with pytest.raises(UserError, match="no cell with task 'scratch'"):
        collect(table_spec(), [good])
    with pytest.raises(UserError, match="lacks backbone"):
        collect(table_spec(), [{key: value for key, value in good.items() if key != "backbone"}])
    with pytest.raises(UserError, match=r"needs one value of top5, and .* has 0\. .*: top1 \(test\)"):
        collect(table_spec(baseline=False), [{**good, "views": [{"metric": "top5"}]}])
    with pytest.raises(UserError, match="differ in backbone"):
        build_grid(collect(table_spec(baseline=False), [good, cell(tmp_path, 50, backbone="c3d")]))
    with pytest.raises(UserError, match="unknown paper table"):
        collect(table_spec(paper_table="table3"), [good], paper)


def test_paper_values_are_complete_and_unambiguous(paper):
    assert len(paper) == 429
    own = [name for name in paper.columns if name not in ("caption", "value", "unit", "note")]
    assert not paper.duplicated(own).any()
    assert paper.loc[paper["unit"] == "percent", "value"].between(0, 1).all()
    table = PaperTable(paper, "training_time")
    assert table.find(identity(epochs=150, task="prp"), "top1") == 0.467
    assert table.find(identity(task="scratch"), "top1") is None
    assert table.find(identity(backbone="c3d"), "top1") is None
    noise = PaperTable(paper, "noise_types")
    noisy = identity(task="tdl", stage="robustness", protocol="robustness") | {"noise": "shot", "severity": 1}
    assert noise.find(noisy, "top1") == 0.215
    assert noise.find(identity(task="tdl"), "top1") == 0.317  # without noise


def test_paper_names_of_the_axes_are_used(tmp_path, paper):
    small = cell(tmp_path, 60, subset="small", epochs=4) | {"paper": {"subset": "50k", "epochs": 200}}
    results = collect(table_spec(baseline=False), [small], paper, reduced=REDUCED)
    assert build_grid(results).rows[0][0] == ("small",)
    labels, entries = build_grid(results, paper=True).rows[0]
    assert (labels, entries[0].paper_text) == (("50k",), "78.0, note a")


def test_labels_of_a_scale_are_not_put_on_the_papers_values(tmp_path, paper):
    spec = table_spec(baseline=False, labels={"subset": {"50k": "50k (40 videos)"}, "task": {"rspnet": "rspnet"}})
    results = collect(spec, [cell(tmp_path, 60)], paper, reduced=REDUCED)
    ours, theirs = build_grid(results), build_grid(results, paper=True)
    assert (ours.rows[0][0], theirs.rows[0][0]) == (("50k (40 videos)",), ("50k",))
    assert ours.columns[0][-1] == "RSPNet"


def test_order_is_the_papers_then_by_size():
    assert sorted(["100k", "full", "30k", "10k"], key=lambda name: sort_key("subset", name)) == [
        "10k",
        "30k",
        "100k",
        "full",
    ]
    assert sorted(["rspnet", "mine", "rotnet"], key=lambda name: sort_key("task", name)) == [
        "rotnet",
        "rspnet",
        "mine",
    ]


def test_zero_has_no_sign():
    assert number("relative_decrease", -0.0004) == "0.0"
    assert number("relative_decrease", -0.0006) == "-0.1"


def test_nothing_stands_above_a_number_that_an_axis_has_no_part_in(tmp_path):
    network = {"stage": "network", "task": "", "target": "", "protocol": ""}
    cells = [
        cell(tmp_path, 60, task="rotnet"),
        cell(tmp_path, 50, task="rotnet", teachers="rotnet+vcop", stage="distill", protocol="distill"),
    ]
    results = collect(table_spec(rows=["task"], columns=["teachers", "target"], groups={}, baseline=False), cells)
    assert build_grid(results).columns == (("no teachers", "UCF101"), ("RotNet + VCOP", "UCF101"))
    results = collect(
        table_spec(rows=["backbone"], columns=["task", "target"], groups={}, baseline=False),
        [cell(tmp_path, 60, task="rotnet"), cell(tmp_path, 60, **network)],
    )
    assert build_grid(results).columns[0][0] == ""
    header = build_grid(results).header()
    assert "–" not in [label for label, _ in header[0]]


def test_pretraining_is_measured_on_samples_of_held_out_videos(tmp_path):
    columns = identity(stage="pretrain", protocol="", target="")
    row = {"split": "val", "metric": "pretext_top1", "value": 0.5, "n": 384, "chance": 0.25}
    write_metrics(tmp_path / "m.parquet", columns, [row])
    views = [{"metric": "pretext_top1"}]
    made = {**columns, "views": views, "metrics": str(tmp_path / "m.parquet"), "run_dir": str(tmp_path)}
    text = " ".join(notes(collect(table_spec(rows=["task"], columns="source", baseline=False), [made])))
    assert "interval over the held-out samples" in text
    assert "n = 384 samples of validation videos; chance level 25.0 %." in text
    assert "test videos" not in text


def test_losses_are_not_percent():
    assert Entry("ok", "loss", 2.3456, seeds=1, seeds_planned=1).text == "2.35"


def test_an_entry_knows_its_runs_also_those_of_a_mean_and_of_missing_ones(tmp_path, paper):
    spec = table_spec(rows="subset", columns=["task"], average=True)
    cells = subset_cells(tmp_path)
    grid = build_grid(collect(spec, cells, paper))
    folders = {(one["task"], one["subset"]): one["run_dir"] for one in cells}
    names = [label[-1] for label in grid.columns]
    first = dict(zip(names, grid.rows[1][1], strict=True))  # below the baseline: 10k
    assert first["RSPNet"].runs == (folders["rspnet", "10k"],)
    assert first["PRP"].runs == (folders["prp", "10k"],)
    assert first["PRP"].reasons == ("loss is NaN at step 7 & <then> stopped",)
    assert set(first["Mean over tasks"].runs) == {folders[task, "10k"] for task in GROUPS}
    seeds = [cell(tmp_path, 30 + seed, task="vcop", seed=seed) for seed in (0, 1)]
    (entry,) = build_grid(collect(table_spec(baseline=False), seeds)).entries
    assert entry.runs == tuple(one["run_dir"] for one in seeds)
