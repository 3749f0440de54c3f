"""The paper's numbers, from `config/paper_values.csv`.

One row a number, as printed in the paper ("A Large-Scale Analysis on Contextual Self-Supervised Video
Representation Learning") and its supplement or, where `caption` says so, on the authors' website. `value`
is in the row's `unit`: percent, millions (of parameters) or gflops. An identity column is empty where the
paper's table does not say. `note` records doubts about the source, none of which was corrected, and where an
identity is named otherwise than in the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from videossl.common.errors import UserError, unknown_name
from videossl.study.titles import BASELINE_TASK

COLUMNS = (
    *("table", "caption", "task", "backbone", "source", "subset", "epochs", "complexity", "protocol"),
    *("teachers", "noise", "severity", "target", "metric", "value", "unit", "note"),
)
# Empty in the paper's table: it does not say, and the row serves every cell (the sub-table of subset sizes
# is silent about epochs). Empty in one of STRICT: there is none (a clean test set, no teacher); neither must
# the cell have one.
OPEN = ("task", "backbone", "source", "subset", "epochs", "complexity", "protocol", "target")
STRICT = ("teachers", "noise", "severity")
QUOTED_BACKBONE = "as in the original paper"
"""The backbone of a number that the paper quotes from the task's own paper, under conditions of its own."""
_SCALES = {"percent": 0.01, "millions": 1.0, "gflops": 1.0}


def read_paper_values(path: str | Path) -> pd.DataFrame:
    """All rows, identity columns as strings, `value` as a float in our units (percent become fractions). UserError with
    the line of a number that is none."""
    if not Path(path).is_file():
        raise UserError(f"the file of the paper's values, {path}, does not exist.")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except (OSError, ValueError) as error:  # pandas' own errors, and those of the encoding, are ValueErrors
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
    # Rounded, for 41.2 * 0.01 is 0.41200000000000003 and would be written so.
    frame["value"] = (numbers.astype(float) * frame["unit"].map(_SCALES).astype(float)).round(6)
    return frame


class PaperTable:
    """One of the paper's tables, asked for the number that belongs to a cell."""

    def __init__(self, values: pd.DataFrame, name: str) -> None:
        names = sorted(set(values["table"]))
        if name not in names:
            raise unknown_name("paper table", name, names, "config/paper_values.csv")
        self.name = name
        self.source = values.loc[values["table"] == name, "caption"].iloc[0]
        self._rows = values[values["table"] == name].to_dict("records")

    def find(self, identity: Mapping[str, Any], metric: str) -> float | None:
        """The paper's number for a cell, or None where it has none.

        A row applies when its columns equal the cell's; see OPEN and STRICT for the empty ones.

        Raises:
            UserError: several different numbers apply, so the cell is not told apart.
        """
        if identity["task"] == BASELINE_TASK and not identity["teachers"]:
            return None  # rows that leave the task open do not mean an untrained network
        fitting = [row for row in self._rows if row["metric"] == metric and _applies(row, identity)]
        numbers = {row["value"] for row in fitting}
        if len(numbers) > 1:
            told = {key: str(identity[key]) for key in (*OPEN, *STRICT) if key in identity}
            raise UserError(
                f"paper table '{self.name}' has {len(numbers)} values of {metric} for {told}; "
                "name another `paper_table`, or none."
            )
        return numbers.pop() if numbers else None

    def quoted(self) -> list[dict[str, Any]]:
        """The rows that are no results of the paper's own: numbers from the tasks' own papers."""
        return [row for row in self._rows if row["backbone"] == QUOTED_BACKBONE]


def _applies(row: Mapping[str, Any], identity: Mapping[str, Any]) -> bool:
    given = {key: str(identity.get(key, "")) for key in (*OPEN, *STRICT)}
    given["severity"] = "" if given["severity"] == "0" else given["severity"]
    return all(row[key] in ("", given[key]) for key in OPEN) and all(row[key] == given[key] for key in STRICT)
