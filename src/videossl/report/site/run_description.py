"""Description of one run from its folder, embedded in the page as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.identity import completed
from videossl.common.results import IDENTITY, read_cell
from videossl.data.classes import ClassGaps
from videossl.report.collect import FAILED, OK, PENDING
from videossl.report.numbers import number
from videossl.report.site.history import read_curve
from videossl.report.site.predictions import class_names, summary
from videossl.stages.registry import names, stage
from videossl.study import titles
from videossl.training.failure import reason_of
from videossl.training.history import read_epochs
from videossl.training.record import find_run
from videossl.training.run_files import METRICS, problem_of_run

LOG_LINES, LINE_LENGTH, LOG_BYTES = 12, 240, 20_000
_OF_A_PRETRAINING = ("task", "complexity", "backbone", "source", "subset", "seed")


@dataclass(frozen=True)
class Places:
    """The results folder, printed names, and errors found in the results."""

    results: Path
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    """Error messages of files that the page should show."""

    def log(self, folder: Path) -> Path:
        """Log file of the job of a run folder."""
        return self.results / "logs" / folder.relative_to(self.results).with_suffix(folder.suffix + ".log")

    def classes(self, dataset: str) -> dict[int, str]:
        """Class names of a dataset."""
        if dataset not in self._classes:
            try:
                self._classes[dataset] = class_names(self.results / "data" / dataset / "manifest.parquet")
            except UserError as error:
                self._classes[dataset] = {}
                self.damaged.append(str(error))
        return self._classes[dataset]

    @cached_property
    def _classes(self) -> dict[str, dict[int, str]]:
        return {}


class Run:
    """A run folder.

    `given`: the planned cell, for a run without results; {} if unknown. `before`: folders of the runs that it depends
    on, each after its own dependencies. `failure`: why it did not run, if a dependency failed.
    """

    def __init__(self, folder: str, given: Mapping[str, Any], before: Sequence[str], failure: str = "") -> None:
        self.name = folder
        self.folder = Path(folder)
        self.before = tuple(before)
        self._given = given
        self._failure = failure

    @cached_property
    def record(self) -> dict[str, Any]:
        """Content of `run.json`; {} if it is unreadable or missing (stage `network` writes none)."""
        return find_run(self.folder) or {}

    @cached_property
    def problem(self) -> str:
        """Error message for existing results; "" if they are valid or missing."""
        if not (self.folder / METRICS).exists():
            return ""
        if problem := problem_of_run(self.folder, wholly=True):
            return problem
        try:
            read_cell(self.folder / METRICS)
        except UserError as error:
            return str(error)
        return ""

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The identity columns; {} if nothing is known of the run."""
        given = {key: completed(self._given)[key] for key in IDENTITY} if self._given else {}
        found = self.record.get("identity", given)
        return completed(found) if found else {}

    @cached_property
    def status(self) -> str:
        """Status: ok, failed or pending."""
        if self._given.get("metrics", True) and (self.folder / METRICS).exists():
            return FAILED if self.problem else OK
        return FAILED if reason_of(self.folder) or self._failure else PENDING

    @property
    def reason(self) -> str:
        """Reason why it failed or cannot be run; "" if it finished or the reason is unknown."""
        if self.status == OK:
            return ""
        return self.problem or reason_of(self.folder) or self._failure or self._given.get("pending", "")

    def continues(self, earlier: Run) -> bool:
        """Whether `earlier` is a pretraining of the network that this run uses or trains further."""
        mine, its = self.identity, earlier.identity
        if not mine or its.get("stage") != "pretrain":
            return False
        return all(mine[key] == its[key] for key in _OF_A_PRETRAINING) and its["epochs"] <= mine["epochs"]

    def title(self, labels: Mapping[str, Mapping[str, str]]) -> str:
        """Description of the run; its folder if nothing is known."""
        identity = self.identity
        if not identity:
            return self.name

        def named(axis: str) -> str:
            return titles.label(axis, identity[axis], labels) if identity[axis] not in ("", "none") else ""

        parts = [stage_title(identity["stage"])]
        parts.append(" ".join(part for part in (named("task"), identity["complexity"]) if part))
        parts.append(named("backbone"))
        if named("source"):
            epochs = f", {identity['epochs']} epochs" if identity["epochs"] else ""  # published weights have none
            parts.append(f"{named('source')} {identity['subset']}{epochs}")
        parts.append(f"on {named('target')}" if named("target") else "")
        parts.append(f"taught by {named('teachers')}" if named("teachers") else "")
        parts.append(f"against {identity['against']}" if identity["against"] else "")
        parts.append(f"{identity['labels']} labelled videos a class" if identity["labels"] else "")
        parts.append(f"seed {identity['seed']}")
        return " · ".join(part for part in parts if part)

    @cached_property
    def metrics(self) -> list[list[Any]]:
        """Rows of [metric, split, condition, value, interval, n, chance] as printed, one per number."""
        if self.status != OK:
            return []
        rows = []
        for row in read_cell(self.folder / METRICS).to_dict("records"):
            metric = row["metric"]
            known = {key: number(metric, row[key]) for key in ("value", "ci_low", "ci_high", "chance") if _is(row[key])}
            interval = f"[{known['ci_low']}, {known['ci_high']}]" if "ci_low" in known else ""
            severity = f"severity {row['severity']}" if row["severity"] else "all severities"
            condition = f"{titles.label('noise', row['noise'])}, {severity}" if row["noise"] else ""
            label = titles.label("metric", metric)
            rows.append([label, row["split"], condition, known["value"], interval, row["n"], known.get("chance", "")])
        return rows

    def log_lines(self, places: Places) -> list[str]:
        """The last lines of its log."""
        path = places.log(self.folder)
        if not path.is_file():
            return []
        with path.open("rb") as handle:
            handle.seek(max(0, path.stat().st_size - LOG_BYTES))
            text = handle.read().decode("utf-8", errors="replace")
        lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]  # final state of a progress bar
        return [line[:LINE_LENGTH] for line in lines if line][-LOG_LINES:]

    def files(self, places: Places) -> list[list[Any]]:
        """[path, bytes] of its files and its log, with paths relative to the results folder."""
        inside = sorted(path for path in self.folder.glob("*") if path.is_file() and not path.name.startswith("."))
        log = places.log(self.folder)
        found = [*inside, log] if log.is_file() else inside
        return [[path.relative_to(places.results).as_posix(), path.stat().st_size] for path in found]

    def _predictions(self, places: Places) -> dict[str, Any]:
        if self.status != OK:
            return {}
        return summary(self.folder / "predictions.parquet", places.classes(self.identity.get("target", "")))

    def describe(self, places: Places, runs: Mapping[str, Run]) -> dict[str, Any]:
        """Full description of the run, without empty values."""
        earlier = [run for name in self.before if self.continues(run := runs[name])]
        milestones = [run.folder for run in earlier] if self.identity.get("stage") == "pretrain" else []
        record = self.record
        found = {
            "title": self.title(places.labels),
            "status": self.status,
            "reason": self.reason,
            "identity": self.identity,
            "recipe": record.get("recipe_hash"),
            "code": record.get("code_version"),
            "device": record.get("device_name"),
            "finished": record.get("finished"),
            "threads": record.get("threads"),
            "wall": record.get("wall_seconds"),
            "gpu_hours": record.get("gpu_hours"),
            "samples": record.get("samples"),
            "gaps": ClassGaps.parse(record.get("classes")).summary(),
            "metrics": self.metrics,
            "curve": read_curve([*milestones, self.folder]),
            "damaged": read_epochs(self.folder / "train.jsonl")[1],
            "log": self.log_lines(places),
            "predictions": self._predictions(places),
            "files": self.files(places),
            "before": list(self.before),
        }
        return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def _is(value: Any) -> bool:
    """Whether `value` is a number."""
    return value is not None and value == value


def stage_title(name: str) -> str:
    """Title of a stage; its name if this version does not have the stage."""
    return stage(name).title if name in names() else name
