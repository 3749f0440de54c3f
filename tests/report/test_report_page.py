import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from report_cells import PAPER_VALUES, cell
from report_data import data_of
from report_study import NASTY, RECIPE, make_page, make_study, records

from videossl.common.errors import UserError
from videossl.report.all_metrics import write_all_metrics
from videossl.report.record import dependencies_of, read_record, write_record
from videossl.report.request import Request
from videossl.report.site.chapters import chapters
from videossl.report.site.history import POINTS, read_curve
from videossl.report.site.mistakes import SHOWN
from videossl.report.site.page import write_report
from videossl.report.site.predictions import CLASSES, summary

VOID = {"meta", "link", "img", "input", "br"}


class Outline(HTMLParser):
    """Open elements, anchors, and links with their texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.ids, self.links, self.loads = [], [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.loads += [found[key] for key in ("src", "srcset") if key in found]
        if tag == "link":
            self.loads.append(found["href"])
        if tag == "a":
            self.links.append([found["href"], ""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "a":
            self.links[-1][1] += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    return make_page(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def outline(page) -> Outline:
    outline = Outline()
    outline.feed(page.read_text())
    return outline


@pytest.fixture(scope="module")
def data(page) -> dict:
    return data_of(page.read_text())


def run_of(data: dict, *parts: str) -> dict:
    (found,) = [run for name, run in data["runs"].items() if all(part in name for part in parts)]
    return found


def test_the_page_is_well_formed_and_loads_nothing(outline):
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.loads
    assert all(address.startswith("data:") for address in outline.loads)


def test_every_link_leads_somewhere(page, outline, data):
    assert len(outline.links) > 40
    for href, _ in outline.links:
        if href.startswith("#run/"):
            assert set(unquote(href.removeprefix("#run/")).split(",")) <= set(data["runs"])
        elif href.startswith("#claim/"):
            assert data["claims"][href.removeprefix("#claim/")]
        elif href.startswith("#"):
            assert href[1:] in outline.ids
        else:
            assert (page.parent / unquote(href)).is_file()


def test_a_number_of_the_table_leads_to_the_run_with_that_number(page, data):
    section = page.read_text().split('id="table-subset_size"')[1].split("</section>")[0]
    links = re.findall(r'data-v="([^"]+)"><a class="run" href="#run/([^"]+)">([\d.]+)</a>', section)
    assert len(links) == 7  # of four tasks by two subsets one is pending, one failed; and the baseline
    for value, name, text in links:
        metrics = data["runs"][unquote(name)]["metrics"]
        assert metrics[0][0] == "top-1 accuracy"
        assert metrics[0][3] == text == f"{100 * float(value):.1f}"


def test_a_run_tells_all_about_itself(data):
    run = run_of(data, "finetune-rspnet", "10k")
    assert run["title"] == "Finetuning · RSPNet · R(2+1)D · K400 10k, 200 epochs · on UCF101 · seed 0"
    assert data["recipes"][run["recipe"]] == RECIPE
    assert data["environments"][run["environment"]] == {"python": "3.11.7", "torch": "2.13.0"}
    assert run["curve"] == {"epoch": [1, 2, 3], "loss": [1.0, 0.5, 0.3333], "lr": [0.1, 0.1, 0.1]}
    assert run["log"] == ["starting", "100 %", NASTY]
    assert (run["predictions"]["correct"], run["predictions"]["n"]) == (80, 120)
    assert run["predictions"]["confused"] == [["class 2", "class 0", 40]]
    assert {Path(name).name for name, _ in run["files"]} > {"run.json", "metrics.parquet", "predictions.parquet"}
    # Probabilities are equal, so the first videos by name: those of class 2 are taken for class 0.
    assert run["predictions"]["wrong"][0] == ["v101", "class 2", "class 0", 0.5]
    assert run["shown"] == ["subset_size", "by_task"]
    assert len(data["recipes"]) == len(data["environments"]) == 1  # shared, not repeated


def test_a_pretraining_that_no_table_shows_is_there_with_its_whole_curve(data):
    finetuned = run_of(data, "finetune-rotnet", "10k")
    assert [Path(name).name for name in finetuned["before"]] == ["pretraining-50", "pretraining-100"]
    assert run_of(data, "pretraining-50")["curve"]["epoch"] == [1, 2]
    assert run_of(data, "pretraining-100")["curve"]["epoch"] == [1, 2, 3, 4]
    assert [Path(name).name for name in run_of(data, "pretraining-100")["before"]] == ["pretraining-50"]
    assert "before" not in run_of(data, "finetune-rspnet", "10k")


def test_missing_runs_say_why(page, data):
    failed, pending = run_of(data, "finetune-prp", "10k"), run_of(data, "finetune-tdl", "50k")
    assert failed["status"] == "failed"
    assert failed["reason"].startswith("loss is NaN at step 7")
    assert failed["log"] == ["step 7", "loss is NaN"]
    assert (pending["status"], pending["reason"]) == ("pending", "it needs weights that are not here")
    assert run_of(data, "never-ran")["reason"] == "what it needs has failed"
    assert run_of(data, "never-ran")["status"] == "failed"
    assert "metrics" not in pending
    section = page.read_text().split('id="table-subset_size"')[1].split("</section>")[0]
    assert 'class="run failed"' in section
    assert "loss is NaN at step 7 &amp; &lt;then&gt; stopped" in section
    assert 'class="run pending"' in section


def test_reduced_scale_is_marked_everywhere_and_the_papers_values_stand_apart(page):
    sections = re.findall(r'<section class="entry".*?</section>', page.read_text(), re.DOTALL)
    assert len(sections) == 3
    for section in sections:
        assert "reduced scale: generated videos" in section
        assert 'class="paper"' not in section
    assert "The paper&#x27;s values, at its scale" in sections[0]


def test_verdicts_are_grey_at_a_reduced_scale_only(page, tmp_path):
    assert page.read_text().count("data-reduced>") == 2  # the table of claims and its summary
    assert "data-reduced>" not in make_page(tmp_path, reduced="").read_text()


def test_a_study_that_is_not_the_papers_has_a_title_of_its_own(page, tmp_path):
    heading = re.compile("<h1>(.*?)</h1>")
    assert heading.search(page.read_text())[1].startswith("A Large-Scale Analysis on Contextual")
    cells = [cell(tmp_path, n, task=task) for n, task in ((30, "rotnet"), (40, "vcop"))]
    entry = {"name": "own", "title": "Own", "rows": "subset", "columns": ["task"], "baseline": False}
    entry["labels"] = {"target": {"ucf101": "Birds & <bees>"}}
    given = {"entry": entry, "cells": cells, "manifests": [], "reduced": "", "paper_values": ""}
    (tmp_path / "tables").mkdir()
    write_record(tmp_path / "tables/own.record.json", Request("table", given))
    claims = {"metrics": [], "default_complexities": {}, "reduced": "", "paper_values": str(PAPER_VALUES)}
    write_record(tmp_path / "tables/claims.record.json", Request("claims", claims))
    made = [tmp_path / f"tables/{name}.record.json" for name in ("own", "claims")]
    write_report(made, tmp_path, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert heading.search(text)[1] == "Pretext tasks compared on Birds &amp; &lt;bees&gt;"
    assert "Contextual" not in text and "the paper's sections" not in text and "claims-claims" not in text
    write_report(made, tmp_path, tmp_path / "report.html", title="Which birds & bees?")
    assert heading.search((tmp_path / "report.html").read_text())[1] == "Which birds &amp; bees?"


def test_filters_have_the_axes_on_which_runs_differ(page):
    form = re.search(r'<form id="filters".*?</form>', page.read_text(), re.DOTALL)[0]
    assert re.findall(r'<select name="(\w+)">', form) == ["task", "subset", "epochs", "stage", "status"]
    options = re.findall(r'<option value="(\w*)">(.*?)</option>', form)
    assert options[:2] == [("", "all"), ("scratch", "no pretraining")]
    assert ("finetune", "Finetuning") in options and ("pretrain", "Pretraining") in options


def test_at_the_papers_scale_each_number_says_how_far_it_is_from_the_papers(tmp_path):
    text = make_page(tmp_path, reduced="").read_text()
    assert "reduced scale" not in text
    # RSPNet with 10k: 60 of 120 measured, 70.9 in the paper.
    assert '50.0</a> <span class="ci">[41.2, 58.8]</span> <span class="paper">paper 70.9 (-20.9)</span>' in text
    assert '<span class="paper">paper –</span>' in text  # the network without pretraining


def test_the_same_study_gives_the_same_page(tmp_path, page):
    write_report(records(page.parent), page.parent, page.parent / "again.html")
    assert (page.parent / "again.html").read_bytes() == page.read_bytes()


def test_records_hold_dates_and_tables_do_not(page):
    record = read_record(page.parent / "tables/subset_size.record.json")
    assert record.finished == {"first": "2026-01-01T00:00:00+00:00", "last": "2026-01-01T00:00:00+00:00"}
    assert record.provenance["code"] == ["0123456789ab"]
    assert record.provenance["hardware"] == ["a processor"]
    for path in (page.parent / "tables").glob("subset_size.*"):
        assert (b"2026-01" in path.read_bytes()) == path.name.endswith(".record.json")


def test_records_of_earlier_versions_are_read():
    assert dependencies_of({"needs": ["a", "b"]}) == dependencies_of({"dependencies": ["a", "b"]}) == ["a", "b"]
    assert dependencies_of({}) == []


def test_files_that_are_no_records_are_refused(tmp_path):
    (tmp_path / "a.record.json").write_text('{"kind": "table"}')
    with pytest.raises(UserError, match="no record"):
        read_record(tmp_path / "a.record.json")
    with pytest.raises(UserError, match="at least one"):
        write_report([], tmp_path, tmp_path / "report.html")


def test_all_metrics_are_those_of_the_finished_runs(tmp_path):
    cells = make_study(tmp_path)
    assert write_all_metrics(records(tmp_path), tmp_path, tmp_path / "metrics.parquet") == (9, [])
    frame = pd.read_parquet(tmp_path / "metrics.parquet")
    assert set(frame["run"]) == {
        *(Path(one["run_dir"]).name for one in cells if Path(one["metrics"]).is_file()),
        *("pretraining-50", "pretraining-100"),
    }
    for name, rows in frame.groupby("run"):
        own = pd.read_parquet(tmp_path / name / "metrics.parquet")
        pd.testing.assert_frame_equal(rows.drop(columns="run").reset_index(drop=True), own)


def test_a_long_curve_is_thinned_and_keeps_its_ends(tmp_path):
    lines = [json.dumps({"epoch": epoch, "loss": 1.0, "top1": None}) for epoch in range(1, 1001)]
    (tmp_path / "train.jsonl").write_text("\n".join([*lines, '{"epoch": 10']))
    curve = read_curve([tmp_path])
    assert (len(curve["epoch"]), curve["epoch"][0], curve["epoch"][-1]) == (POINTS, 1, 1000)
    assert curve["top1"] == [None] * POINTS
    assert read_curve([tmp_path / "nowhere"]) == {}


def test_of_many_classes_the_best_and_the_worst_are_shown(tmp_path):
    frame = pd.DataFrame({"label": [k for k in range(40) for _ in range(4)], "noise": ""})
    frame["correct"] = [j < (k % 5) for k in range(40) for j in range(4)]
    frame["prediction"] = frame["label"].where(frame["correct"], (frame["label"] + 1) % 40)
    frame["video"] = [f"v{place}" for place in range(160)]
    frame["probability_label"] = np.linspace(1, 0, 160)
    frame.to_parquet(tmp_path / "predictions.parquet")
    found = summary(tmp_path / "predictions.parquet", {0: "zero"})
    assert len(found["classes"]) == CLASSES
    assert found["left_out"] == 40 - CLASSES
    assert [correct for _, correct, _ in found["classes"]] == [4] * 6 + [0] * 6
    assert ["zero", "class 1", 4] in found["confused"]
    surest = frame[~frame["correct"]]["video"].tolist()[::-1][:SHOWN]  # probabilities fall
    assert [video for video, *_ in found["wrong"]] == surest


def test_chapters_follow_the_papers_sections():
    entries = [("own", ""), ("a", "4.10"), ("b", "4.2"), ("c", "D.7"), ("d", "4.10"), ("e", "5")]
    found = chapters(entries)
    assert [chapter.section for chapter in found] == ["4.2", "4.10", "5", "D.7", ""]
    assert found[1].entries == ("a", "d")
