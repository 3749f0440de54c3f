"""The paper's numbers, from `config/paper_values.csv`.

One row per number, as printed in the paper ("A Large-Scale Analysis on Contextual Self-Supervised Video Representation
Learning") and its supplement or, if `caption` says so, on the authors' website. `value` is in the row's `unit`:
percent, millions (of parameters) or gflops. An identity column is empty if the paper's table does not specify it.
`note` records doubts about the source (none was corrected) and identities that the source names differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from videossl.claims.ask import QUOTED_BACKBONE
from videossl.common.errors import UserError, unknown_name
from videossl.common.results import CONDITION
from videossl.study.titles import BASELINE_TASK

COLUMNS = (
    *("table", "caption", "task", "backbone", "source", "subset", "epochs", "complexity", "protocol"),
    *("teachers", "noise", "severity", "target", "metric", "value", "unit", "note"),
)
# An empty column of OPEN means that the paper's table does not specify it, so the row applies to every cell (the table
# of subset sizes does not state epochs). An empty column of STRICT means none (a clean test set, no teacher), so the
# cell must have none either.
OPEN = ("task", "backbone", "source", "subset", "epochs", "complexity", "protocol", "target")
STRICT = ("teachers", "noise", "severity")
UNLESS_STATED = {"source": "k400", "subset": "50k"}
"""Appendix C.4: "Unless otherwise stated, pre-training is done on K400-50k subset for all experiments"."""
CHOSEN = ("task", "backbone", "source", "subset")
"""Axes on which we must choose where the paper does not say what its number is of."""
_SCALES = {"percent": 0.01, "millions": 1.0, "gflops": 1.0}


def read_paper_values(path: str | Path) -> pd.DataFrame:
    """All rows, with identity columns as strings and `value` as a float in our units (percent become fractions).

    Raises UserError if the file cannot be read, with the row of an invalid number.
    """
    if not Path(path).is_file():
        raise UserError(f"the file of the paper's values, {path}, does not exist.")
    try:
        # As Python's own strings: rows are taken out one by one, for every entry.
        frame = pd.read_csv(path, dtype=object, keep_default_na=False, index_col=False)
    except (OSError, ValueError) as error:  # pandas' own errors and encoding errors are ValueErrors
        said = " ".join(str(error).split())
        raise UserError(f"the file of the paper's values, {path}, cannot be read as CSV in UTF-8: {said}.") from None
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{path}: the columns are {list(frame.columns)}, expected {list(COLUMNS)}.")
    if unknown := sorted(set(frame["unit"]) - set(_SCALES)):
        raise unknown_name("unit", unknown[0], _SCALES, str(path))
    numbers = pd.to_numeric(frame["value"], errors="coerce")
    if wrong := list(frame.index[~np.isfinite(numbers)]):
        text = frame["value"][wrong[0]]
        raise UserError(f"{path}, row {wrong[0] + 1} below the header: `value` is '{text}', which is no number.")
    # Rounded, since 41.2 * 0.01 is 0.41200000000000003.
    frame["value"] = (numbers.astype(float) * frame["unit"].map(_SCALES).astype(float)).round(6)
    return frame


class PaperTable:
    """One of the paper's tables, for looking up the number of a cell."""

    def __init__(self, values: pd.DataFrame, name: str) -> None:
        names = sorted(set(values["table"]))
        if name not in names:
            raise unknown_name("paper table", name, names, "config/paper_values.csv")
        self.name = name
        self.source = values.loc[values["table"] == name, "caption"].iloc[0]
        self._rows = values[values["table"] == name].to_dict("records")

    def find(self, identity: Mapping[str, Any], metric: str) -> float | None:
        """The paper's number for a cell; None if it has none.

        A row applies if its columns equal the cell's; see OPEN and STRICT for empty columns.

        Raises:
            UserError: rows with different numbers apply to the cell.
        """
        return self._one([row["value"] for row in self.rows_of(identity, metric)], identity, metric)

    def rows_of(self, identity: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
        """The rows that apply to a cell."""
        if identity["task"] == BASELINE_TASK and not identity["teachers"]:
            return []  # rows without a task do not apply to an untrained network
        if identity.get("labels"):
            return []  # the paper always finetunes with all labels
        asked, name = asked_for(identity, metric)
        return [row for row in self._rows if row["metric"] == name and _applies(row, asked)]

    def unstated(self, identity: Mapping[str, Any], metric: str) -> tuple[str, ...]:
        """The axes of a cell on which the paper does not say what its number is of."""
        rows = [row | stated_data(row) for row in self.rows_of(identity, metric)]
        return tuple(axis for axis in CHOSEN if identity.get(axis) and rows and not rows[0][axis])

    def _one(self, found: list[float], identity: Mapping[str, Any], metric: str) -> float | None:
        numbers = set(found)
        if len(numbers) > 1:
            told = {key: str(identity[key]) for key in (*OPEN, *STRICT) if key in identity}
            raise UserError(
                f"paper table '{self.name}' has {len(numbers)} values of {metric} for {told}; "
                "name another `paper_table`, or none."
            )
        return numbers.pop() if numbers else None

    def quoted(self) -> list[dict[str, Any]]:
        """The rows that the paper quotes from the tasks' own papers."""
        return [row for row in self._rows if row["backbone"] == QUOTED_BACKBONE]


def stated_data(row: Mapping[str, str]) -> dict[str, str]:
    """Source and subset of a row, with what the paper uses unless it says otherwise; "" if it says neither."""
    source, subset = row["source"], row["subset"]
    if not subset and source in ("", UNLESS_STATED["source"]):
        return dict(UNLESS_STATED)
    return {"source": source, "subset": subset}


def asked_for(identity: Mapping[str, Any], metric: str) -> tuple[dict[str, Any], str]:
    """The cell and metric under which the paper has a number.

    The accuracy without noise, which we measure for each kind of noise on its own videos, is one number in the paper:
    that of the finetuned network.
    """
    if metric == "clean_top1":
        return {**identity, **CONDITION, "protocol": "finetune"}, "top1"
    return dict(identity), metric


def _applies(row: Mapping[str, Any], identity: Mapping[str, Any]) -> bool:
    given = {key: str(identity.get(key, "")) for key in (*OPEN, *STRICT)}
    given["severity"] = "" if given["severity"] == "0" else given["severity"]
    return all(row[key] in ("", given[key]) for key in OPEN) and all(row[key] == given[key] for key in STRICT)
