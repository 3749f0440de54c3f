"""First screen: which task is best on each target, whether chance could explain its lead, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

from videossl.report.collect import OK, Record, Results
from videossl.report.gains import difference_over_seeds
from videossl.report.html import Cell, Table, of_lines
from videossl.report.numbers import number
from videossl.report.over_seeds import OverSeeds, over_seeds
from videossl.report.scale import listed
from videossl.report.site.blocks import duration, link_to_runs
from videossl.report.site.run_description import Run, stage_title
from videossl.report.spec import Spec
from videossl.report.tables import DASH
from videossl.study import titles

METRIC = "top1"
SETTING = ("backbone", "source", "subset", "epochs", "labels")
"""Axes that tasks must share to be compared, besides the target and the protocol."""
HEADER = ("Target", "Measured by", "Best task", "Accuracy", "No pretraining", "Significantly better", "Its cost")
NOTE = (
    "Top-1 accuracy on the test videos, mean over the seeds; in brackets 95 % intervals. Of each target and protocol"
    " the setting with the most tasks is shown. The best task is significantly better than another if the 95 % interval"
    " of their difference is above zero; it is paired by test video and seed where these are stored, and widened for"
    " the number of tasks (Bonferroni)."
    " Cost: time of the best task's pretraining and of its evaluation, for one seed."
)


@dataclass(frozen=True)
class Contender:
    """A task in one setting: a record for each seed."""

    task: str
    records: Sequence[Record]

    @cached_property
    def mean(self) -> OverSeeds:
        """Accuracy over the seeds."""
        return over_seeds(self.records)

    @property
    def runs(self) -> list[str]:
        """Folders of its runs."""
        return [record.run_dir for record in self.records]

    def lead_over(self, other: Contender, comparisons: int = 1) -> OverSeeds | None:
        """Difference to another task, over the seeds of both; None if they have none in common.

        The interval is widened for the number of comparisons.
        """
        found = difference_over_seeds(self.records, other.records)
        if found is None or found.low is None or found.high is None:
            return found
        wider = NormalDist().inv_cdf(1 - 0.025 / comparisons) / NormalDist().inv_cdf(0.975)
        low, high = (found.value + wider * (end - found.value) for end in (found.low, found.high))
        return found._replace(low=low, high=high)


@dataclass(frozen=True)
class Answer:
    """The tasks of one setting, the best one first."""

    spec: Spec
    setting: Mapping[str, Any]
    contenders: Sequence[Contender]
    scratch: Contender | None

    @property
    def best(self) -> Contender:
        """The task with the highest accuracy."""
        return self.contenders[0]

    @cached_property
    def rivals(self) -> list[str]:
        """Tasks that are not significantly worse than the best one."""
        others = self.contenders[1:]
        leads = [(other.task, self.best.lead_over(other, len(others))) for other in others]
        return [task for task, lead in leads if lead is None or lead.low is None or lead.low <= 0]


def answers(found: Iterable[Results]) -> list[Answer]:
    """One answer for each target and protocol on which at least two tasks have a number in the same setting."""
    groups: dict[tuple[Any, ...], dict[str, dict[str, Record]]] = {}
    specs: dict[tuple[Any, ...], Spec] = {}
    scratch: dict[tuple[Any, ...], dict[str, Record]] = {}
    for results in found:
        for record in filter(lambda one: _counts(results.spec, one), results.records):
            key = tuple(record.identity[axis] for axis in ("target", "stage", *SETTING))
            if record.is_baseline:
                scratch.setdefault(_without_pretraining(key), {})[record.run_dir] = record
            else:
                specs.setdefault(key, results.spec)
                tasks = groups.setdefault(key, {})
                tasks.setdefault(record.identity["task"], {})[record.run_dir] = record
    made = []
    for key, tasks in groups.items():
        if len(tasks) > 1:
            contenders = [Contender(task, list(records.values())) for task, records in tasks.items()]
            contenders.sort(key=lambda one: -one.mean.value)
            base = scratch.get(_without_pretraining(key))
            setting = dict(zip(("target", "stage", *SETTING), key, strict=True))
            made.append(
                Answer(specs[key], setting, contenders, Contender("scratch", list(base.values())) if base else None)
            )
    return _chosen(made)


def table(found: Sequence[Answer], runs: Mapping[str, Run], labels: Mapping[str, Mapping[str, str]]) -> Table:
    """Table of the answers."""
    return of_lines(HEADER, [_row(one, runs, labels) for one in found], "answers")


def _row(one: Answer, runs: Mapping[str, Run], labels: Mapping[str, Mapping[str, str]]) -> list[tuple[Cell, str]]:
    named = {axis: titles.label(axis, value, labels) for axis, value in one.setting.items()}
    seeds = len(one.best.records)
    where = [named["backbone"], f"{named['source']} {one.setting['subset']}", f"{one.setting['epochs']} epochs"]
    where += [f"{named['labels']} labels a class"] if one.setting["labels"] else []
    where += [f"{seeds} seeds"] if seeds > 1 else []
    how = [("note", ", ".join(where))]
    base = Cell(DASH)
    if one.scratch:
        lead = one.best.lead_over(one.scratch)
        details = [("ci", f"{_points(lead.value)} {_interval(lead, _points)}".strip())] if lead else []
        base = Cell(_percent(one.scratch.mean.value), link=link_to_runs(one.scratch.runs), details=details)
    rivals = [titles.label("task", task, labels) for task in one.rivals]
    others = len(one.contenders) - 1
    verdict = _over_all(others) if not rivals else f"not than {listed(rivals)}"
    interval = _interval(one.best.mean, _percent)
    best = Cell(_percent(one.best.mean.value), link=link_to_runs(one.best.runs), details=[("ci", interval)])
    cost, seconds = _cost(one.best, runs)
    return [
        (Cell(named["target"]), ""),
        (Cell(stage_title(one.setting["stage"]), details=how), ""),
        (Cell(titles.label("task", one.best.task, labels), "best"), ""),
        (best, repr(one.best.mean.value)),
        (base, repr(one.scratch.mean.value) if one.scratch else ""),
        (Cell(verdict, "undecided" if rivals else "decided"), str(len(rivals))),
        (Cell(cost), str(seconds)),
    ]


def _counts(spec: Spec, record: Record) -> bool:
    """Whether a record is a plain accuracy of a task in its default complexity, or of the network from scratch."""
    identity = record.identity
    plain = record.status == OK and record.is_cell and identity["metric"] == METRIC and not identity["noise"]
    usual = identity["complexity"] in ("", spec.complexities.get(identity["task"], ""))
    return plain and usual and bool(identity["target"]) and not identity["teachers"] and _is_task(identity)


def _is_task(identity: Mapping[str, Any]) -> bool:
    return identity["task"] not in ("", titles.VIDEO_LANGUAGE, titles.AVERAGE_TASK)


def _without_pretraining(key: Sequence[Any]) -> tuple[Any, ...]:
    """The part of a setting that a network from scratch has, too."""
    target, protocol, backbone, _, _, _, labels = key
    return target, protocol, backbone, labels


def _chosen(found: Sequence[Answer]) -> list[Answer]:
    """Of each target and protocol the setting with the most tasks, then seeds, then videos and epochs."""

    def rank(one: Answer) -> tuple[Any, ...]:
        size = [titles.sort_key(axis, one.setting[axis], one.spec.orders) for axis in ("subset", "epochs", "labels")]
        return len(one.contenders), len(one.best.records), size

    best: dict[tuple[Any, ...], Answer] = {}
    for one in found:
        place = (one.setting["target"], one.setting["stage"])
        if place not in best or rank(one) > rank(best[place]):
            best[place] = one
    order = {
        place: (titles.sort_key("target", place[0], one.spec.orders), titles.sort_key("protocol", place[1]))
        for place, one in best.items()
    }
    return [best[place] for place in sorted(best, key=order.__getitem__)]


def _cost(one: Contender, runs: Mapping[str, Run]) -> tuple[str, float]:
    """Mean time over the seeds in words, GPU-hours if a GPU was used, and the seconds."""
    folders = [(record.pretrainings, record.run_dir) for record in one.records]
    before = [runs[name].record for names, _ in folders for name in names if name in runs and runs[name].record]
    own = [runs[name].record for _, name in folders if name in runs and runs[name].record]
    if not own:
        return DASH, 0.0
    hours = sum(record["gpu_hours"] for record in (*before, *own)) / len(folders)
    trained, tested = (sum(record["wall_seconds"] for record in part) / len(folders) for part in (before, own))
    said = f"{duration(trained)} + {duration(tested)}" if before else duration(tested)
    return (f"{hours:.1f} GPU-hours ({said})" if hours >= 0.05 else said), trained + tested


def _over_all(others: int) -> str:
    return f"yes, than all {others} others" if others > 1 else "yes, than the other"


def _percent(value: float) -> str:
    return number(METRIC, value)


def _points(value: float) -> str:
    return f"{100 * value:+z.1f}"


def _interval(mean: OverSeeds, text: Any) -> str:
    return "" if mean.low is None or mean.high is None else f"[{text(mean.low)}, {text(mean.high)}]"
