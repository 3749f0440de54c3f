"""Notes below a table or figure: meaning of the numbers, missing numbers, provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videossl.common.results import CONDITION, is_fraction
from videossl.data.classes import read_gaps
from videossl.data.labelled import read_labelled
from videossl.report.collect import FAILED, OK, PENDING, Record, Results, describe
from videossl.report.comparison import other_numbers
from videossl.report.flattening import flattening_notes
from videossl.report.gains import is_paired
from videossl.report.numbers import number
from videossl.report.over_seeds import ONE_SEED, SEEDS_ALONE, SEEDS_AND_VIDEOS, SEEDS_OF_ONE, of_places, over_seeds
from videossl.report.paper import asked_for
from videossl.report.pretrainings import pretraining_notes
from videossl.report.spec import Spec
from videossl.report.tables import NOT_ZERO
from videossl.stages.registry import names, stage
from videossl.study import titles

PRETRAINING = "pretrain"
"""The stage whose numbers are computed on held-out samples of the source, not on test videos of a target."""
OF_THE_PAPER = "state_of_the_art.csv"
"""The file with the published results that the paper itself lists."""
_SPLITS = {"val": "validation"}
PAPER_BLOCK_TITLE = "The paper's values, at its scale; not comparable cell by cell"


def unit_line(results: Results) -> str:
    """Metric and unit of the entries, e.g. "Top-1 accuracy, percent"."""
    percent = ", percentage points" if results.spec.gain else ", percent"
    names = [titles.label("metric", m) + (percent if is_fraction(m) else "") for m in results.metrics]
    text = "; ".join(names)
    return text[:1].upper() + text[1:]


def notes(results: Results, *, span_marks: bool = False, drawn: bool = False) -> list[str]:
    """Notes of one or two sentences each.

    Args:
        span_marks: the format cannot merge columns and marks repeated entries with an arrow.
        drawn: the rendering is a figure, with error bars instead of brackets.
    """
    return [
        *([results.spec.subsets_here] if drawn and results.spec.subsets_here else []),
        *_interval(results, drawn),
        *_ranks(results),
        *_test_videos(results),
        *_missing_classes(results),
        *_short_classes(results),
        *flattening_notes(results),
        *pretraining_notes(results.spec, _pretrainings(results)),
        *([results.spec.left_out] if results.spec.left_out else []),
        *_missing(results),
        *_baseline(results, span_marks, drawn),
        *_paper(results, drawn),
    ]


def provenance_line(provenance: Mapping[str, Any]) -> str:
    """Commit, configuration, seed and hardware on one line, in the order given; "" if nothing is known."""
    items = []
    for key, value in provenance.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        items.append(f"{key.replace('_', ' ')}: {text}")
    return " · ".join(items)


def _interval(results: Results, drawn: bool) -> list[str]:
    """What the intervals hold: with one seed, only the choice of test videos."""
    places = of_places(record for record in results.records if record.status == OK)
    means = [(records, mean) for records in places if (mean := over_seeds(records)).low is not None]
    if not means:
        return []
    shares = all(is_fraction(metric) and "relative" not in metric for metric in results.metrics)
    kind = "Wilson interval" if shares and not results.spec.gain else "interval"
    held_out = all(record.identity["stage"] == PRETRAINING for records, _ in means for record in records)
    videos = "held-out samples" if held_out else "test videos"
    of_one = f"95 % {kind} over the {videos}{_how_paired(results)}"
    bars = "Error bars" if drawn else "Brackets"
    if {mean.holds for _, mean in means} == {ONE_SEED} and len({r.identity["seed"] for r in results.records}) == 1:
        return [f"{bars}: {of_one}; one seed, so the randomness of training is not in it."]
    told = {
        SEEDS_AND_VIDEOS: f"95 % interval of the mean over seeds; it holds the randomness of training and the choice of"
        f" {videos} (hierarchical bootstrap; Student's t for the few seeds)",
        SEEDS_ALONE: "95 % t-interval over the seeds; it holds the randomness of training, but not the choice of"
        f" {videos}, as results of single ones are not stored",
        SEEDS_OF_ONE: f"95 % interval of the difference; it holds the choice of {videos} and the randomness of"
        " training, which is taken for as large as between the seeds from scratch (hierarchical bootstrap; Student's t"
        " for the few seeds)",
        ONE_SEED: f"{of_one}, where there is one seed; the randomness of training is not in it",
    }
    held = {mean.holds for _, mean in means}
    return [f"{bars}: {'. Or: '.join(text for holds, text in told.items() if holds in held)}."]


def _ranks(results: Results) -> list[str]:
    """What the ranks say."""
    axes = [titles.axis_label(axis).lower() for axis in results.spec.rank]
    if not axes:
        return []
    return [
        f"Rank: among the pretrained networks that differ only in {' and '.join(axes)}; in brackets the ranks that the"
        " 95 % intervals of the differences in pairs leave open (not widened for the number of comparisons)."
    ]


def _pairs(results: Results) -> str:
    """What is compared with what in gains."""
    if any(record.holds == SEEDS_OF_ONE for record in results.records):
        return " (the mean over more seeds of it than of pretrained networks), paired video by video"
    return ", paired seed by seed and video by video"


def _how_paired(results: Results) -> str:
    """How the intervals of the gains of single seeds were calculated."""
    if not results.spec.gain:
        return ""
    paired = {is_paired(record) for record in results.records if record.status == OK and record.low is not None}
    if paired == {True}:
        return " (paired bootstrap)"
    how = "from the intervals of both networks (Newcombe), as results of single videos are not stored"
    return f" ({how})" if paired == {False} else f" (paired bootstrap; for some gains {how})"


def _test_videos(results: Results) -> list[str]:
    """Number of test videos and chance level of each target and metric."""
    lines = []
    cells = [record for record in results.records if record.is_cell]
    measured = [record for record in cells if record.status == OK and _is_tested(record.identity["stage"])]
    for target, metric in dict.fromkeys((r.identity["target"], r.identity["metric"]) for r in measured):
        fitting = [r for r in measured if (r.identity["target"], r.identity["metric"]) == (target, metric)]
        counts = sorted({r.n for r in fitting})
        count = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
        unit = " %" if is_fraction(metric) else ""
        chances = sorted({number(metric, r.chance) for r in fitting if r.chance is not None})
        chance = f"; chance level {' to '.join(chances)}{unit}" if chances and not results.spec.chance else ""
        name = results.spec.label("target", target) if target else "Held-out videos"
        which = f" ({titles.label('metric', metric)})" if len(results.metrics) > 1 else ""
        of = "samples of" if fitting[0].identity["stage"] == PRETRAINING else ""
        split = _SPLITS.get(fitting[0].split, fitting[0].split)
        lines.append(f"{name}{which}: n = {count} {of} {split} videos{chance}.".replace("  ", " "))
    if any(record.identity["stage"] == PRETRAINING for record in measured):
        lines.append("A task may take several samples from each video; the interval takes them for independent.")
    return lines or ["Number of test videos and chance level: pending, no cell has finished."]


def _missing_classes(results: Results) -> list[str]:
    """Classes without videos as recorded by the runs, once per target."""
    found = {
        (record.identity["target"], text): None
        for record in results.records
        if record.status == OK and record.identity["target"]
        for run in record.runs
        if (text := read_gaps(Path(run) / "run.json").summary())
    }
    return [f"{results.spec.label('target', target)}: {text}." for target, text in found]


def _short_classes(results: Results) -> list[str]:
    """Classes with fewer labelled videos than asked for, once per target and number of labels."""
    found = {
        (record.identity["target"], text): None
        for record in results.records
        if record.status == OK and record.identity["labels"]
        for run in record.runs
        if (text := read_labelled(Path(run) / "run.json").summary())
    }
    return [f"{results.spec.label('target', target)}: {text}." for target, text in found]


def _pretrainings(results: Results) -> list[str]:
    """Folders of the pretrainings behind the measured numbers."""
    return [folder for record in results.records if record.status == OK for folder in record.pretrainings]


def _missing(results: Results) -> list[str]:
    cells, lines = [record for record in results.records if record.is_cell], []
    total = len(cells)
    pending = Counter(record.reason for record in cells if record.status == PENDING)
    failed = [record for record in cells if record.status == FAILED]
    for reason, count in pending.items():
        lines.append(f"pending: {reason or 'not run yet, or still running'} ({count} of {total} cells).")
    if failed:
        reasons = "; ".join(f"{describe(results.spec, record)}: {record.reason.rstrip('.')}" for record in failed)
        lines.append(f"failed ({len(failed)} of {total} cells): {reasons}.")
    return lines


def _baseline(results: Results, span_marks: bool, drawn: bool) -> list[str]:
    if results.spec.gain:
        return [
            f"Gain: the number minus that of the same network and protocol from random initialisation{_pairs(results)}."
            f" {NOT_ZERO}: the interval does not contain 0 (not widened for the number of"
            " comparisons)."
        ]
    if not any(record.is_baseline for record in results.records):
        return []
    mark = " ← is the value at its left: it belongs to all these columns." if span_marks else ""
    mark = " The band is its interval." if drawn else mark
    return [f"{titles.BASELINE_LABEL}: the same network and protocol from random initialisation.{mark}"]


def _paper(results: Results, drawn: bool) -> list[str]:
    if results.spec.published:
        if Path(results.spec.published).name != OF_THE_PAPER:
            return [f"Published results: as listed in {Path(results.spec.published).name}; not measured here."]
        listed = "Published results: as the paper's Tables 5 and 17 list them; not measured here."
        return [f"{listed} * and † are marks of Table 17, which does not explain them."]
    if not results.has_paper_values:
        printed = [record.paper_elsewhere for record in results.records if record.paper_elsewhere]
        if not printed:
            return ["The paper has no values for these cells."]
        places = "; ".join(dict.fromkeys(printed))
        return [f"Not compared with the paper, which has values for {len(printed)} of these cells: {places}."]
    drawn_so = ", drawn with hollow markers" if drawn and not results.reduced else ""
    source = f"Paper: {'; '.join(_places(results))}; percentages as printed there{drawn_so}."
    return [source, *_choices(results), *(_several_in_short(results) if drawn else _several_values(results))]


def _places(results: Results) -> list[str]:
    """Where the paper prints the numbers: the entry's own table first."""
    own = [results.paper_source] if results.paper_source else []
    return list(
        dict.fromkeys(
            [*own, *(r.paper_elsewhere for r in results.records if r.paper is not None and r.paper_elsewhere)]
        )
    )


def _choices(results: Results) -> list[str]:
    """What the paper does not say about its numbers, so that the cells beside them are our choice."""
    spec, chosen = results.spec.as_in_paper(), {}
    for record in results.records:
        for axis in record.unstated:
            name = spec.label(axis, record.paper_identity[axis])
            of = f" of {spec.label('source', record.paper_identity['source'])}" if axis == "subset" else ""
            chosen.setdefault(axis, {})[f"{name}{of}"] = None
    said = "; ".join(f"{titles.CHOICES[axis]} ({', '.join(names)})" for axis, names in chosen.items())
    return [f"Our choice, as the paper does not state it: {said}."] if said else []


def _several_values(results: Results) -> list[str]:
    """A note for each cell that the paper prints with different values."""
    return [
        f"Note {letter} ({_cell_of_paper(results.spec, record)}): the paper also prints {other_numbers(record)}."
        for letter, record in _lettered(results).items()
    ]


def _lettered(results: Results) -> dict[str, Record]:
    """The first record of each cell that the paper prints with different values, by the letter of its note."""
    found: dict[str, Record] = {}
    for record in results.records:
        if record.paper_letter:
            found.setdefault(record.paper_letter, record)
    return found  # letters are given in the order of the records


def _cell_of_paper(spec: Spec, record: Record) -> str:
    """Description of a cell as the paper sees it, which has one accuracy without noise for all kinds of noise."""
    clean = asked_for(record.paper_identity, record.identity["metric"])[0]
    axes = [axis for axis in spec.axes if axis not in CONDITION or clean[axis]]
    return describe(spec.as_in_paper(), record, axes)


def _several_in_short(results: Results) -> list[str]:
    """The same in one sentence, for figures."""
    found = _lettered(results)
    if not found:
        return []
    most = max(abs(other.value - record.paper) for record in found.values() for other in record.paper_others)
    metric = next(iter(found.values())).identity["metric"]
    points = " points" if is_fraction(metric) else ""
    return [
        f"For {len(found)} of these cells, other tables of the paper print different values; the largest difference is"
        f" {number(metric, most)}{points}."
    ]


def _is_tested(name: str) -> bool:
    """Whether a stage's numbers are computed on test videos."""
    return name not in names() or stage(name).is_tested
