"""The whole report as one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import write_text
from videossl.report.collect import FAILED, OK, PENDING, Results
from videossl.report.document import Document
from videossl.report.notes import provenance_line
from videossl.report.origin import read_dates, read_provenance
from videossl.report.record import Made, read_record, results_of
from videossl.report.request import CLAIMS
from videossl.report.site import blocks, claims
from videossl.report.site.blocks import Page, duration
from videossl.report.site.chapters import Chapter, chapters
from videossl.report.site.run import Places, Run
from videossl.report.site.runs import compute, counts, describe, find_runs, shown_in

PAPER = "A Large-Scale Analysis on Contextual Self-Supervised Video Representation Learning"

INCOMPLETE = "INCOMPLETE: a run failed before all was there. The page of the whole study is made when it has finished."


def write_report(records: Sequence[Path], results: Path, output: Path, *, incomplete: bool = False) -> list[str]:
    """Write the report of the tables, figures and claims whose records are given; returns what is wrong with files that
    it would show.

    Args:
        records: `<name>.record.json` files; tables and figures lie beside them.
        results: the folder of the results; run folders in the records lie in it.
        output: the page. Its links to files hold as long as it lies where it is written.
        incomplete: say at the top that this is the page of a run that failed.
    """
    if not records:
        raise UserError("the report needs the records of at least one table or figure: results/tables/*.record.json.")
    made = [read_record(path) for path in records]
    entries = {one.name: one for one in made if one.kind != CLAIMS}
    parsed = {name: results_of(one.request, one.provenance) for name, one in entries.items()}
    runs = find_runs(entries.values())
    places = Places(results, _labels(parsed.values()))
    page = Page(output)
    judged = {one.name: claims.judge(one) for one in made if one.kind == CLAIMS}
    data = describe(runs, places, shown_in(entries.values()))
    data["claims"] = {name: found for _, by_name, _ in judged.values() for name, found in by_name.items()}
    data["sentences"] = {verdict.claim.name: verdict.claim.sentence for one, _, _ in judged.values() for verdict in one}
    data["titles"] = {name: [entries[name].kind, one.spec.title] for name, one in parsed.items()}
    data["results"] = Path(blocks.relpath(results, output.parent)).as_posix()
    broken = _damaged(runs, places, judged)
    order = chapters([(name, one.spec.section) for name, one in parsed.items()])
    body = [
        _contents(order, parsed, entries, bool(judged)),
        "<main>",
        _opening(made, parsed, runs, judged, broken, incomplete),
    ]
    for chapter in order:
        body.append(f'<h2 id="{chapter.anchor}">{escape(chapter.title)}</h2>')
        for name in chapter.entries:
            if entries[name].kind == "table":
                body.append(blocks.table(Document.of(parsed[name]), entries[name], page))
            else:
                body.append(blocks.figure(parsed[name], entries[name], page))
    body += [claims.block(*judged[one.name], one, page) for one in made if one.kind == CLAIMS]
    body += [_runs(runs, places), "</main>"]
    write_text(output, _document(body, data))
    return broken + [run["damaged"] for run in data["runs"].values() if "damaged" in run]


def _labels(found: Any) -> dict[str, dict[str, str]]:
    """The printed names of tasks and datasets that entries give; a scale's names of subsets are for its tables."""
    labels: dict[str, dict[str, str]] = {}
    for one in found:
        for axis in ("task", "source", "target"):
            labels.setdefault(axis, {}).update(one.spec.labels.get(axis, {}))
    return labels


def _opening(
    made: Sequence[Made],
    parsed: Mapping[str, Results],
    runs: Mapping[str, Run],
    judged: Mapping[str, Any],
    broken: Sequence[str],
    incomplete: bool,
) -> str:
    """What this is, and the study in a few numbers."""
    kinds = [one.kind for one in made]
    states = counts(runs.values())
    missing = ", ".join(f"{count} {state}" for state, count in states.items() if count and state != OK)
    seconds, gpu_hours = compute(runs.values())
    cells = [{"run_dir": name} for name in runs]
    dates = read_dates(cells)
    facts = {
        "Shown": f"{kinds.count('table')} tables, {kinds.count('figure')} figures",
        "Runs": f"{states[OK]} finished" + (f", {missing}" if missing else ", none failed or pending"),
        "Computed": f"{duration(seconds)} of wall time in all, {gpu_hours:.1f} GPU-hours",
        "Finished": blocks.period(dates) if dates else "not recorded by these runs",
        "Origin": provenance_line(read_provenance(cells)),
        **({"Damaged": " ".join(broken)} if broken else {}),
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    verdicts = "".join(
        f'<dt>Claims</dt><dd><a href="#claims-claims">{claims.tally(found)}</a></dd>' for found, _, _ in judged.values()
    )
    scales = dict.fromkeys(one.reduced for one in parsed.values() if one.reduced)
    scale = "".join(
        f'<p class="scale">{escape(mark)}: numbers are not to be compared with the paper\'s cell by cell</p>'
        for mark in scales
    )
    warning = f'<p class="incomplete">{INCOMPLETE}</p>' if incomplete else ""
    return f"""<header>
<h1>{escape(PAPER)}: this study's results</h1>
{warning}{scale}
<dl class="facts">{rows}{verdicts}</dl>
<p>Each number opens the run that it comes from: recipe, metrics, training curve, log, predictions and files.
Headers of columns sort. Brackets hold 95 % intervals. <span class="pending">pending</span> has not run,
<span class="failed">failed</span> stopped with an error, – is not part of the experiment.</p>
</header>"""


def _damaged(runs: Mapping[str, Run], places: Places, judged: Mapping[str, Any]) -> list[str]:
    """What is wrong with files that the page would show, each once: of runs, of manifests, of what claims are from."""
    found = [run.problem for run in runs.values()] + places.damaged
    found += [reason for _, _, left_out in judged.values() for reason in left_out]
    return [text for text in dict.fromkeys(found) if text]


def _contents(
    order: Sequence[Chapter], parsed: Mapping[str, Results], entries: Mapping[str, Made], has_claims: bool
) -> str:
    lines = ['<nav aria-label="Contents"><details open><summary>Contents</summary>']
    for chapter in order:
        lines.append(f'<p><a href="#{chapter.anchor}">{escape(chapter.title)}</a></p><ul>')
        for name in chapter.entries:
            kind, results = entries[name].kind, parsed[name]
            states = {record.status for record in results.records if record.is_cell}
            left = FAILED if FAILED in states else PENDING if PENDING in states else ""
            mark = f' <span class="{left}">{left}</span>' if left else ""
            title = f'<a href="#{kind}-{escape(name)}">{escape(results.spec.title)}</a>'
            lines.append(f'<li class="{kind}">{title}{mark}</li>')
        lines.append("</ul>")
    if has_claims:
        lines.append('<p><a href="#claims-claims">What the paper finds</a></p>')
    return "\n".join([*lines, '<p><a href="#runs">All runs</a></p></details></nav>'])


def _runs(runs: Mapping[str, Run], places: Places) -> str:
    return f"""<h2 id="runs">All runs</h2>
<details id="all-runs"><summary>The {len(runs)} runs of the study</summary>
<p><label>Show only runs with <input type="search" id="filter" placeholder="for example rspnet r2plus1d"></label>
<span id="filtered" role="status"></span></p>
{blocks.run_list(runs, places.labels)}
</details>"""


def _document(body: Sequence[str], data: Mapping[str, Any]) -> str:
    here = files(__package__)
    css, script = ((here / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    # In a script element nothing but the end of the element has a meaning.
    embedded = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(PAPER)}: results</title>
<style>
{css}</style>
</head>
<body>
{chr(10).join(body)}
<dialog id="dialog" aria-labelledby="dialog-title"><div class="bar"><h2 id="dialog-title"></h2>
<button type="button" id="close">Close</button></div><div id="dialog-body"></div></dialog>
<script type="application/json" id="data">{embedded}</script>
<script>
{script}</script>
</body>
</html>
"""
