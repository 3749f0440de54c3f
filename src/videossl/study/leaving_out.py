"""What a scale leaves out: values of axes that the entries of `experiments_file` list beside others (`leave_out`).

An axis with a single value keeps it, and so do the teachers of a grid. Entries of the configuration itself
(`experiments`) keep all values, as their author knows the scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from videossl.common.errors import UserError, unknown_name
from videossl.study.config import Config, Grid

LeftOut = dict[str, list[Any]]
"""Values by axis."""
FEWEST = {"pairs": 2}
"""The smallest number of values of a key of a grid; of all others 1."""


def effective(config: Config) -> LeftOut:
    """The values that entries of the experiments file lose. An axis that `restrict` names runs what that says."""
    return {axis: list(values) for axis, values in (config.leave_out or {}).items() if axis not in config.restrict
            and values}  # fmt: skip


def lost(grid: Grid, left_out: LeftOut) -> LeftOut:
    """The values that a grid lists beside others and loses, by axis."""
    found = {
        axis: [value for value in values if any(value in getattr(grid, key) for key in _several(grid, axis))]
        for axis, values in left_out.items()
    }
    return {axis: values for axis, values in found.items() if values}


def thinned(grid: Grid, left_out: LeftOut, where: str, place_of_key: Callable[..., str]) -> Grid:
    """`grid` without the values that it loses.

    Args:
        where: the entry, for error messages.
        place_of_key: file and key of a value of the configuration.

    Raises:
        UserError: too few values of an axis are left.
    """
    kept: dict[str, list[Any]] = {}
    for axis, values in lost(grid, left_out).items():
        for key in _several(grid, axis):
            kept[key] = [value for value in getattr(grid, key) if value not in values]
            if len(kept[key]) < FEWEST.get(key, 1):
                listed, least = ", ".join(map(str, getattr(grid, key))), FEWEST.get(key, 1)
                few = "all values" if not kept[key] else f"all but {len(kept[key])} of the values"
                raise UserError(
                    f"{place_of_key('leave_out', axis)} names {few} of `{key}` in a grid of {where}: {listed}. Leave at"
                    f" least {least} of them in, or give the grid {'another value' if least == 1 else 'others'}."
                )
    return grid.model_copy(update=kept) if kept else grid


def check(config: Config, grids: Iterable[Grid], place_of_key: Callable[..., str]) -> None:
    """Raise UserError for a value of `leave_out` that none of `grids` lists beside others."""
    grids = list(grids)
    for axis, values in (config.leave_out or {}).items():
        listed = [value for grid in grids for key in _several(grid, axis) for value in getattr(grid, key)]
        for value in values or []:
            if value not in listed:
                raise unknown_name(
                    axis, value, dict.fromkeys(listed), place_of_key("leave_out", axis),
                    f"These are the values that an entry of {config.experiments_file} lists beside others; `leave_out:"
                    " null` leaves nothing out.",
                )  # fmt: skip


def joined(parts: Iterable[Mapping[str, list[Any]]]) -> LeftOut:
    """The values of all parts, each once."""
    found: LeftOut = {}
    for part in parts:
        for axis, values in part.items():
            found[axis] = list(dict.fromkeys([*found.get(axis, []), *values]))
    return found


def _several(grid: Grid, axis: str) -> list[str]:
    """The keys of a grid that list several values of an axis: pairs of models are models, too."""
    keys = [axis, "pairs"] if axis == "model" else [axis]
    return [key for key in keys if len(getattr(grid, key)) > 1]
