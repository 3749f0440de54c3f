"""First screen: which task is best on each target, whether chance could explain its lead, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from videossl.report.best_task import METRIC, Answer, Contender
from videossl.report.html import Cell, Table, of_lines
from videossl.report.numbers import number
from videossl.report.over_seeds import OverSeeds
from videossl.report.scale import listed
from videossl.report.site.blocks import duration, link_to_runs
from videossl.report.site.run_description import Run, stage_title
from videossl.report.tables import DASH
from videossl.study import titles

HEADER = ("Target", "Measured by", "Best task", "Accuracy", "No pretraining", "Significantly better", "Its cost")
NOTE = (
    "Top-1 accuracy on the test videos, mean over the seeds; in brackets 95 % intervals. Of each target and protocol"
    " the setting with the most tasks is shown, of low-shot finetuning one with few labels, if there is one. The best"
    " task is significantly better than another if the 95 % interval of their difference is above zero; it is paired by"
    " test video and seed where these are stored, and widened for the number of tasks (Bonferroni), except that of the"
    " difference from no pretraining. Cost: time of the best task's pretraining and of its evaluation, for one seed."
)


def table(found: Sequence[Answer], runs: Mapping[str, Run], labels: Mapping[str, Mapping[str, str]]) -> Table:
    """Table of the answers."""
    return of_lines(HEADER, [_row(one, runs, labels) for one in found], "answers")


def _row(one: Answer, runs: Mapping[str, Run], labels: Mapping[str, Mapping[str, str]]) -> list[tuple[Cell, str]]:
    named = {axis: titles.label(axis, value, labels) for axis, value in one.setting.items()}
    seeds = len(one.best.records)
    where = [named["backbone"], f"{named['source']} {one.setting['subset']}"]
    where += [f"{one.setting['epochs']} epochs"] if one.setting["epochs"] else []
    where += [titles.labels_a_class(one.setting["labels"])] if one.setting["labels"] else []
    where += [f"{seeds} seeds"] if seeds > 1 else []
    how = [("note", ", ".join(where))]
    base = Cell(DASH)
    rivals = [titles.label("task", task, labels) for task in one.rivals]
    if one.scratch:
        gain = one.gain
        details = [("ci", f"{_points(gain.value)} {_interval(gain, _points)}".strip())] if gain else []
        base = Cell(_percent(one.scratch.mean.value), link=link_to_runs(one.scratch.runs), details=details)
        if gain is None or gain.low is None or gain.low <= 0:
            rivals.append("no pretraining")
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
