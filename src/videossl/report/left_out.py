"""Says which values of axes a scale leaves out, in tables, figures, the plan and the claims."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from videossl.claims import CLAIMS, Ask
from videossl.report.scale import listed
from videossl.stages.cells import Cell
from videossl.study import titles
from videossl.study.leaving_out import LeftOut, effective, joined
from videossl.study.study import Study

AXIS_OF = {"model": "backbone"}
"""The axis of a cell that has the values of a key of a grid, if it has another name."""


def left_out_here(study: Study, entries: Iterable[str]) -> str:
    """A sentence with the values that entries lose; "" if they lose none."""
    lost = joined(study.left_out(name) for name in entries)
    in_order = {
        axis: [value for value in values if value in lost.get(axis, [])]
        for axis, values in effective(study.config).items()
    }
    found = {axis: values for axis, values in in_order.items() if values}
    return f"Left out at this scale: {_said(study, found)}." if found else ""


def left_out_of_claims(study: Study, cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """The numbers of claims that no cell has because the scale leaves a value of theirs out.

    As cells that cannot be run: identity, `default_complexity` and `reason`.
    """
    known = [cell.identity | {"default_complexity": cell.default_complexity} for cell in cells]
    left_out, found = effective(study.config), []
    for ask in dict.fromkeys(ask for claim in CLAIMS.values() for ask in claim.asks):
        if lost := _lost(ask, left_out, known):
            reason = f"not run at this scale: {_said(study, lost)}"
            found.append(ask.identity | {"default_complexity": ask.complexity is None, "reason": reason})
    return found


def _lost(ask: Ask, left_out: LeftOut, known: Iterable[Mapping[str, Any]]) -> LeftOut:
    """The values for which a number has no cell: with other values on as few axes as possible there is one."""
    values = {axis: getattr(ask, AXIS_OF.get(axis, axis), None) for axis in left_out}
    own = {axis: value for axis, value in values.items() if value in left_out[axis]}
    if not own or any(ask.is_of(cell) for cell in known):
        return {}
    for number in range(1, len(own) + 1):
        for axes in itertools.combinations(own, number):
            same = {AXIS_OF.get(axis, axis): own[axis] for axis in axes}
            if any(ask.is_of({**cell, **same}) for cell in known):
                return {axis: [own[axis]] for axis in axes}
    return {}


def _said(study: Study, left_out: LeftOut) -> str:
    """Values as a phrase: epochs 100 and 150, subset 10k."""
    datasets = {name: one.title for name, one in study.config.datasets.items()}
    names = {
        "task": {name: recipe.title or name for name, recipe in study.recipes.items()},
        "backbone": {name: model.title for name, model in study.models.items()},
        "source": datasets,
        "target": datasets,
    }
    return ", ".join(
        f"{axis} {listed([titles.label(AXIS_OF.get(axis, axis), value, names) for value in values])}"
        for axis, values in left_out.items()
    )
