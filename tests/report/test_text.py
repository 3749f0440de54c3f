"""Text is text: what a user writes into titles, notes, classes and names appears as it is in every format."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape

import pytest
from matplotlib import mathtext
from matplotlib.text import Text
from report_cells import cell, table_spec
from tiny import CONFIG, make_study

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.data.manifest import read_manifest
from videossl.report.collect import Results, collect
from videossl.report.document import Document
from videossl.report.figures import draw, fonts, write_figure
from videossl.report.latex import tex
from videossl.report.render import escape_markdown, markdown, write_table
from videossl.report.spec import Spec

WILD = "_A$AP_1$ {x} 5% & <b> # ~ ^ \\ ' \" `c` | **d** [e](f) é走😀"
"""Every sign that means something to one of the formats."""


@pytest.fixture
def results(tmp_path) -> Results:
    """A table whose title, caption, mark, labels and failure are wild."""
    cells = [cell(tmp_path, 60, task="rotnet", subset=subset, target="ucf101") for subset in ("10k", "50k")]
    cells.append(cell(tmp_path, task="rspnet", subset="10k", target="ucf101", failed=WILD))
    labels = {"target": {"ucf101": WILD}, "subset": {"10k": f"- {WILD}"}}
    spec = table_spec(
        title=WILD, caption=WILD, labels=labels, rows=["subset"], columns=["task", "target"], baseline=False
    )
    return collect(spec, cells, None, reduced=WILD, provenance={"note": WILD})


def figure_of(results: Results, **changes) -> Results:
    entry = {
        "name": "a",
        "kind": "figure",
        "title": WILD,
        "x": "subset",
        "series": "target",
        "panels": "task",
    } | changes
    return replace(results, spec=Spec.parse({**entry, "labels": results.spec.labels}))


def test_mathtext_draws_nothing_and_every_text_is_as_written(results, tmp_path, monkeypatch):
    monkeypatch.setattr(mathtext.MathTextParser, "parse", lambda *given: pytest.fail("taken for mathematics"))
    for plot in ("lines", "bars"):
        figure = draw(figure_of(results, plot=plot))
        write_figure(figure_of(results, plot=plot), [tmp_path / "a.png", tmp_path / "a.pdf"])
        shown = [text.get_text() for text in figure.findobj(Text)]
        assert WILD in "".join(shown)  # in the legend, on one line
        joined = [" ".join(text.split()) for text in shown]
        assert sum(WILD in text for text in joined) >= 2


def test_classes_of_videos_are_as_written(tmp_path, source):
    rows = read_manifest(source.manifest)
    names = {name: f"{WILD[:18]}{number}" for number, name in enumerate(sorted(set(rows["label_name"])))}
    shutil.copytree(source.root, tmp_path / "data")
    changed = rows.assign(label_name=rows["label_name"].map(names))
    import pyarrow as pa

    write_parquet(tmp_path / "data/manifest.parquet", pa.Table.from_pandas(changed, preserve_index=False))
    spec = Spec.parse({"name": "a", "kind": "figure", "title": WILD, "plot": "samples", "datasets": ["k400"]})
    sets = ({"dataset": "k400", "noise": "", "severity": 0, "manifest": str(tmp_path / "data/manifest.parquet")},)
    shown = Results(spec, (), WILD, manifests=sets)
    write_figure(shown, [tmp_path / "a.png"])
    titles = [place.get_suptitle() for place in draw(shown).subfigs[0].subfigs]
    assert titles == [names[name] for name in sorted(names)[:2]]


def unescaped(text: str) -> str:
    """What Markdown shows of a text without markup."""
    return re.sub(r"\\([!-/:-@[-`{-~])", r"\1", text)


def test_markdown(results):
    text = markdown(Document.of(results))
    assert text.startswith(
        "### \\_A\\$AP\\_1\\$ {x} 5% \\& \\<b\\> \\# \\~ ^ \\\\ ' \" \\`c\\` \\| \\*\\*d\\*\\* [e\\](f)"
    )
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table}) == 1
    assert unescaped(table[0]).count(WILD) >= 1
    # No sign with a meaning is left without a backslash.
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`<>&~#$]", re.sub(r"^(### |\| :--.*|\*\*.*\*\*$)", "", text, flags=re.M))


@pytest.mark.parametrize("begin", ["- ", "+ ", "1. ", "12) ", "# ", "> "])
def test_no_text_begins_a_list_or_a_heading(begin):
    escaped = escape_markdown(f"{begin}a\nb")
    assert not re.match(r"\s*([-+#>]|\d+[.)])", escaped) and unescaped(escaped) == f"{begin}a b"


def test_csv_and_html(results, tmp_path):
    write_table(results, [tmp_path / "a.csv", tmp_path / "a.html"])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    assert any(WILD in value for row in rows for value in row.values())
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<b>" not in page and unescape(page).count(WILD) >= 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a_b $x$ {y} 5% & # ~ ^ \\",
            r"a\_b \$x\$ \{y\} 5\% \& \# \textasciitilde{} \textasciicircum{} \textbackslash{}",
        ),
        ("<i> | `q` --- -x", r"\textless{}i\textgreater{} \textbar{} \`{}q\`{} -{}-{}- -x"),
        ("two\nlines\r\nand\u2028more", "two lines and more"),
    ],
)
def test_latex_signs(text, expected):
    assert tex(text) == expected


def test_latex(results, tmp_path):
    write_table(results, [tmp_path / "a.tex"])
    text = (tmp_path / "a.tex").read_text(encoding="utf-8")
    assert text.startswith("% For 走 😀: LuaLaTeX or XeLaTeX")
    body = re.sub(r"%.*", "", re.sub(r"\\[%{}]", "", text))
    assert body.count("{") == body.count("}") and not re.search(r"(?<!\\)[$#_^~]", body)


@pytest.mark.skipif(not shutil.which("lualatex"), reason="there is no LuaLaTeX")
def test_latex_compiles(results, tmp_path):
    write_table(results, [tmp_path / "a.tex"])
    document = "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\\input{a.tex}\\end{document}"
    (tmp_path / "b.tex").write_text(document)
    subprocess.run(["lualatex", "-halt-on-error", "b.tex"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)


def test_titles_are_one_line_and_hold_no_control_characters(tmp_path):
    datasets = CONFIG["datasets"] | {"k400": CONFIG["datasets"]["k400"] | {"title": "Kinetics\n 400\n"}}
    assert make_study(tmp_path / "a", datasets=datasets).config.datasets["k400"].title == "Kinetics 400"
    datasets["k400"]["title"] = "Kinetics\x07400"
    with pytest.raises(UserError, match=r"datasets.k400.title: holds control characters.*'\\x07'"):
        make_study(tmp_path / "b", datasets=datasets)


@pytest.mark.parametrize("key", ["results_dir", "paper_values"])
def test_braces_in_paths_that_snakemake_fills_in_are_refused(tmp_path, key):
    with pytest.raises(UserError, match=rf"{key}: should have no braces.*wildcard"):
        make_study(tmp_path, **{key: "out/res{x}"})


def test_letters_that_no_font_has_are_named(results, monkeypatch):
    monkeypatch.setattr(fonts, "FURTHER", ())
    for function in (fonts.families, fonts._letters):
        function.cache_clear()
    note = " ".join(draw(figure_of(results)).get_supxlabel().split())
    assert "Boxes stand for letters that no font of this machine has: U+8D70 CJK UNIFIED IDEOGRAPH-8D70. With" in note
    assert fonts.lacking(["Ωμέγα, кириллица, é 😀\n"]) == []
    for function in (fonts.families, fonts._letters):
        function.cache_clear()
