"""CSV files that a spreadsheet opens without running anything.

Spreadsheets take a cell that begins with one of a few characters for a formula, which may read files or call other
programs. Titles, names and labels are the user's or somebody else's: such a text is written with an apostrophe before
it, which spreadsheets take for "this is text". Numbers are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What the cells begin with that spreadsheets calculate; full-width letters among them, which some read alike."""


def csv_cell(value: Any) -> Any:
    """The value of a cell; a text that would be taken for a formula has an apostrophe before it."""
    if not isinstance(value, str) or not value.lstrip(" ").startswith(FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def csv_text(frame: pd.DataFrame) -> str:
    """A table as CSV: one header, no index, lines end with a line feed."""
    guarded = frame.rename(columns=csv_cell)
    texts = guarded.select_dtypes(exclude=["number", "bool"]).columns
    guarded = guarded.assign(**{str(name): guarded[name].map(csv_cell, na_action="ignore") for name in texts})
    return guarded.to_csv(index=False, lineterminator="\n")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
