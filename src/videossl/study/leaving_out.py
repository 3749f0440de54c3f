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
    given = {axis: list(values or []) for axis, values in (config.leave_out or {}).items()}
    return {axis: values for axis, values in given.items() if values and axis not in config.restrict}


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
                raise _too_few(grid, key, len(kept[key]), place_of_key("leave_out", axis), where)
    return grid.model_copy(update=kept) if kept else grid


def _too_few(grid: Grid, key: str, kept: int, place: str, where: str) -> UserError:
    """The error for a key of a grid of which only `kept` values are left."""
    least, listed = FEWEST.get(key, 1), ", ".join(map(str, getattr(grid, key)))
    lost = f"all but {kept} of the values" if kept else "all values"
    return UserError(
        f"{place} names {lost} of `{key}` in a grid of {where}: {listed}. Leave at least {least} of them in, or give"
        f" the grid {'another value' if least == 1 else 'others'}."
    )


def check(config: Config, grids: Iterable[Grid], place_of_key: Callable[..., str]) -> None:
    """Raise UserError for a value of `leave_out` that none of `grids` lists beside others."""
    grids = list(grids)
    for axis, values in (config.leave_out or {}).items():
        listed = [value for grid in grids for key in _several(grid, axis) for value in getattr(grid, key)]
        for value in values or []:
            if value not in listed:
                remedy = (
                    f"These are the values that an entry of {config.experiments_file} lists beside others; `leave_out:"
                    " null` leaves nothing out."
                )
                raise unknown_name(axis, value, dict.fromkeys(listed), place_of_key("leave_out", axis), remedy)


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
