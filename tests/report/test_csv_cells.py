"""CSV files: no text in them is a formula to a spreadsheet, and numbers stay numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from report_cells import cell, table_spec

from videossl.cli.common import print_records
from videossl.report.claims import write_claims
from videossl.report.collect import collect
from videossl.report.csv_cells import csv_cell, csv_text
from videossl.report.render import write_table

PAPER = Path(__file__).parents[2] / "config/paper_values.csv"

FORMULAS = [
    '=cmd|" /C calc"!A0', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "  @x", "＝1+1", "-", "+", "=",
    "=0", "-a",
]  # fmt: skip
PLAIN = [
    "",
    "text",
    "'quoted'",
    "10k",
    "a=b",
    "x-y",
    "-0.5",
    "+3",
    "-1e-3",
    "nan",
    "-inf",
    "0",
    3,
    -3,
    -0.5,
    True,
    None,
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_would_be_calculated_has_an_apostrophe(text):
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", PLAIN)
def test_everything_else_is_as_it_is(value):
    assert csv_cell(value) is value


def test_a_frame_keeps_its_numbers_and_its_gaps():
    frame = pd.DataFrame(
        {
            "=head": FORMULAS[:4],
            "number": [-0.5, 1.0, None, -3e-9],
            "whole": [-1, 2, 3, 4],
            "gap": ["-x", None, "y", "z"],
        }
    )
    text = csv_text(frame)
    assert text.splitlines()[0] == "'=head,number,whole,gap"
    read = pd.read_csv(io.StringIO(text))
    assert list(read["'=head"]) == [f"'{formula}" for formula in FORMULAS[:4]]
    assert list(read["whole"]) == [-1, 2, 3, 4] and read["number"].dtype == float and read["number"].isna().sum() == 1
    assert read["number"][3] == -3e-9 and read["gap"].isna().sum() == 1 and read["gap"][0] == "'-x"
    assert list(frame["whole"]) == [-1, 2, 3, 4] and "=head" in frame  # the argument stays as it is


def test_a_table_with_formulas_for_names_has_none_in_its_csv(tmp_path):
    evil = '=HYPERLINK("http://x","y")'
    cells = [cell(tmp_path, 60, task="rotnet", subset="10k", target="ucf101")]
    spec = table_spec(
        title=evil, caption=evil, labels={"target": {"ucf101": evil}, "subset": {"10k": "@x"}}, rows=["subset"],
        columns=["target"], baseline=False,
    )  # fmt: skip
    write_table(collect(spec, cells, None, reduced="+note"), [tmp_path / "t.csv"])
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    for row in rows:
        for value in row:
            assert csv_cell(value) == value, value


def test_the_claims_and_the_commands_write_alike(tmp_path, capsys):
    given = {"metrics": [], "default_complexities": {}, "reduced": "=1+1", "paper_values": str(PAPER)}
    write_claims(given, [tmp_path / "c.csv"])
    for row in csv.reader(io.StringIO((tmp_path / "c.csv").read_text())):
        assert all(csv_cell(value) == value for value in row)
    print_records([{"name": "=1+1", "hours": -0.5, "more": 1}], ["name", "hours"], "csv")
    assert capsys.readouterr().out == "name,hours\n'=1+1,-0.5\n"
