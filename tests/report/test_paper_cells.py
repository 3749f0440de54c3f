"""The paper's numbers of one cell in several tables: each table says what the others print, and none says that the
paper has no value of a cell if it has."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
from report_cells import PAPER_VALUES, REDUCED, cell, table_spec

from videossl.report.collect import Results, collect
from videossl.report.comparison import _letter
from videossl.report.document import Document
from videossl.report.entry import entry_of
from videossl.report.notes import notes
from videossl.report.paper import PaperTable, read_paper_values
from videossl.report.paper_cells import PaperCells
from videossl.report.render import TABLE_SUFFIXES, write_table
from videossl.report.request import cells_of
from videossl.report.scale import reduced_note
from videossl.report.spec import Spec
from videossl.study.study import Study, load_study

REPOSITORY = Path(__file__).parents[2]
COMPLEXITIES = {"rotnet": "C3", "vcop": "C1", "prp": "C3"}
CELL = ("task", "backbone", "source", "subset", "target", "protocol", "teachers", "noise", "severity", "metric")
HEADER = (
    "table,caption,task,backbone,source,subset,epochs,complexity,protocol,teachers,noise,severity,target,metric,value"
)


def study_of(*overlays: str) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        study = load_study(["config/config.yaml", *overlays])
        assert study.recipes and study.models
        return study


@pytest.fixture(scope="module")
def values():
    return read_paper_values(PAPER_VALUES)


@pytest.fixture(scope="module", params=["config/smoke.yaml", "config/paper.yaml"])
def scale(request):
    return study_of(request.param)


def results_of(study: Study, name: str, values: pd.DataFrame) -> Results:
    """An entry of the study, before its first job."""
    spec = Spec.parse({"kind": study.entries[name].kind, **entry_of(study, name)})
    return collect(spec, cells_of(study, name), values, reduced=reduced_note(study, name), read=False)


def numbers_of_cells() -> dict[tuple[str, ...], dict[str, set[str]]]:
    """Percent as printed and the tables that print them, by cell, straight from the file; unclear cells left out."""
    found: dict[tuple[str, ...], dict[str, set[str]]] = {}
    with PAPER_VALUES.open(newline="") as handle:
        for row in csv.DictReader(handle):
            if not row["subset"] and row["source"] in ("", "k400"):
                row |= {"source": "k400", "subset": "50k"}
            if row["task"] and row["subset"] and row["backbone"] != "as in the original paper":
                epochs, complexity = row["epochs"] or "200", row["complexity"] or COMPLEXITIES.get(row["task"], "")
                key = (*(row[axis] for axis in CELL), epochs, complexity)
                found.setdefault(key, {}).setdefault(row["value"], set()).add(row["table"])
    return found


def key_of(record) -> tuple[str, ...]:
    asked = dict(record.paper_identity)
    if asked["metric"] == "clean_top1":
        asked |= {"metric": "top1", "noise": "", "severity": 0, "protocol": "finetune"}
    asked["severity"] = asked["severity"] or ""
    return tuple(str(asked[axis]) for axis in (*CELL, "epochs", "complexity"))


def test_twenty_three_cells_have_several_values_in_the_paper():
    several = {key: found for key, found in numbers_of_cells().items() if len(found) > 1}
    assert len(several) == 23
    by_cell = {(key[0], key[1], key[3], key[4]): set(found) for key, found in several.items()}
    assert by_cell["rspnet", "r2plus1d", "50k", "hmdb51"] == {"40.2", "32.8"}
    assert by_cell["rspnet", "videoswin", "10k", "ucf101"] == {"39.2", "36.8"}


def test_each_of_their_numbers_has_a_note_in_every_table(scale, values):
    several = {key: found for key, found in numbers_of_cells().items() if len(found) > 1}
    noted = set()
    for name, entry in scale.entries.items():
        if entry.datasets or entry.published:
            continue
        results = results_of(scale, name, values)
        text = " ".join(notes(results))
        for record in results.records:
            if record.paper is None or not record.is_cell:
                continue
            others = {float(v) for v in several.get(key_of(record), {})} - {round(100 * record.paper, 2)}
            assert {round(100 * one.value, 2) for one in record.paper_others} == others, (name, record.place)
            assert bool(record.paper_letter) == bool(others)
            if others:
                noted.add(key_of(record))
                (note,) = re.findall(rf"Note {record.paper_letter} \([^:]*: .*?(?= Note |$)", text)
                assert all(f"{other:.1f} in " in note for other in others)
    assert noted == set(several)


def test_the_note_stands_at_the_number_in_all_formats(tmp_path, values):
    cells = [cell(tmp_path, 60, subset=subset) for subset in ("10k", "50k")]
    for reduced in ("", REDUCED):
        results = collect(table_spec(baseline=False, complexities=COMPLEXITIES), cells, values, reduced=reduced)
        write_table(results, [tmp_path / f"a{suffix}" for suffix in TABLE_SUFFIXES])
        for suffix in (".md", ".tex", ".html"):
            text = " ".join((tmp_path / f"a{suffix}").read_text().split())
            plain = re.sub(r" ?<[^>]*> ?", " ", text)
            assert re.search(r"78\.0(, | +)note b\b", plain), suffix
            assert "the paper also prints 77.4 in Sec 4.1, second sub-table; Table 11." in text
        tidy = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
        assert list(tidy["paper_note"]) == ["69.6 in Table 11", "77.4 in Sec 4.1, second sub-table; Table 11"]
        assert list(pd.read_parquet(tmp_path / "a.parquet")["paper_note"]) == list(tidy["paper_note"])


def test_a_figure_says_of_how_many_cells_and_by_how_much(tmp_path, values):
    """Of RSPNet's 70.9 and 78.0, Table 11 has 69.6 and 77.4; PRP's 17.5 stands alone."""
    cells = [cell(tmp_path, 60, subset=subset) for subset in ("10k", "50k")]
    cells.append(cell(tmp_path, 60, subset="10k", task="prp"))
    results = collect(table_spec(baseline=False, complexities=COMPLEXITIES), cells, values)
    (said,) = [note for note in notes(results, drawn=True) if "other tables" in note]
    assert "2 of these cells" in said and "1.3 points" in said


def test_what_is_noted_comes_from_the_file(tmp_path):
    mine = tmp_path / "values.csv"
    lines = [
        "here,Table A,rspnet,r2plus1d,k400,50k,,,finetune,,,,ucf101,top1,50.0,percent,",
        "there,Table B,rspnet,r2plus1d,k400,50k,200,,finetune,,,,ucf101,top1,51.0,percent,",
        "there,Table B,rspnet,r2plus1d,k400,50k,100,,finetune,,,,ucf101,top1,52.0,percent,",  # another cell
        "open,Table C,,r2plus1d,,,,,finetune,,,,ucf101,top1,53.0,percent,",  # says not of what
        "more,Table D,rspnet,r2plus1d,k400,50k,,,finetune,,,,hmdb51,top1,20.0,percent,",
    ]
    mine.write_text("\n".join([f"{HEADER},unit,note", *lines]) + "\n")
    values = read_paper_values(mine)
    cells = [cell(tmp_path, 60, target=target) for target in ("ucf101", "hmdb51")]
    results = collect(table_spec(paper_table="here", columns="target", groups={}, baseline=False), cells, values)
    (grid,) = [Document.of(results).grid]
    assert [entry.paper_text for entry in grid.entries] == ["50.0, note a", "20.0"]
    text = " ".join(notes(results))
    assert "Paper: Table A; Table D; percentages" in text
    assert "the paper also prints 51.0 in Table B." in text and "52.0" not in text and "53.0" not in text


def test_no_number_of_the_paper_is_said_to_be_missing(scale, values):
    """Neither by a dash nor by a note or caption."""
    printed = numbers_of_cells()
    for name, entry in scale.entries.items():
        if entry.datasets or entry.published:
            continue
        results = results_of(scale, name, values)
        cells = [record for record in results.records if record.is_cell and not record.is_baseline]
        has = [record for record in cells if key_of(record) in printed or record.paper is not None]
        denied = re.search(r"no values|not in the paper|we do not have|alone\.?\)", f"{entry.caption} ", re.IGNORECASE)
        assert not (denied and has), f"the caption of {name} says '{denied and denied[0]}'"
        text = " ".join(notes(results))
        assert ("The paper has no values" in text) == (not has), name
        missing = [record.place for record in has if record.paper is None]
        assert not missing, f"{name} shows no value of the paper for {missing}, which has one"


def test_the_curves_on_hmdb51_have_the_eight_values_of_another_figure(scale, values):
    records = results_of(scale, "subset_size_by_backbone", values).records
    found = {
        (r.identity["backbone"], r.identity["subset"]): r.paper for r in records if r.identity["target"] == "hmdb51"
    }
    small = {"10k": 0.244, "30k": 0.317, "50k": 0.354, "100k": 0.368}
    assert {size: found["shufflenet", size] for size in small} == small
    assert found["r2plus1d", "100k"] == 0.434
    assert sum(value is not None for value in found.values()) == 8


def test_our_choices_are_labelled_where_the_paper_says_nothing(scale, values):
    for name in ("networks", "gflops_accuracy"):
        results = results_of(scale, name, values)
        for drawn in (False, True):
            text = " ".join(notes(results, drawn=drawn))
            assert "Our choice, as the paper does not state it: the pretraining subset (50k of K700)." in text
        assert "50k subset is our choice" in scale.entries[name].caption
    assert "the pretext task (RSPNet)" in " ".join(notes(results_of(scale, "retrieval", values)))
    for name in ("subset_size", "distill_complexity"):  # K400-50k is what the paper uses unless it says otherwise
        assert "Our choice" not in " ".join(notes(results_of(scale, name, values)))


def test_the_students_of_two_tasks_are_shufflenets(scale, values):
    table = PaperTable(values, "distill_tasks")
    shown = {
        (record.identity["backbone"], record.identity["teachers"]): record.paper
        for record in results_of(scale, "distill_tasks", values).records
        if record.identity["teachers"]
    }
    assert shown == {
        ("shufflenet", "rotnet+vcop"): 0.611,
        ("shufflenet", "cvrl+tdl"): 0.703,
        ("r2plus1d", "rotnet+vcop"): None,
        ("r2plus1d", "cvrl+tdl"): None,
    }
    assert len(table.rows_of({**shown_identity(), "teachers": "cvrl+tdl"}, "top1")) == 1


def shown_identity() -> dict[str, object]:
    axes = {
        "task": "cvrl",
        "backbone": "shufflenet",
        "source": "k400",
        "subset": "50k",
        "epochs": 200,
        "complexity": "",
    }
    return {**axes, "protocol": "distill", "noise": "", "severity": 0, "target": "ucf101"}


def test_a_row_that_names_no_complexity_means_the_default(values):
    cells = PaperCells(values, COMPLEXITIES)
    axes = shown_identity() | {"task": "rotnet", "backbone": "r2plus1d", "protocol": "finetune", "teachers": ""}
    found = {name: {one.value for one in cells.of(axes | {"complexity": name}, "top1")} for name in ("C1", "C3", "")}
    assert found == {"C1": {0.483}, "C3": {0.412, 0.409}, "": {0.412, 0.409}}


def test_letters_of_notes_do_not_end():
    assert [_letter(place) for place in (0, 25, 26, 51, 52)] == ["a", "z", "aa", "az", "ba"]
