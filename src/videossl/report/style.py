"""How series look in figures, and the settings that all figures share. Names and orders: :mod:`videossl.study.titles`.

The colour and marker of a pretext task stand in its recipe; what has none gets one that no other task has.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from videossl.common.strict import Strict
from videossl.study import titles


class Look(Strict):
    """A series in a figure: its colour, `#RRGGBB`, and one of matplotlib's markers."""

    colour: str
    marker: str


# Okabe and Ito (2008), distinguishable with any colour vision, and a violet; then what is left.
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

# Figures. Embedded fonts, so that a PDF looks the same everywhere.
FIGURE_RC = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.edgecolor": "#444444",
    "grid.color": "#DDDDDD",
    "legend.fontsize": 8.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "videossl",
    "text.parse_math": False,  # a "$" is a "$": titles, classes and names are the user's
}
PNG_DPI = 200


class HasLook(Protocol):
    """A recipe, or the part of it that is about figures."""

    @property
    def place(self) -> float | None: ...
    @property
    def colour(self) -> str | None: ...
    @property
    def marker(self) -> str | None: ...


def task_looks(tasks: Mapping[str, HasLook]) -> dict[str, Look]:
    """The look of each task: its own colour and marker, else those of the palette that no other task has, in turn."""
    order = titles.in_order({name: one.place for name, one in tasks.items()})
    colours = _with_spare(
        [(c := tasks[name].colour) and c.upper() for name in order], [look.colour for look in PALETTE]
    )
    markers = _with_spare([tasks[name].marker for name in order], [look.marker for look in PALETTE])
    return {n: Look(colour=c, marker=m) for n, c, m in zip(order, colours, markers, strict=True)}


def _with_spare(given: Sequence[str | None], palette: Sequence[str]) -> list[str]:
    """`given`, and in the place of each None the next of the palette that is not given; from the first on again when
    none is left."""
    spare = itertools.cycle([one for one in palette if one not in given] or palette)
    return [next(spare) if one is None else one for one in given]


@cache
def _shipped_looks() -> dict[str, Look]:
    return task_looks(titles.shipped_tasks())


def look(axis: str, value: Any, position: int, looks: Mapping[str, Look] | None = None) -> Look:
    """Colour and marker of a series.

    Args:
        position: of the series among the others; it chooses the look of what has none of its own.
        looks: of the tasks of a study; left out: of the project's own.
    """
    if axis != "task":
        return PALETTE[position % len(PALETTE)]
    own = _shipped_looks() if looks is None else looks
    spare = [look for look in PALETTE if look not in own.values()] or PALETTE
    return own.get(str(value)) or spare[position % len(spare)]
