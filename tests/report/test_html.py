"""HTML is written by templates that escape all text; tables, by one of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import videossl.report
from videossl.report.html import Cell, Row, Table, of_grid, of_lines, of_texts, page
from videossl.report.tables import Entry, Grid

FOLDER = Path(videossl.report.__file__).parent
NASTY = """<b>&"'{{ 1 }}"""
ESCAPED = "&lt;b&gt;&amp;&quot;&#x27;{{ 1 }}"


def as_page(table: Table, **changes: str) -> str:
    given = {"title": "T", "caption": "", "unit": "", "provenance": "", "notes": []} | changes
    return page("table_page.html", tables=[("", table)], **given)


def test_every_text_is_escaped_wherever_it_stands():
    attributes = {"data-v": NASTY}
    cells = [
        Cell(NASTY, details=[("ci", NASTY), ("", NASTY)], attributes=attributes),
        Cell(NASTY, kind=NASTY),
        Cell(NASTY, link=NASTY),
        Cell(NASTY, code=True),
        Cell(NASTY, head=True, sorts=True),
    ]
    texts = dict.fromkeys(("title", "caption", "unit", "provenance"), NASTY)
    text = as_page(Table([cells], [Row(cells, NASTY)], NASTY), notes=[NASTY], **texts)
    assert "<b>" not in text and "&lt;b" in text
    assert text.count(ESCAPED) == text.count("{{ 1 }}") == 2 * (4 + 2 + 2 + 1 + 1) + 2 + 2 + 4
    assert "&amp;lt;" not in text  # not twice


def test_a_grid_shares_labels_or_sorts():
    entries = (Entry("ok", "top1", 0.5, seeds=1), Entry("ok", "top1", 0.25, seeds=1))
    rows = tuple((("10k", task), entries) for task in ("a", "b"))
    grid = Grid(("Subset", "Task"), (("UCF", "x"), ("UCF", "y")), rows)
    shared = as_page(of_grid(grid, lambda entry: Cell(entry.main)))
    assert shared.count(">10k<") == 1 and 'rowspan="2">10k</th>' in shared
    assert '<th class="group" colspan="2" scope="colgroup">UCF</th>' in shared
    sorting = as_page(of_grid(grid, lambda entry: Cell(entry.main), sortable=True))
    assert sorting.count(">10k<") == 2 and 'data-v="0.25">25.0</td>' in sorting
    columns = re.findall(r'data-column="(\d)"><button type="button" class="sort">(\w+)<', sorting)
    assert columns == [("0", "Subset"), ("1", "Task"), ("2", "x"), ("3", "y")]


def test_lines_sort_by_their_keys_and_texts_break():
    lines = as_page(of_lines(("A", "B"), [[(Cell("x"), "1.5"), (Cell("y"), "")]], "runs"))
    assert '<table class="sortable runs">' in lines
    assert '<td data-label="A" data-v="1.5">x</td><td data-label="B">y</td>' in lines
    assert as_page(of_texts(("A",), [("x",)])).count('style="white-space: normal') == 2


def test_tables_and_texts_are_written_in_one_place():
    templates = [path for path in (FOLDER / "templates").rglob("*.html")]
    assert [path.name for path in templates if re.search("<(table|td|tr)", path.read_text())] == ["table.html"]
    assert not [path for path in templates if re.search(r"\|\s*safe|autoescape false", path.read_text())]
    code = {path.name: path.read_text() for path in FOLDER.rglob("*.py")}
    assert not [name for name, text in code.items() if re.search(r"""["']<\w+[ >]""", text)]


def test_a_name_that_a_template_does_not_get_is_an_error():
    with pytest.raises(UndefinedError):
        page("table_page.html", title="T")
