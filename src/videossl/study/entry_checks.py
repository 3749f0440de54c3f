"""Checks that the layout of an entry fits the protocols of its cells, whatever the values of the grid.

Whether the layout separates all cells is checked by :mod:`videossl.report.dry`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from videossl.common.errors import UserError
from videossl.stages.cells import axes_of as axes_of_folder
from videossl.stages.parts.networks import MODEL
from videossl.stages.registry import protocols as known_protocols
from videossl.study.config import Experiment, Grid

PUBLISHED_METRIC = "top1"
"""Metric of published results."""


def axes_of(grid: Grid) -> set[str]:
    """The axes that cells of a grid have a value on."""
    stage = known_protocols()[grid.protocol]
    axes = {"metric", "seed", *stage.grid_axes} - {MODEL}
    if stage.of_models:  # the model stands for the network, its training data for the source
        axes |= {"task", "backbone", "source", "subset"}
    if "task" in axes:
        axes |= {"complexity"}
    if stage.protocol == stage.name:  # the metrics of pretext tasks are of the pretraining itself
        axes |= {"protocol"}
    return axes | ({"against"} if "against" in axes_of_folder(stage.name) else set())


def check_fits(name: str, entry: Experiment, grids: Sequence[Grid], where: str) -> None:
    """Raise UserError if the entry names an axis that no cell of its grids has, or its plot needs other protocols.

    Args:
        grids: of the entry, or of the entry named by `cells_of`.
        where: file and key of the entry, for the message.
    """
    protocols = sorted({grid.protocol for grid in grids})
    found = f"its cells are of protocol {' and '.join(protocols)}"
    check_axes(layout_axes(entry), grids, where)
    if entry.kind != "figure":
        return
    own = {name: one for name, one in known_protocols().items() if one.plot == entry.plot}
    names = " or ".join(own)
    if own and not set(own) & set(protocols):
        raise UserError(f"{where}: plot '{entry.plot}' needs cells of protocol {names}; {found}.")
    if entry.plot == "scatter" and len(protocols) < 2:
        raise UserError(
            f"{where}: plot 'scatter' shows accuracy over the cost of networks: add a grid of a protocol with"
            f" accuracies; {found} alone."
        )
    if any(one.plot_alone for one in own.values()) and len(protocols) > 1:
        raise UserError(f"{where}: plot '{entry.plot}' draws cells of protocol {names} alone; {found}.")


def check_axes(given: Mapping[str, Iterable[str]], grids: Sequence[Grid], where: str) -> None:
    """Raise UserError if a key of `given` names an axis that no cell of `grids` has."""
    valid = set().union(*(axes_of(grid) for grid in grids))
    for key, axes in given.items():
        for axis in axes:
            if axis not in valid:
                protocols = " and ".join(sorted({grid.protocol for grid in grids}))
                raise UserError(
                    f"{where}: `{key}` names the axis '{axis}', which cells of protocol {protocols} do not have."
                    f" Valid: {', '.join(sorted(valid))}."
                )


def layout_axes(entry: Experiment) -> dict[str, list[str]]:
    """Axes named by the entry's layout, by key."""
    found = {"rows": entry.rows, "columns": entry.columns, "panels": entry.panels, "rank": entry.rank}
    return found | {key: [axis] for key in ("x", "series") if (axis := getattr(entry, key))}


def check_gain(grids: Sequence[Grid], where: str) -> None:
    """Raise UserError if an entry of gains has cells of a protocol that is not run for networks from scratch."""
    known = known_protocols()
    if without := sorted({grid.protocol for grid in grids if not known[grid.protocol].baseline}):
        valid = ", ".join(name for name, one in known.items() if one.baseline)
        raise UserError(
            f"{where}: `gain` is the difference to the same network from scratch, for which protocol"
            f" {' and '.join(without)} is not run. Valid protocols: {valid}."
            " Leave `gain` out, or the grids of other protocols."
        )


def check_published(views: Iterable[Mapping[str, object]], where: str) -> None:
    """Raise UserError if a table of published results shows other metrics than the published ones."""
    for view in views:
        if view["metric"] != PUBLISHED_METRIC or view["noise"]:
            shown = f"{view['metric']}{' under noise' if view['noise'] else ''}"
            raise UserError(
                f"{where}: published results are {PUBLISHED_METRIC} of finetuned networks; they cannot be compared with"
                f" {shown}."
            )
