"""A table for LaTeX: `\\usepackage{booktabs,graphicx}` and `\\input{table.tex}`, no other package."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from videossl.report.collect import FAILED, PENDING
from videossl.report.document import Document
from videossl.report.tables import Entry, Grid

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\`{}",
    "–": "--",
    "—": "---",
    "×": r"$\times$",
    "·": r"\textperiodcentered{}",
    "±": r"$\pm$",
    "←": r"$\leftarrow$",
    **{character: "\\" + character for character in "&%$#_{}"},
}
_FIT = r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""Start of a box that shrinks its content to the text width if it is wider."""
_SPECIAL = re.compile("|".join([*(re.escape(character) for character in _ESCAPES), "-(?=-)"]))
_PDFLATEX = re.compile(r"[\t\x20-\x7e\xa0-\u017f\u2010-\u203a\u2026€™]*")
"""Characters that pdfLaTeX can print with its default fonts."""


def tex(text: str) -> str:
    """Plain text on one line, with LaTeX's special characters and ligatures escaped."""
    return _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], "-{}"), " ".join(text.splitlines()))


def engine(lines: Sequence[str]) -> list[str]:
    """A comment for the user compiling `lines`, if they have characters that pdfLaTeX cannot print."""
    strange = sorted({letter for line in lines for letter in line if not _PDFLATEX.fullmatch(letter)})
    if not strange:
        return []
    return [f"% For {' '.join(strange)}: LuaLaTeX or XeLaTeX, with a font that has them (package fontspec)."]


def render(document: Document) -> str:
    """The `table` environment."""
    caption = " ".join(part for part in (f"{document.title}.", document.caption, f"{document.unit}.") if part)
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table}[t]",
        r"  \centering",
        rf"  \caption{{{tex(caption)}}}",
        rf"  \label{{tab:{re.sub(r'[^A-Za-z0-9:-]', '-', document.name)}}}",
        *_tabular(document.grid, measured=True, paper=document.paper_beside),
    ]
    if document.paper_grid:
        lines += [
            "",
            r"  \medskip",
            rf"  \emph{{{tex(document.paper_title)}}}\par\smallskip",
            *_tabular(document.paper_grid, measured=False, paper=True),
        ]
    lines += ["", r"  \medskip", r"  \begin{minipage}{\linewidth}\footnotesize"]
    lines += [f"    {tex(line)}\\par" for line in [*document.notes(), document.provenance] if line]
    lines += [r"  \end{minipage}", r"\end{table}"]
    return "\n".join([*engine(lines), *lines]) + "\n"


def _number(entry: Entry) -> str:
    return rf"\emph{{{tex(entry.main)}}}" if entry.status in (PENDING, FAILED) else tex(entry.main)


def _interval(entry: Entry) -> str:
    return rf"{{\scriptsize {tex(entry.detail)}}}" if entry.detail else ""


def _paper(entry: Entry) -> str:
    return rf"\emph{{{tex(entry.paper_text)}}}"


def _tabular(grid: Grid, *, measured: bool, paper: bool) -> list[str]:
    """The `tabular` environment. Number, interval and the paper's number are on separate lines.

    On one line they would make a table of six tasks wider than a page.
    """
    sides = len(grid.row_levels)
    columns = "l" * sides + "c" * len(grid.columns)
    lines = [_FIT, rf"  \begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"    \toprule"]
    lines += _head(grid)
    for number, (labels, entries) in enumerate(grid.rows):
        names, empty = [tex(label) for label in labels], [""] * (sides - 1)
        lines.append(r"    \addlinespace" if number else r"    \midrule")
        if measured:
            lines.append(_line(names, entries, _number))
            if any(entry.detail for entry in entries):
                lines.append(_line([*empty, ""], entries, _interval))
        if paper:
            lines.append(_line([*empty, r"\quad\emph{paper}"] if measured else names, entries, _paper))
    return [*lines, r"    \bottomrule", r"  \end{tabular}}"]


def _head(grid: Grid) -> list[str]:
    sides = len(grid.row_levels)
    lines = []
    header = grid.header()
    for depth, level in enumerate(header):
        last = depth == len(header) - 1
        cells = [tex(name) for name in grid.row_levels] if last else [""] * sides
        rules, column = [], sides + 1
        for label, span in level:
            cells.append(rf"\multicolumn{{{span}}}{{c}}{{{tex(label)}}}" if span > 1 else tex(label))
            if label and not last:
                rules.append(rf"\cmidrule(lr){{{column}-{column + span - 1}}}")
            column += span
        lines.append(_row(cells))
        if rules:
            lines.append("    " + " ".join(rules))
    return lines


def _line(names: list[str], entries: Sequence[Entry], text: Callable[[Entry], str]) -> str:
    cells = [rf"\multicolumn{{{e.span}}}{{c}}{{{text(e)}}}" if e.span > 1 else text(e) for e in entries]
    return _row([*names, *cells])


def _row(cells: list[str]) -> str:
    # A leading "[" or "*" would be parsed as an argument of the preceding `\\`.
    guard = "{}" if cells[0].startswith(("[", "*")) else ""
    return f"    {guard}{' & '.join(cells)} \\\\"
