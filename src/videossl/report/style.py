"""Colours and markers of everything that figures show, and matplotlib settings. Names: :mod:`videossl.study.titles`.

A value of an axis has the same colour in all figures of a study, and no colour of one axis is one of another. Recipes
define the colour and marker of their task, other tasks get unused ones; the values of other axes get theirs by their
place among all values of the study, whether a figure shows them or not.
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


Looks = Mapping[str, Mapping[str, Look]]
"""Styles by axis and value."""


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
        ("#8B4513", "*"),
        ("#00A3A3", "<"),
        ("#2A2A9E", ">"),
        ("#000000", "h"),
        ("#999999", "p"),
        ("#8C6D1F", "d"),
    )
)

# Tol's scheme "muted" with further colours, for networks, and his "bright", for datasets (personal.sron.nl/~pault).
NETWORKS = (
    *("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"),
    *("#661100", "#6699CC", "#888888", "#AA4466", "#225555", "#BB8866", "#7777AA"),
)
DATASETS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB", "#775533", "#99BB77")
# ColorBrewer's "YlGnBu" without its lightest colours: amounts go from light to dark.
AMOUNTS = ("#7FCDBB", "#41B6C4", "#1D91C0", "#225EA8", "#253494", "#081D58")
TEACHERS = ("#D0D0D0", "#A8A8A8", "#828282", "#5E5E5E", "#3C3C3C")
"""Of the first teacher, the second one, and so on."""
STUDENT = "#B2182B"
BASELINE_COLOUR, CHANCE_COLOUR, PAPER_COLOUR = "#222222", "#777777", "#555555"
"""Of networks without pretraining, of chance, and of the paper's values."""
_MARKERS = tuple(look.marker for look in PALETTE)

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
# Of figures for papers.
PRINT_RC = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.5,
}
PRINT_DPI = 300
COLUMN_INCHES = {1: 3.35, 2: 6.9}
"""Width of a figure of one or two columns of a paper."""


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


def looks(
    tasks: Mapping[str, HasLook], datasets: Sequence[str], networks: Sequence[str], amounts: Mapping[str, Sequence[Any]]
) -> Looks:
    """Style of each value, by axis.

    Args:
        tasks: the study's tasks.
        datasets: names of its datasets, in a fixed order.
        networks: names of all networks, in a fixed order.
        amounts: values of axes of amounts, such as subsets, from the smallest to the largest.
    """
    of_datasets = _in_turn(datasets, DATASETS)
    found = {"task": task_looks(tasks), "backbone": _in_turn(networks, NETWORKS)}
    found |= {"source": of_datasets, "target": of_datasets}
    return found | {axis: _in_turn(values, _spread(len(values))) for axis, values in amounts.items()}


def _in_turn(values: Sequence[Any], colours: Sequence[str]) -> dict[str, Look]:
    """Each value with the next colour and marker."""
    turns = zip(map(str, values), itertools.cycle(colours), itertools.cycle(_MARKERS), strict=False)
    return {value: Look(colour=colour, marker=marker) for value, colour, marker in turns}


def _spread(count: int) -> Sequence[str]:
    """`count` colours of amounts, as far apart as there are."""
    last = len(AMOUNTS) - 1
    return (
        [AMOUNTS[round(place * last / max(1, count - 1))] for place in range(count)] if 0 < count <= last else AMOUNTS
    )


@cache
def _own_looks() -> Looks:
    """Styles of the project's own tasks, datasets and networks."""
    networks = titles.in_order({name: one.place for name, one in titles.networks().items()})
    return looks(titles.shipped_tasks(), list(titles.DATASETS), networks, {"severity": range(1, 6)})


def look(axis: str, value: Any, position: int, given: Looks | None = None) -> Look:
    """Colour and marker of a series.

    Args:
        position: index among the series; determines the style of a value that has none of its own.
        given: styles of the study; default: the project's own.
    """
    own = (_own_looks() if given is None else given).get(axis, {})
    spare = [look for look in PALETTE if look not in own.values()] or PALETTE
    return own.get(str(value)) or spare[position % len(spare)]
