"""Style of series in figures, and matplotlib settings. Names and orders: :mod:`videossl.study.titles`.

Recipes define the colour and marker of their task. Other tasks get unused ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from videossl.common.strict import Strict
from videossl.study import titles


class Look(Strict):
    """Style of a series: its colour, `#RRGGBB`, and a matplotlib marker."""

    colour: str
    marker: str


# Okabe and Ito (2008), distinguishable with any colour vision, plus a violet; then further colours.
PALETTE = tuple(
    Look(colour=colour, marker=marker)
    for colour, marker in (
        ("#E69F00", "o"),
        ("#56B4E9", "s"),
        ("#009E73", "^"),
        ("#CC79A7", "D"),
        ("#0072B2", "v"),
        ("#D55E00", "P"),
        ("#7B3FA0", "X"),
        ("#000000", "*"),
        ("#999999", "<"),
        ("#8C6D1F", ">"),
    )
)

# Fonts are embedded, so that a PDF looks the same everywhere.
FIGURE_RC = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.edgecolor": "#444444",
    "grid.color": "#DDDDDD",
    "legend.fontsize": 8.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "videossl",
    "text.parse_math": False,  # titles, classes and names are the user's text; "$" is literal
}
PNG_DPI = 200


class HasLook(Protocol):
    """A recipe, or its part about figures."""

    @property
    def place(self) -> float | None: ...
    @property
    def colour(self) -> str | None: ...
    @property
    def marker(self) -> str | None: ...


def task_looks(tasks: Mapping[str, HasLook]) -> dict[str, Look]:
    """Style of each task: its own colour and marker, otherwise the next ones of the palette that no task uses."""
    order = titles.in_order({name: one.place for name, one in tasks.items()})
    colours = _with_spare(
        [(c := tasks[name].colour) and c.upper() for name in order], [look.colour for look in PALETTE]
    )
    markers = _with_spare([tasks[name].marker for name in order], [look.marker for look in PALETTE])
    return {n: Look(colour=c, marker=m) for n, c, m in zip(order, colours, markers, strict=True)}


def _with_spare(given: Sequence[str | None], palette: Sequence[str]) -> list[str]:
    """`given`, with each None replaced by the next unused value of the palette.

    Starts again with the first value if all are used.
    """
    spare = itertools.cycle([one for one in palette if one not in given] or palette)
    return [next(spare) if one is None else one for one in given]


@cache
def _shipped_looks() -> dict[str, Look]:
    return task_looks(titles.shipped_tasks())


def look(axis: str, value: Any, position: int, looks: Mapping[str, Look] | None = None) -> Look:
    """Colour and marker of a series.

    Args:
        position: index among the series; determines the style if the series has none of its own.
        looks: styles of the study's tasks; default: the project's own.
    """
    if axis != "task":
        return PALETTE[position % len(PALETTE)]
    own = _shipped_looks() if looks is None else looks
    spare = [look for look in PALETTE if look not in own.values()] or PALETTE
    return own.get(str(value)) or spare[position % len(spare)]
