"""Arranges records in a grid of rows and columns. Independent of file formats."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from videossl.common.errors import UserError
from videossl.report.collect import FAILED, OK, PENDING, QUOTED, Record, Results
from videossl.report.gains import PRETRAINING_AXES
from videossl.report.numbers import number
from videossl.report.over_seeds import over_seeds
from videossl.report.published import MARKS, ROW_LEVELS
from videossl.report.ranks import Rank, ranks
from videossl.report.spec import AXES, Spec
from videossl.study import titles
from videossl.study.availability import in_short

ABSENT = "absent"
DASH = "–"
NOT_ZERO = "*"
"""Mark of a gain whose interval does not contain 0."""
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Entry:
    """One place of a grid: the mean over seeds, its rank if the table has ranks, and the paper's number.

    `low` and `high` are its interval (:func:`videossl.report.over_seeds.over_seeds`). `span` is the number of columns.
    `runs` are the folders of the runs, including missing ones, and `reasons` why some of them failed.
    """

    status: str = ABSENT
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: int = 0
    seeds_planned: int = 0
    paper: float | None = None
    span: int = 1
    paper_letter: str = ""
    """Letter of the note about other numbers that the paper prints of the same cell."""
    chance: float | None = None  # if printed in the table
    runs: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    rank: Rank | None = None

    @property
    def main(self) -> str:
        """The number as printed, or a word that says why it is missing."""
        if self.status == OK:
            return number(self.metric, self.value) + (NOT_ZERO if self.is_marked else "")
        return DASH if self.status == ABSENT else missing(self.status, self.reasons)

    @property
    def is_marked(self) -> bool:
        """Whether it is a gain whose interval does not contain 0."""
        known = self.metric.startswith(titles.GAIN) and self.low is not None and self.high is not None
        return known and not self.low <= 0 <= self.high

    @property
    def detail(self) -> str:
        """Interval in brackets, rank, and how many seeds have finished if some have not; "" if there is none."""
        if self.status != OK:
            return ""
        parts = []
        if self.chance is not None:
            parts.append(f"(chance {number(self.metric, self.chance)})")
        if self.low is not None and self.high is not None:
            low, high = number(self.metric, self.low), number(self.metric, self.high)
            parts.append(f"[{low}, {high}]")
        if self.rank is not None:
            parts.append(self.rank.text)
        if self.seeds < self.seeds_planned:
            parts.append(f"({self.seeds} of {self.seeds_planned} seeds)")
        return " ".join(parts)

    @property
    def text(self) -> str:
        """Number and interval on one line."""
        return f"{self.main} {self.detail}".strip()

    @property
    def paper_text(self) -> str:
        """The paper's number as printed, and its note; a dash if it has none."""
        return ", ".join(part for part in (self.paper_number, self.paper_note) if part)

    @property
    def paper_number(self) -> str:
        """The paper's number as printed; a dash if it has none."""
        return DASH if self.paper is None else number(self.metric, self.paper)

    @property
    def paper_note(self) -> str:
        """The note that the paper's number refers to; "" if there is none."""
        return f"note {self.paper_letter}" if self.paper_letter else ""


@dataclass(frozen=True)
class Grid:
    """A pivoted table. Labels have one part per level; the spans of a row's entries add up to the number of columns."""

    row_levels: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Entry, ...]], ...]

    @property
    def entries(self) -> list[Entry]:
        """All entries, row by row."""
        return [entry for _, entries in self.rows for entry in entries]

    def header(self) -> list[list[tuple[str, int]]]:
        """Header lines from the top, as (label, span). Equal neighbours under one parent are merged, except on the last
        line."""
        lines = []
        for level in range(len(self.columns[0])):
            line: list[tuple[tuple[str, ...], int]] = []
            for column in self.columns:
                prefix = column[: level + 1]
                last = level == len(self.columns[0]) - 1
                if line and line[-1][0] == prefix and not last:
                    line[-1] = (prefix, line[-1][1] + 1)
                else:
                    line.append((prefix, 1))
            lines.append([(prefix[-1], span) for prefix, span in line])
        return lines


def missing(status: str, reasons: Sequence[str]) -> str:
    """The word for a missing number: `failed`, or `pending` and, if the cell cannot be run, the reason in short."""
    return f"{status}: {in_short(reasons[0])}" if status == PENDING and reasons else status


def build_grid(results: Results, *, paper: bool = False) -> Grid:
    """Pivot the records; with `paper`, use the paper's names of the axes."""
    if results.spec.published:
        return _below_published(results)
    return _pivot(results, paper)


def _below_published(results: Results) -> Grid:
    """Published rows and the entry's own cells, in the columns of the published table.

    An own cell is below the published rows of the same approach, or at the end if there are none.
    """
    spec, own = results.spec, _pivot(results, False)
    published = {record.published for record in results.records if record.published}
    targets = spec.order("target", {record.identity["target"] for record in results.records if record.is_cell})
    values = {(r.published.labels, r.identity["target"]): r.paper for r in results.records if r.published}
    listed = sorted(published, key=lambda row: row.number)
    below: dict[int | None, list[tuple[tuple[str, ...], tuple[Entry, ...]]]] = {None: []}
    for row in listed:
        found = [values.get((row.labels, target)) for target in targets]
        entries = tuple(Entry() if v is None else Entry(OK, "top1", v, seeds=1) for v in found)
        below[row.number] = [(row.labels, entries)]
    group = "Measured here" + (", reduced scale: not comparable" if results.reduced else "")
    clip = spec.labels.get("input", {}).get("clip", DASH)
    for (task, teachers, backbone, source, subset), entries in own.rows:
        approach = task if teachers == titles.NO_TEACHERS else f"{task}, student of {teachers}"
        place = max((row.number for row in listed if row.approach.rstrip(MARKS) == approach), default=None)
        below[place].append(((group, approach, DASH, clip, backbone, f"{source}, {subset}"), entries))
    at_the_end = below.pop(None)
    rows = itertools.chain(*(below[row.number] for row in listed), at_the_end)
    return Grid(ROW_LEVELS, own.columns, tuple(rows))


def _pivot(results: Results, paper: bool) -> Grid:
    spec = results.spec.as_in_paper() if paper else results.spec

    def identity(record: Record) -> dict[str, Any]:
        return record.paper_identity if paper else record.identity

    # At a reduced scale, quoted numbers are shown only in the paper's grid.
    shown = [r for r in results.records if r.status != QUOTED or paper or not results.reduced]
    shown = [record for record in shown if not record.published]
    pretrained = [record for record in shown if not record.is_baseline]
    baseline = [record for record in shown if record.is_baseline]
    row_keys = _keys(spec, spec.rows, [identity(record) for record in pretrained])
    column_keys = _keys(spec, spec.columns, [identity(record) for record in pretrained])
    places: dict[tuple[Key, Key], list[Record]] = {}
    for record in pretrained:
        place = tuple(tuple(identity(record)[axis] for axis in axes) for axes in (spec.rows, spec.columns))
        places.setdefault(place, []).append(record)

    columns = [_column_label(spec, key) for key in column_keys]
    ranked = ranks(spec, places) if spec.rank and not paper else {}
    rows = [
        (
            _labels(spec, spec.rows, row),
            [replace(merge(spec, places.get((row, key), [])), rank=ranked.get((row, key))) for key in column_keys],
        )
        for row in row_keys
    ]
    if baseline:
        find = _baseline_finder(spec, baseline, identity)
        if _has_pretraining_axis(spec.rows):
            rows = _baseline_rows(spec, row_keys, column_keys, find) + rows
        elif _has_pretraining_axis(spec.columns):
            new, finds = _baseline_columns(spec, column_keys)
            columns = new + columns
            rows = [
                (
                    label,
                    [find({**dict(zip(spec.rows, key, strict=True)), **part}) for part in finds] + entries,
                )
                for key, (label, entries) in zip(row_keys, rows, strict=True)
            ]
        else:
            raise UserError(
                f"'{spec.name}' shows the baseline without pretraining, so `rows` or `columns` must name one "
                f"of {', '.join(PRETRAINING_AXES)}: add `task`, or set `baseline: false`."
            )
    levels = tuple(titles.axis_label(axis) for axis in spec.rows)
    return Grid(levels, tuple(columns), tuple((label, tuple(entries)) for label, entries in rows))


def _keys(spec: Spec, axes: Sequence[str], identities: list[Mapping[str, Any]]) -> list[Key]:
    """The distinct keys along `axes`, in printing order."""
    ranks = {axis: spec.order(axis, {identity[axis] for identity in identities}) for axis in axes}
    keys = {tuple(identity[axis] for axis in axes) for identity in identities}
    return sorted(keys, key=lambda key: [ranks[a].index(value) for a, value in zip(axes, key, strict=True)])


def _labels(spec: Spec, axes: Sequence[str], key: Key) -> tuple[str, ...]:
    return tuple(spec.label(axis, value) for axis, value in zip(axes, key, strict=True))


def _column_label(spec: Spec, key: Key) -> tuple[str, ...]:
    """Column label with one part per level; tasks have an additional level for their group, if there are groups."""
    label: list[str] = []
    for axis, value in zip(spec.columns, key, strict=True):
        if axis == "task" and spec.groups:
            label.append(spec.groups.get(value, "").capitalize())
        # Leave the heading empty if the axis does not apply to the number (the task of a network's size, for example).
        heading = axis != spec.columns[-1] and axis != "teachers"
        label.append("" if heading and not value else spec.label(axis, value))
    return tuple(label)


def merge(spec: Spec, records: Sequence[Record]) -> Entry:
    """The mean over the seeds of one place. Raises UserError if the records differ in anything else."""
    if not records:
        return Entry()
    _check_differ_in_seed(spec, records)
    metric, paper, planned = records[0].identity["metric"], records[0].paper, len(records)
    origin = {
        "paper_letter": records[0].paper_letter,
        "runs": tuple(dict.fromkeys(run for record in records for run in record.runs)),
        "reasons": tuple(record.reason for record in records if record.reason),
    }
    done = [record for record in records if record.status == OK]
    if all(record.status == QUOTED for record in records):
        return Entry(ABSENT, metric, paper=paper)
    if not done:
        status = FAILED if any(record.status == FAILED for record in records) else PENDING
        return Entry(status, metric, seeds_planned=planned, paper=paper, **origin)
    chance = done[0].chance if spec.chance else None
    mean = over_seeds(done)
    return Entry(OK, metric, mean.value, mean.low, mean.high, len(done), planned, paper, chance=chance, **origin)


def _check_differ_in_seed(spec: Spec, records: Sequence[Record]) -> None:
    """Raise UserError if two cells of one place differ in more than the seed, so that the layout is ambiguous."""
    first = records[0]
    for other in records[1:]:
        differ = [axis for axis in AXES if axis != "seed" and other.identity[axis] != first.identity[axis]]
        if not differ:
            continue
        told = " and ".join(f"{a} ({_told(first, a)}, {_told(other, a)})" for a in differ if a != "stage")
        axes = " or ".join(f"`{axis}`" for axis in differ if axis != "stage")
        raise UserError(
            f"'{spec.name}': cells that differ in {told} fall into one place:\n  {first.place}\n  {other.place}\n"
            f"{spec.told_apart_by(axes)}"
        )


def _told(record: Record, axis: str) -> str:
    return str(record.identity[axis]) or "none"


def _has_pretraining_axis(axes: Sequence[str]) -> bool:
    return any(axis in PRETRAINING_AXES for axis in axes)


def _baseline_finder(
    spec: Spec, baseline: Sequence[Record], identity: Callable[[Record], Mapping[str, Any]]
) -> Callable[[Mapping[str, Any]], Entry]:
    """Function from axis values to the baseline that agrees with those not related to pretraining."""

    def find(values: Mapping[str, Any]) -> Entry:
        shared = {axis: value for axis, value in values.items() if axis not in PRETRAINING_AXES}
        fitting = [r for r in baseline if all(identity(r)[axis] == value for axis, value in shared.items())]
        return merge(spec, fitting)

    return find


def _baseline_rows(
    spec: Spec, row_keys: list[Key], column_keys: list[Key], find: Callable[[Mapping[str, Any]], Entry]
) -> list[tuple[tuple[str, ...], list[Entry]]]:
    """One row per combination of shared axes; neighbouring places with the same baseline are merged."""
    rows = []
    for shared in dict.fromkeys(_shared(spec.rows, key) for key in row_keys):
        entries: list[Entry] = []
        previous = None
        for key in column_keys:
            values = {**dict(shared), **dict(_shared(spec.columns, key))}
            if entries and values == previous:
                entries[-1] = replace(entries[-1], span=entries[-1].span + 1)
            else:
                entries.append(find(values))
            previous = values
        rows.append((_baseline_label(spec, spec.rows, dict(shared)), entries))
    return rows


def _baseline_columns(spec: Spec, column_keys: list[Key]) -> tuple[list[tuple[str, ...]], list[dict[str, Any]]]:
    """Labels of the baseline's columns, and the values of the shared axes of each."""
    parts = [dict(shared) for shared in dict.fromkeys(_shared(spec.columns, key) for key in column_keys)]
    labels = []
    for part in parts:
        plain = iter(_baseline_label(spec, spec.columns, part))
        label: list[str] = []
        for axis in spec.columns:
            label += [""] if axis == "task" and spec.groups else []
            label.append(next(plain))
        labels.append(tuple(label))
    return labels, parts


def _shared(axes: Sequence[str], key: Key) -> tuple[tuple[str, Any], ...]:
    return tuple((axis, value) for axis, value in zip(axes, key, strict=True) if axis not in PRETRAINING_AXES)


def _baseline_label(spec: Spec, axes: Sequence[str], shared: Mapping[str, Any]) -> tuple[str, ...]:
    """Label parts: values of shared axes, "no pretraining" on the last other axis, "no teachers", else a dash."""
    pretraining = [axis for axis in axes if axis in PRETRAINING_AXES]
    last = [axis for axis in pretraining if axis != "teachers" or len(pretraining) == 1][-1]
    named = {"teachers": titles.NO_TEACHERS, **{axis: spec.label(axis, value) for axis, value in shared.items()}}
    named[last] = titles.BASELINE_LABEL
    return tuple(named.get(axis, DASH) for axis in axes)
