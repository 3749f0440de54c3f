"""The parts of the page: a table, a figure, the numbers behind a figure, the list of runs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

from videossl.common.results import is_fraction
from videossl.report import html
from videossl.report.collect import FAILED, OK, QUOTED, Record, Results, describe
from videossl.report.document import Document
from videossl.report.notes import notes, provenance_line, unit_line
from videossl.report.record import Made
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.site.run import Run
from videossl.report.tables import ABSENT, DASH, Entry, number


@dataclass(frozen=True)
class Page:
    """The page that is written: where it lies decides how its links are written."""

    path: Path

    def link(self, target: Path, text: str) -> str:
        """A link to a file, from the page's own folder; nothing where there is no such file."""
        if not target.is_file():
            return ""
        return f'<a href="{quote(Path(relpath(target, self.path.parent)).as_posix())}">{escape(text)}</a>'


def run_link(runs: Sequence[str], text: str, kind: str = "") -> str:
    """A link that opens one run or several; the text alone where there is none."""
    if not runs:
        return f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text)
    target = quote(",".join(runs), safe="/,+=-_.")
    classes = f"run {kind}".strip()
    return f'<a class="{classes}" href="#run/{target}">{escape(text)}</a>'


def difference(entry: Entry) -> str:
    """How far the measured value is from the paper's, in the unit that is printed."""
    if entry.status != OK or entry.paper is None:
        return ""
    if is_fraction(entry.metric):
        return f" ({100 * (entry.value - entry.paper):+z.1f})"
    return f" ({entry.value - entry.paper:+.3g})"


def table(document: Document, made: Made, page: Page) -> str:
    """A table with its caption, the paper's values, notes, origin and files."""

    def cell(entry: Entry) -> str:
        kind = "" if entry.status in (OK, ABSENT) else html.state(entry)
        content = run_link(entry.runs, entry.main, kind)
        if entry.status == FAILED:
            content += "".join(f' <span class="reason">{escape(reason)}</span>' for reason in entry.reasons[:1])
        if entry.detail:
            content += f' <span class="ci">{escape(entry.detail)}</span>'
        if document.paper_beside:
            text = f"paper {entry.paper_text}{difference(entry)}"
            content += f' <span class="paper">{escape(text)}</span>'
        return content

    parts = [
        f'<p class="unit">{escape(document.unit)}</p>',
        html.table(document.grid, cell, sortable=True),
    ]
    if document.paper_grid:
        parts.append(f"<h4>{escape(document.paper_title)}</h4>")
        parts.append(html.table(document.paper_grid, lambda entry: escape(entry.paper_text), sortable=True))
    files = [page.link(made.path.with_name(made.name + suffix), suffix[1:].upper()) for suffix in TABLE_SUFFIXES]
    return _block(document.results, made, page, parts, _list(document.notes()), files)


def figure(results: Results, made: Made, page: Page) -> str:
    """A figure with its caption, the numbers behind it, origin and files."""
    image = made.path.with_name(f"{made.name}.png")
    if image.is_file():
        data = base64.b64encode(image.read_bytes()).decode()
        alt = escape(f"{results.title}. {results.spec.caption}", quote=True)
        # Wide figures keep a readable size on a phone, and scroll.
        drawn = f'<div class="wide figure" tabindex="0"><img src="data:image/png;base64,{data}" alt="{alt}"></div>'
    else:
        drawn = '<p class="pending">not drawn yet</p>'
    parts = [drawn]
    cells = [record for record in results.records if record.is_cell]
    if cells:
        parts.append(
            f'<details class="numbers"><summary>The {len(cells)} numbers behind this figure</summary>'
            f"<p>{escape(unit_line(results))}</p>{_numbers(results, cells)}{_list(notes(results))}</details>"
        )
    files = [page.link(made.path.with_name(made.name + suffix), suffix[1:].upper()) for suffix in (".png", ".pdf")]
    return _block(results, made, page, parts, "", files)


def simple_table(header: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]], kind: str = "") -> str:
    """A sortable table; a cell is its HTML and what it is sorted by ("": its text)."""
    head = "".join(f'<th scope="col" data-column="{i}">{html.sort_button(name)}</th>' for i, name in enumerate(header))
    lines = [f'<div class="wide"><table class="sortable {kind}"><thead><tr>{head}</tr></thead><tbody>']
    for row in rows:
        cells = []
        for name, (content, key) in zip(header, row, strict=True):
            value = f' data-v="{escape(key, quote=True)}"' if key else ""
            cells.append(f'<td data-label="{escape(name, quote=True)}"{value}>{content}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody></table></div>"])


def run_list(runs: Mapping[str, Run], labels: Mapping[str, Mapping[str, str]]) -> str:
    """Every run of the study, a row each."""
    rows = []
    for name, run in runs.items():
        first = run.metrics[0] if run.metrics else ["", "", "", "", "", 0, ""]
        seconds = run.record.get("wall_seconds")
        kind = "" if run.status == OK else run.status
        rows.append(
            [
                (run_link([name], run.title(labels)), ""),
                (f'<span class="{kind}">{run.status}</span>', ""),
                (escape(first[0]), ""),
                (escape(f"{first[3]} {first[4]}".strip()), first[3]),
                (duration(seconds) if seconds is not None else DASH, "" if seconds is None else str(seconds)),
                (f"<code>{escape(run.record.get('recipe_hash', DASH))}</code>", ""),
            ]
        )
    return simple_table(("Run", "Status", "Metric", "Value", "Wall time", "Recipe"), rows, "runs")


def period(dates: Mapping[str, str]) -> str:
    """From the first to the last date (ISO 8601, UTC), to the minute."""
    first, last = (dates[key][:16].replace("T", " ") for key in ("first", "last"))
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last[11:] if last[:10] == first[:10] else last} UTC"


def duration(seconds: float) -> str:
    """A time in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _numbers(results: Results, cells: Sequence[Record]) -> str:
    beside = results.has_paper_values and not results.reduced
    several = len(results.metrics) > 1
    header = ["Cell", *(["Metric"] if several else []), "Value", "95 % interval", *(["Paper"] if beside else []), "n"]
    rows = []
    for record in cells:
        if record.status == QUOTED:
            continue
        metric = record.identity["metric"]
        done = record.status == OK
        value = number(metric, record.value) if done else record.status
        interval = f"[{number(metric, record.low)}, {number(metric, record.high)}]" if record.low is not None else ""
        entry = Entry(record.status, metric, record.value, paper=record.paper)
        row = [(escape(describe(results.spec, record)), "")]
        row += [(escape(results.spec.label("metric", metric)), "")] if several else []
        row.append((run_link(record.runs, value, "" if done else record.status), repr(record.value) if done else ""))
        row.append((escape(interval), repr(record.low) if record.low is not None else ""))
        row += [(escape(entry.paper_text + difference(entry)), repr(record.paper or ""))] if beside else []
        row.append((str(record.n or ""), ""))
        rows.append(row)
    return simple_table(header, rows, "numbers")


def _block(results: Results, made: Made, page: Page, parts: Sequence[str], foot: str, files: Sequence[str]) -> str:
    spec = results.spec
    scale = f'<p class="scale">{escape(results.reduced)}</p>' if results.reduced else ""
    caption = f'<p class="caption">{escape(spec.caption)}</p>' if spec.caption else ""
    return "\n".join(
        [
            f'<section class="entry" id="{made.kind}-{escape(made.name)}">',
            heading(made, spec.title),
            scale,
            caption,
            *parts,
            foot,
            origin(made, page, files),
            "</section>",
        ]
    )


def heading(made: Made, title: str) -> str:
    """The title with a link to itself."""
    anchor = f"{made.kind}-{escape(made.name)}"
    return f'<h3>{escape(title)} <a class="anchor" href="#{anchor}" aria-label="link to this {made.kind}">#</a></h3>'


def origin(made: Made, page: Page, files: Sequence[str]) -> str:
    """Where the numbers come from, when the runs finished, how it is built again and its files."""
    target = "table_claims" if made.kind == "claims" else f"{made.kind}_{made.name}"
    lines = [escape(provenance_line(made.provenance))]
    if made.finished:
        lines.append(f"runs finished: {escape(period(made.finished))}")
    lines.append(f"built by: <code>snakemake {escape(target)}</code>")
    files = [*files, page.link(made.path, "record")]
    lines.append("files: " + ", ".join(file for file in files if file))
    return '<p class="origin">' + " · ".join(line for line in lines if line) + "</p>"


def _list(lines: Sequence[str]) -> str:
    return '<ul class="notes">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
