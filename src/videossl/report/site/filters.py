"""Axes by which the list of runs is filtered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from videossl.report.site.run_description import Run, stage_title
from videossl.study import titles

AXES = ("task", "backbone", "source", "subset", "epochs", "target", "stage", "labels", "seed")
"""Axes in the order of their filters. The stage is the pretraining, or the protocol of the evaluation."""
_OWN_TITLES = {"stage": "Protocol", "labels": "Labels a class"}


@dataclass(frozen=True)
class Filter:
    """An axis with its values in printing order, each with its printed name."""

    axis: str
    title: str
    values: list[tuple[str, str]]


def axes(runs: Iterable[Run], labels: Mapping[str, Mapping[str, str]]) -> list[Filter]:
    """Axes on which the runs differ, and their status if it does; runs without a known identity have no axis."""
    runs = list(runs)
    found = []
    for axis in AXES:
        values = {run.identity[axis] for run in runs if run.identity} - {"", "none"}
        values -= {0} if axis == "epochs" else set()  # networks from scratch
        if len(values) > 1:
            order = sorted(values, key=lambda value: titles.sort_key("protocol" if axis == "stage" else axis, value))
            named = [(str(value), _name(axis, str(value), labels)) for value in order]
            found.append(Filter(axis, _OWN_TITLES.get(axis, titles.axis_label(axis)), named))
    states = sorted({run.status for run in runs})
    return found + ([Filter("status", "Status", [(state, state) for state in states])] if len(states) > 1 else [])


def _name(axis: str, value: str, labels: Mapping[str, Mapping[str, str]]) -> str:
    return stage_title(value) if axis == "stage" else titles.label(axis, value, labels)
