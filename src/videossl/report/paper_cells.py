"""The paper's numbers by cell, over all its tables: what other tables print of the cell that a table shows.

The paper prints many cells in several tables, and some with different values. Here, unlike in
:class:`videossl.report.paper.PaperTable`, a row belongs to a cell only if the paper says so: an empty column is not
"any", but what the paper uses unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from videossl.common.results import CONDITION
from videossl.report.paper import OPEN, QUOTED_BACKBONE, STRICT, asked_for, stated_data
from videossl.study.titles import BASELINE_TASK

EPOCHS = "200"
"""Length of the paper's pretraining wherever a table does not compare lengths."""
NAMED = ("task", "backbone", "protocol", "target")
"""What a row must name itself to belong to a cell."""


@dataclass(frozen=True)
class Printed:
    """A number of the paper (a fraction, if it is an accuracy), and where it is printed."""

    value: float
    table: str
    caption: str


class PaperCells:
    """The printed numbers of each cell."""

    def __init__(self, values: pd.DataFrame, complexities: Mapping[str, str]) -> None:
        """Index the rows of :func:`videossl.report.paper.read_paper_values`.

        Args:
            complexities: default complexity of each task, which a row means if it names none.
        """
        self._complexities = complexities
        self._found: dict[tuple[str, ...], list[Printed]] = {}
        # First the rows of the main tables, which name no complexity: where tables differ, the first one counts.
        for row in sorted(values.to_dict("records"), key=lambda row: bool(row["complexity"])):
            stated = row | stated_data(row)
            if row["backbone"] == QUOTED_BACKBONE or not all(stated[key] for key in (*NAMED, "source", "subset")):
                continue
            printed = Printed(row["value"], row["table"], row["caption"])
            self._found.setdefault(self._key(stated, row["metric"]), []).append(printed)

    def of(self, identity: Mapping[str, Any], metric: str) -> Sequence[Printed]:
        """Every printed number of a cell: of tables without complexities first, then in the order of the file."""
        if identity["task"] == BASELINE_TASK and not identity["teachers"]:
            return ()
        return self._found.get(self._key(*asked_for(identity, metric)), ())

    def _key(self, identity: Mapping[str, Any], metric: str) -> tuple[str, ...]:
        texts = {key: str(identity.get(key, "")) for key in (*OPEN, *STRICT)}
        texts["epochs"] = texts["epochs"] or EPOCHS
        texts["severity"] = texts["severity"] or str(CONDITION["severity"])
        texts["complexity"] = texts["complexity"] or self._complexities.get(texts["task"], "")
        return (*texts.values(), metric)
