"""Collects records from cells and their metrics files: measured numbers, the paper's numbers, missing numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from videossl.analysis.statistics import wilson_interval
from videossl.common.errors import DamagedFile, UserError
from videossl.common.identity import completed
from videossl.common.intact import damaged
from videossl.common.results import CONDITION, IDENTITY, is_fraction, read_cell
from videossl.data.settings import ALL_CORRUPTIONS, CORRUPTIONS, MEAN
from videossl.report.by_video import Term
from videossl.report.comparison import Paper, lettered, other_numbers
from videossl.report.gains import gains
from videossl.report.paper import PaperTable
from videossl.report.paper_cells import Printed
from videossl.report.published import PublishedRow, read_published
from videossl.report.scale import reduced_mark
from videossl.report.spec import Spec
from videossl.report.status import FAILED, OK, PENDING, PUBLISHED, QUOTED
from videossl.study.titles import AVERAGE_TASK, BASELINE_TASK
from videossl.training.failure import reason_of
from videossl.training.run_files import problem_of_run

TIDY_COLUMNS = (
    *IDENTITY,
    *CONDITION,
    *("split", "metric", "value", "ci_low", "ci_high", "n", "chance", "status", "reason"),
    *("paper_value", "paper_note", "reduced_scale", "label"),
)


@dataclass(frozen=True)
class Record:
    """One metric of one cell.

    `identity` and `paper_identity` have the identity columns, noise, severity and `metric`. `paper_identity` uses the
    paper's names where a scale renames a dataset or subset. Accuracies are fractions; missing numbers are None.
    `reason` is why the cell failed or cannot be run. `run_dir` is the cell's folder; `partners` are the folders of its
    teachers, `members` those of the cells that a mean covers, `pretrainings` those of the pretrainings behind the cell.
    """

    identity: dict[str, Any]
    paper_identity: dict[str, Any]
    status: str
    reason: str = ""
    split: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    holds: str = ""
    """What the interval holds, if more than the choice of test videos: a name of :mod:`videossl.report.over_seeds`."""
    n: int | None = None
    chance: float | None = None
    paper: float | None = None
    paper_elsewhere: str = ""
    """Where the paper prints a number of the cell, if not in the table that the entry is compared with."""
    paper_others: tuple[Printed, ...] = ()
    """Different numbers that the paper prints for the same cell in other tables."""
    paper_letter: str = ""
    """Letter of the note about these numbers."""
    unstated: tuple[str, ...] = ()
    """Axes that the paper does not state for its number, so that the value of the cell is our choice."""
    published: PublishedRow | None = None
    run_dir: str = ""
    partners: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    pretrainings: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    """The measured numbers that the value is the sum of: itself, or those of a gain or mean; () without a value."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Folders of the runs that the number comes from; empty for a number from the literature."""
        return (self.run_dir,) if self.run_dir else self.members

    @property
    def place(self) -> str:
        """Short description for messages: the cell's folder, noise and severity if any, and the metric."""
        folder = self.run_dir or ", ".join(str(value) for value in self.identity.values() if value)
        noise = " ".join(str(self.identity[key]) for key in CONDITION if self.identity["noise"])
        return ", ".join(part for part in (folder, noise, self.identity["metric"]) if part)

    @property
    def is_baseline(self) -> bool:
        """Whether the cell is a baseline, a network without pretraining. Students are not baselines."""
        return _is_baseline(self.identity)

    @property
    def is_cell(self) -> bool:
        """Whether the record is a cell of the study, not a mean over tasks or a number from the literature."""
        return self.identity["task"] != AVERAGE_TASK and self.status not in (QUOTED, PUBLISHED)


@dataclass(frozen=True)
class Results:
    """Everything that a rendering needs: the entry, its records in a fixed order, scale and provenance."""

    spec: Spec
    records: tuple[Record, ...]
    reduced: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    paper_source: str = ""
    manifests: tuple[Mapping[str, Any], ...] = ()  # figures of videos: dataset, noise, severity, manifest (path)
    columns: int = 0
    """Width of a figure for a paper, in columns of its page (1 or 2); 0: not for a paper."""

    @property
    def title(self) -> str:
        """Title; marked if the scale is reduced."""
        return f"{self.spec.title} — {self.reduced}" if self.reduced else self.spec.title

    @property
    def has_failures(self) -> bool:
        """Whether a number is missing because its run failed or its files cannot be used."""
        return any(record.status == FAILED for record in self.records)

    @property
    def metrics(self) -> list[str]:
        """Metrics shown, in printing order."""
        return self.spec.order("metric", {record.identity["metric"] for record in self.records})

    @property
    def has_paper_values(self) -> bool:
        """Whether the paper has a number for any cell that may be shown: a figure for a paper shows none at a reduced
        scale."""
        if self.columns and self.reduced:
            return False
        return any(record.paper is not None and record.status != PUBLISHED for record in self.records)

    @property
    def paper_apart(self) -> bool:
        """Whether the paper's numbers are shown separately instead of next to ours."""
        return bool(self.reduced) and self.has_paper_values

    def frame(self) -> pd.DataFrame:
        """One row per cell and metric, with columns TIDY_COLUMNS; accuracies are fractions, missing numbers null."""
        rows = [
            {
                **record.identity,
                "split": record.split,
                "value": record.value,
                "ci_low": record.low,
                "ci_high": record.high,
                "n": record.n,
                "chance": record.chance,
                "status": record.status,
                "reason": record.reason,
                "paper_value": record.paper,
                "paper_note": other_numbers(record),
                "reduced_scale": bool(self.reduced),
                "label": describe(self.spec, record),
            }
            for record in self.records
        ]
        frame = pd.DataFrame(rows, columns=list(TIDY_COLUMNS))
        floats = ["value", "ci_low", "ci_high", "chance", "paper_value"]
        return frame.astype({**dict.fromkeys(floats, "float64"), "n": "Int32", "epochs": "int32", "seed": "int32"})


def collect(
    spec: Spec,
    cells: Iterable[Mapping[str, Any]],
    paper_values: pd.DataFrame | None = None,
    *,
    reduced: str = "",
    provenance: Mapping[str, Any] | None = None,
    failures: Mapping[str, str] | None = None,
    read: bool = True,
) -> Results:
    """Read the cells' metrics.

    Args:
        spec: the entry.
        cells: identity columns, `views` (metric, noise and severity of each number; the part, for a figure with parts),
            `metrics` (path), `run_dir`, and optionally `paper` (the paper's names of axes, if different), `partners`
            (folders of the teachers), `pretrainings` (folders of the pretrainings behind the cell) and `pending` (why
            the cell cannot be run here).
        paper_values: from `read_paper_values`; None for no comparison.
        reduced: the mark of a reduced scale in titles; "" at the paper's scale.
        provenance: commit, hash of the configuration, seed, hardware: printed as given.
        failures: reasons of failure by run folder, in addition to those in the run folders: for cells that did not run
            because a dependency failed.
        read: False: do not read any result file; every cell is pending.

    Raises:
        UserError: a cell lacks columns, a metrics file belongs to another cell or lacks the metric, or the
            entry asks for a baseline that is not among the cells.
    """
    paper = Paper.of(spec, paper_values)
    cells = [completed(cell) for cell in cells]  # of records of earlier versions
    shown = sorted({view["metric"] for cell in cells for view in cell.get("views", [])} - {spec.x_metric})
    if spec.kind == "figure" and len(shown) > 1:
        raise UserError(f"'{spec.name}': a figure shows one metric, not {', '.join(shown)}; set `metric`.")
    records = []
    for cell in cells:
        missing = [key for key in (*IDENTITY, "views", "metrics", "run_dir") if key not in cell]
        if missing:
            raise UserError(f"a cell of '{spec.name}' lacks {', '.join(missing)}: {dict(cell)}.")
        if spec.baseline or spec.gain or not _is_baseline(cell):
            failure = _failure(cell, failures or {}) if read else ""
            records += [_record(spec, cell, view, paper, failure, read) for view in cell["views"]]
    if not records:
        raise UserError(f"'{spec.name}' has no cells; its `grid` in experiments.yaml is empty.")
    if spec.gain:
        records = gains(records, f"'{spec.name}'")
    elif spec.baseline and not any(record.is_baseline for record in records):
        raise UserError(
            f"'{spec.name}' has `baseline: true`, but no cell with task '{BASELINE_TASK}'; "
            "add it or set `baseline: false`."
        )
    if spec.average:
        records += _averages(records, paper)
    if spec.quoted and (table := paper.tables.get(None)):
        quoted = _quoted(table)
        if not quoted:
            raise UserError(f"'{spec.name}': paper table '{table.name}' quotes no rows; leave `quoted` out.")
        records += quoted
    if spec.published:
        records += [record for row in read_published(spec.published) for record in _published(row)]
    records.sort(key=lambda record: spec.sort_key(record.identity))
    source = "; ".join(dict.fromkeys(table.source for table in paper.tables.values()))
    return Results(spec, tuple(lettered(records)), reduced_mark(reduced), dict(provenance or {}), source)


def _is_baseline(identity: Mapping[str, Any]) -> bool:
    return identity["task"] == BASELINE_TASK and not identity["teachers"]


def _averages(records: Sequence[Record], paper: Paper) -> list[Record]:
    """Means over tasks for records that agree in everything else, if all tasks are measured."""
    groups: dict[tuple, list[Record]] = {}
    for record in records:
        if not record.is_baseline:
            shared = record.identity | {"task": AVERAGE_TASK, "complexity": ""}
            groups.setdefault(tuple(shared.items()), []).append(record)
    averages = []
    for shared, members in groups.items():
        identity = dict(shared)
        paper_identity = members[0].paper_identity | {"task": AVERAGE_TASK, "complexity": ""}
        found = paper.find(paper_identity, identity["metric"])
        states = [member.status for member in members]
        status = FAILED if FAILED in states else PENDING if PENDING in states else OK
        value = sum(member.value for member in members) / len(members) if status == OK else None
        reason = "a task failed" if status == FAILED else ""
        split = members[0].split
        runs = tuple(member.run_dir for member in members)
        terms = tuple(term.times(1 / len(members)) for member in members for term in member.terms)
        averages.append(
            Record(identity, paper_identity, status, reason, split, value, members=runs, terms=terms, **found)
        )
    return averages


def _quoted(table: PaperTable) -> list[Record]:
    """The numbers that the paper quotes, as records without a measured value."""
    records = []
    for row in table.quoted():
        identity = {key: row.get(key, "") for key in IDENTITY} | CONDITION | {"metric": row["metric"]}
        identity |= {"stage": row["protocol"], "epochs": 0, "seed": 0}
        records.append(Record(identity, identity, QUOTED, paper=row["value"]))
    return records


def _published(row: PublishedRow) -> list[Record]:
    """The numbers of a published row, as records without a measured value."""
    records = []
    for target, value in row.top1.items():
        identity = (
            dict.fromkeys(IDENTITY, "") | CONDITION | {"metric": "top1", "target": target, "epochs": 0, "seed": 0}
        )
        identity |= {"task": row.approach, "backbone": row.backbone, "source": row.pretraining}
        records.append(Record(identity, identity, PUBLISHED, paper=value, published=row))
    return records


def describe(spec: Spec, record: Record, axes: Sequence[str] = ()) -> str:
    """Description of a cell by its values on the layout's axes."""
    if record.published:
        return ", ".join(record.published.labels)
    axes = axes or spec.axes
    # Skip axes that do not apply to the cell, in a figure of several protocols.
    names = [spec.label(a, record.identity[a]) for a in axes if record.identity[a] != "" or a in CONDITION]
    if record.is_baseline:
        shared = [
            spec.label(axis, record.identity[axis]) for axis in ("backbone", "target", "labels") if axis in spec.axes
        ]
        names = [spec.label("task", BASELINE_TASK), *shared]
    return ", ".join(names) + (f", seed {record.identity['seed']}" if record.identity["seed"] else "")


def _failure(cell: Mapping[str, Any], failures: Mapping[str, str]) -> str:
    """Reason of the cell's failure, one line; "" if it did not fail."""
    return reason_of(Path(cell["run_dir"])) or failures.get(cell["run_dir"], "")


def _record(
    spec: Spec, cell: Mapping[str, Any], view: Mapping[str, Any], paper: Paper, failure: str, read: bool
) -> Record:
    identity = {**{key: cell[key] for key in IDENTITY}, **CONDITION, **view}
    paper_identity = {**identity, **(cell.get("paper") or {})}
    path = Path(cell["metrics"])
    known = {key: tuple(cell.get(key, ())) for key in ("partners", "pretrainings")}
    known |= {"run_dir": cell["run_dir"], **paper.find(paper_identity, view["metric"])}
    if read and path.exists():
        try:
            if problem := problem_of_run(path.parent, wholly=True):
                raise DamagedFile(problem)
            found = read_number(path, identity, f"'{spec.name}'")
        except DamagedFile as error:
            return Record(identity, paper_identity, FAILED, str(error), **known)
        term = Term(
            str(path.parent), view["metric"], found["value"], found["split"], identity["noise"], identity["severity"]
        )
        return Record(identity, paper_identity, OK, terms=(term,), **known, **found)
    # A cell without metrics is shown as pending or failed, never as zero or as a gap.
    return Record(identity, paper_identity, FAILED if failure else PENDING, failure or cell.get("pending", ""), **known)


def read_number(path: Path, identity: Mapping[str, Any], asked_by: str) -> dict[str, Any]:
    """Split, value, interval, n and chance of one number from a metrics file.

    Args:
        identity: identity columns, noise, severity and metric.
        asked_by: name of the requesting entry, for error messages.

    Raises:
        UserError: the file belongs to another cell or does not have the metric exactly once.
    """
    frame = read_cell(path)
    first = frame.iloc[0]
    if other := {key: first[key] for key in IDENTITY if str(first[key]) != str(identity[key])}:
        raise damaged(path, f"is the result of another cell: it has {other}")
    asked_for = frame["metric"] == identity["metric"]
    for key in CONDITION:
        asked_for &= frame[key] == identity[key]
    rows = frame[asked_for]
    if len(rows) != 1:
        there = sorted(set(frame["metric"] + " (" + frame["split"] + ")"))
        raise UserError(
            f"{asked_by} needs one value of {identity['metric']}, and {path} has {len(rows)}. Its metrics (with their"
            f" split): {', '.join(there)}."
        )
    row = rows.iloc[0]
    value, n = float(row["value"]), int(row["n"])
    low, high = _number(row["ci_low"]), _number(row["ci_high"])
    if low is None and n > 0 and _is_proportion(identity) and _is_count_over(value, n):
        low, high = wilson_interval(round(value * n), n)
    return {
        "split": str(row["split"]),
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "chance": _number(row["chance"]),
    }


def _is_proportion(identity: Mapping[str, Any]) -> bool:
    """Whether the number is a proportion of videos. Ratios, and means over noises or severities, are not."""
    over_conditions = identity["noise"] in (MEAN, ALL_CORRUPTIONS, *CORRUPTIONS) or (
        bool(identity["noise"]) and identity["severity"] == 0
    )
    return is_fraction(identity["metric"]) and "relative" not in identity["metric"] and not over_conditions


def _is_count_over(value: float, n: int) -> bool:
    """Whether `value` is k / n for an integer k. A mean over classes, for example, is not a proportion of n trials."""
    return 0 <= value <= 1 and math.isclose(value * n, round(value * n), abs_tol=1e-6 * n)


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
