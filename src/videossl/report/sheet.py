"""A table of sentences, as opposed to numbers, as Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from videossl.report.html import of_texts, page
from videossl.report.latex import engine, tex
from videossl.report.render import escape_markdown


@dataclass(frozen=True)
class Sheet:
    """All fields are plain text; `widths` are the columns' fractions of the page width."""

    name: str
    title: str
    caption: str
    header: tuple[str, ...]
    widths: tuple[float, ...]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = field(default=())
    provenance: str = ""


def markdown(sheet: Sheet) -> str:
    """A GitHub pipe table with title, caption and notes."""
    lines = [sheet.header, *sheet.rows]
    table = [f"| {' | '.join(escape_markdown(text) for text in line)} |" for line in lines]
    table.insert(1, f"| {' | '.join([':--'] * len(sheet.header))} |")
    notes = "\n".join(f"- {escape_markdown(note)}" for note in sheet.notes)
    parts = [f"### {escape_markdown(sheet.title)}", escape_markdown(sheet.caption), "\n".join(table), notes]
    return "\n\n".join(part for part in [*parts, escape_markdown(sheet.provenance)] if part) + "\n"


def latex(sheet: Sheet) -> str:
    """A `longtable`, which spans pages, with line breaks in cells."""
    columns = "".join(rf"p{{{width:.2f}\linewidth}}" for width in sheet.widths)
    head = " & ".join(tex(text) for text in sheet.header) + r" \\"
    # A leading "[" or "*" would be parsed as an argument of the preceding `\\`.
    body = [r"  {}" + " & ".join(tex(text) for text in row) + r" \\ \addlinespace" for row in sheet.rows]
    notes = [tex(text) + r"\par" for text in [*sheet.notes, sheet.provenance] if text]
    lines = [
        r"% \usepackage{booktabs,longtable}",
        r"{\scriptsize\raggedright\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        rf"  \caption{{{tex(f'{sheet.title}. {sheet.caption}')}}} \label{{tab:{sheet.name}}} \\",
        rf"  \toprule {head} \midrule \endfirsthead",
        rf"  \toprule {head} \midrule \endhead",
        r"  \bottomrule \endlastfoot",
        *body,
        r"\end{longtable}",
        *notes,
        "}",
        "",
    ]
    return "\n".join([*engine(lines), *lines])


def html(sheet: Sheet) -> str:
    """A separate HTML page."""
    return page(
        "table_page.html",
        title=sheet.title,
        caption=sheet.caption,
        unit="",
        tables=[("", of_texts(sheet.header, sheet.rows))],
        notes=sheet.notes,
        provenance=sheet.provenance,
    )
