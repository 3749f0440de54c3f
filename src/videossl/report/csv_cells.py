"""CSV files that are safe to open in a spreadsheet.

Spreadsheets interpret a cell that starts with certain characters as a formula, which may read files or call other
programs. Titles, names and labels come from users or third parties. Such texts get a leading apostrophe, which
spreadsheets interpret as "this is text". Numbers are unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Leading characters of formulas, including full-width forms, which some spreadsheets also accept."""


def csv_cell(value: Any) -> Any:
    """The value of a cell, with a leading apostrophe if it is a text that looks like a formula."""
    if not isinstance(value, str) or not value.lstrip(" ").startswith(FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def csv_text(frame: pd.DataFrame) -> str:
    """A table as CSV: one header line, no index, line feeds as line ends."""
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
