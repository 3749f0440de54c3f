"""Which task is best on each target: one answer for the first screen of the report and for the ending of a run.

In one setting, the task with the highest accuracy is also that with the largest gain, as all share the network from
scratch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from videossl.report.collect import OK, Record, Results
from videossl.report.gains import difference_over_seeds
from videossl.report.over_seeds import OverSeeds, over_seeds
from videossl.report.spec import Spec
from videossl.study import titles
from videossl.study.titles import BASELINE_TASK

METRIC = "top1"
SETTING = ("backbone", "source", "subset", "epochs", "labels")
"""Axes that tasks must share to be compared, besides the target and the protocol."""


@dataclass(frozen=True)
class Contender:
    """A task in one setting: a record for each seed."""

    task: str
    records: Sequence[Record]

    @property
    def accuracy(self) -> float:
        """Mean over the seeds."""
        return fmean(record.value for record in self.records if record.value is not None)

    @cached_property
    def mean(self) -> OverSeeds:
        """Accuracy over the seeds with its interval, which takes a while."""
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
        return found.among(comparisons) if found else None


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
    def gain(self) -> OverSeeds | None:
        """Difference of the best task to no pretraining; None if they have no seed in common."""
        return self.best.lead_over(self.scratch) if self.scratch else None

    @cached_property
    def rivals(self) -> list[str]:
        """Tasks that are not significantly worse than the best one."""
        others = self.contenders[1:]
        leads = [(other.task, self.best.lead_over(other, len(others))) for other in others]
        return [task for task, lead in leads if lead is None or lead.low is None or lead.low <= 0]


def answers(found: Iterable[Results], fewest: int = 2) -> list[Answer]:
    """One answer for each target and protocol on which at least `fewest` tasks have a number in the same setting.

    It is the same whatever the order of the results, and whether one entry or several show them.
    """
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
        if len(tasks) >= fewest:
            contenders = [Contender(task, _by_seed(records)) for task, records in tasks.items()]
            contenders.sort(key=lambda one: (-one.accuracy, titles.sort_key("task", one.task)))
            base = scratch.get(_without_pretraining(key))
            setting = dict(zip(("target", "stage", *SETTING), key, strict=True))
            made.append(
                Answer(specs[key], setting, contenders, Contender(BASELINE_TASK, _by_seed(base)) if base else None)
            )
    return _chosen(made)


def _counts(spec: Spec, record: Record) -> bool:
    """Whether a record is a plain accuracy of a task in its default complexity, or of the network from scratch."""
    identity = record.identity
    plain = record.status == OK and record.is_cell and identity["metric"] == METRIC and not identity["noise"]
    usual = identity["complexity"] in ("", spec.complexities.get(identity["task"], ""))
    return plain and usual and bool(identity["target"]) and not identity["teachers"] and _is_task(identity)


def _is_task(identity: Mapping[str, Any]) -> bool:
    return identity["task"] not in ("", titles.VIDEO_LANGUAGE, titles.AVERAGE_TASK)


def _by_seed(records: Mapping[str, Record]) -> list[Record]:
    return sorted(records.values(), key=lambda record: record.identity["seed"])


def _without_pretraining(key: Sequence[Any]) -> tuple[Any, ...]:
    """The part of a setting that a network from scratch has, too."""
    target, protocol, backbone, _, _, _, labels = key
    return target, protocol, backbone, labels


def _chosen(found: Sequence[Answer]) -> list[Answer]:
    """Of each target and protocol the setting with the most tasks, then seeds, then videos and epochs.

    Low-shot finetuning with all labels is the finetuning itself, so it is shown only if there is no other.
    """

    def rank(one: Answer) -> tuple[Any, ...]:
        size = [titles.sort_key(axis, one.setting[axis], one.spec.orders) for axis in ("subset", "epochs", "labels")]
        return one.setting["labels"] != titles.ALL_LABELS, len(one.contenders), len(one.best.records), size

    def names(one: Answer) -> tuple[Any, ...]:
        return tuple(titles.sort_key(axis, one.setting[axis]) for axis in SETTING)

    best: dict[tuple[Any, ...], Answer] = {}
    for one in sorted(found, key=names):  # the first of equals
        place = (one.setting["target"], one.setting["stage"])
        if place not in best or rank(one) > rank(best[place]):
            best[place] = one
    order = {
        place: (titles.sort_key("target", place[0], one.spec.orders), titles.sort_key("protocol", place[1]))
        for place, one in best.items()
    }
    return [best[place] for place in sorted(best, key=order.__getitem__)]
