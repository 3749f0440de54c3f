"""Writes the report as one HTML file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os.path import relpath
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import write_text
from videossl.report import best_task
from videossl.report.collect import FAILED, OK, PENDING, Results
from videossl.report.document import Document
from videossl.report.html import page as filled
from videossl.report.notes import provenance_line
from videossl.report.origin import read_dates, read_provenance
from videossl.report.record import Made, read_record, results_of
from videossl.report.request import CLAIMS
from videossl.report.scale import listed
from videossl.report.site import answers, blocks, claims, filters
from videossl.report.site.blocks import Page, duration
from videossl.report.site.chapters import chapters
from videossl.report.site.claims import Judged
from videossl.report.site.mistakes import videos_of
from videossl.report.site.packing import packed
from videossl.report.site.run_description import Places, Run
from videossl.report.site.run_list import compute, counts, describe, find_runs, shown_in
from videossl.study import titles

PAPER = "A Large-Scale Analysis on Contextual Self-Supervised Video Representation Learning"

INCOMPLETE = "INCOMPLETE: a run failed before all was there. The page of the whole study is made when it has finished."


def write_report(
    records: Sequence[Path],
    results: Path,
    output: Path,
    *,
    title: str = "",
    roots: Mapping[str, str] | None = None,
    incomplete: bool = False,
) -> list[str]:
    """Write the report of the tables, figures and claims whose records are given.

    Returns error messages of files that the page should show but cannot.

    Args:
        records: `<name>.record.json` files, with tables and figures in the same folder.
        results: the results folder, which contains the run folders of the records.
        output: the page. Its links to files are relative to its folder.
        title: of the study; "": the paper's, or the names of the targets if no entry is one of the paper.
        roots: folders of the datasets' videos, to link to misclassified ones.
        incomplete: state at the top that the report is of a failed run.
    """
    if not records:
        raise UserError("the report needs the records of at least one table or figure: results/tables/*.record.json.")
    made = [read_record(path) for path in records]
    entries = {one.name: one for one in made if one.kind != CLAIMS}
    parsed = {name: results_of(one.request, one.provenance) for name, one in entries.items()}
    runs = find_runs(entries.values())
    places = Places(results, _labels(parsed.values()))
    judged = {one.name: claims.judge(one) for one in made if one.kind == CLAIMS}
    data = describe(runs, places, shown_in(entries.values()))
    data["claims"] = {name: found for one in judged.values() for name, found in one.runs.items()}
    data["sentences"] = {one.claim.name: one.claim.sentence for found in judged.values() for one in found.verdicts}
    wanted = [(run["identity"]["target"], video) for run in data["runs"].values() for video in _wrong(run)]
    data["videos"], unreadable = videos_of(wanted, results, output, roots or {})
    data["titles"] = {name: [entries[name].kind, one.spec.title] for name, one in parsed.items()}
    data["results"] = Path(relpath(results, output.parent)).as_posix()
    broken = list(dict.fromkeys([*_damaged(runs, places, judged), *unreadable]))
    found = best_task.answers(parsed.values())
    page = Page(output)
    of_paper = not parsed or any(one.spec.section or one.spec.paper_table for one in parsed.values())
    text = filled(
        "site/report.html",
        title=title or (f"{PAPER}: this study's results" if of_paper else _title(parsed.values(), places.labels)),
        warning=INCOMPLETE if incomplete else "",
        scales=list(dict.fromkeys(one.reduced for one in parsed.values() if one.reduced)),
        answers=answers.table(found, runs, places.labels) if found else None,
        answers_note=answers.NOTE,
        facts=_facts(made, runs, broken),
        chapters=chapters([(name, one.spec.section) for name, one in parsed.items()]),
        entries={name: _block(one, entries[name], page) for name, one in parsed.items()},
        left={name: _left(one) for name, one in parsed.items()},
        judged=[
            claims.block(judged[one.name], one, page)
            for one in made
            if one.kind == CLAIMS and (of_paper or judged[one.name].has_numbers)
        ],
        filters=filters.axes(runs.values(), places.labels),
        runs=blocks.run_list(runs, places.labels),
        data=packed(data),
    )
    write_text(output, text)
    return broken + [run["damaged"] for run in data["runs"].values() if "damaged" in run]


def _block(results: Results, made: Made, page: Page) -> blocks.Block:
    if made.kind == "table":
        return blocks.table(Document.of(results), made, page)
    return blocks.figure(results, made, page)


def _title(found: Iterable[Results], labels: Mapping[str, Mapping[str, str]]) -> str:
    """Title of a study that has none of its own and is not the paper's."""
    targets = {record.identity["target"] for one in found for record in one.records} - {""}
    named = sorted(titles.label("target", target, labels) for target in targets)
    return f"Pretext tasks compared on {listed(named)}" if named else "Pretext tasks compared"


def _wrong(run: Mapping[str, Any]) -> list[str]:
    """Misclassified videos of a described run."""
    return [video for video, *_ in run.get("predictions", {}).get("wrong", [])]


def _left(results: Results) -> str:
    """State of an incomplete table or figure, in a word; "" if it is complete."""
    states = {record.status for record in results.records if record.is_cell}
    return FAILED if FAILED in states else PENDING if PENDING in states else ""


def _labels(found: Any) -> dict[str, dict[str, str]]:
    """Printed names of tasks, networks and datasets from entries. Omits a scale's names of subsets, which only its
    tables use."""
    labels: dict[str, dict[str, str]] = {}
    for one in found:
        for axis in ("task", "backbone", "source", "target"):
            labels.setdefault(axis, {}).update(one.spec.labels.get(axis, {}))
    return labels


def _facts(made: Sequence[Made], runs: Mapping[str, Run], broken: Sequence[str]) -> dict[str, str]:
    """Key facts of the study."""
    kinds = [one.kind for one in made]
    states = counts(runs.values())
    missing = ", ".join(f"{count} {state}" for state, count in states.items() if count and state != OK)
    seconds, gpu_hours = compute(runs.values())
    cells = [{"run_dir": name} for name in runs]
    dates = read_dates(cells)
    return {
        "Shown": f"{kinds.count('table')} tables, {kinds.count('figure')} figures",
        "Runs": f"{states[OK]} finished" + (f", {missing}" if missing else ", none failed or pending"),
        "Computed": f"{duration(seconds)} of wall time in all, {gpu_hours:.1f} GPU-hours",
        "Finished": blocks.period(dates) if dates else "not recorded by these runs",
        "Origin": provenance_line(read_provenance(cells)),
        **({"Damaged": " ".join(broken)} if broken else {}),
    }


def _damaged(runs: Mapping[str, Run], places: Places, judged: Mapping[str, Judged]) -> list[str]:
    """Error messages of damaged runs, manifests and inputs of claims, each once."""
    found = [run.problem for run in runs.values()] + places.damaged
    found += [reason for one in judged.values() for reason in one.left_out]
    return [text for text in dict.fromkeys(found) if text]
