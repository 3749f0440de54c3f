"""Checks whether the results of a finished run can be used, before they are shown. Imports neither torch nor pandas."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.intact import check_ends, check_table, damaged, unreadable
from videossl.training.record import read_run

METRICS, RECORD = "metrics.parquet", "run.json"
COLUMNS = {
    METRICS: ("stage", "metric", "value"),
    "predictions.parquet": ("video", "label", "prediction", "correct", "noise"),
    "cka.parquet": ("row", "column", "cka"),
}
"""Columns that the table of each file name must have."""


def problem_of_run(folder: Path, *, wholly: bool = False) -> str:
    """What is wrong with the results of a finished run, with a remedy, in one line; "" if nothing is.

    wholly: also read predictions and maps completely; otherwise only their two ends, which detects truncated and empty
    files.
    """
    paths = [folder / name for name in (METRICS, RECORD, *COLUMNS)]
    return next((problem for path in paths if (problem := _problem(path, wholly))), "")


def _problem(path: Path, wholly: bool) -> str:
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return str(unreadable(path, error))
    return _looked_at(path, wholly, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16384)
def _looked_at(path: Path, wholly: bool, changed: int, size: int) -> str:
    try:
        if path.name == RECORD:
            read_run(path)
        elif path.name == METRICS or wholly:
            names = check_table(path)
            if not set(COLUMNS[path.name]) <= set(names):
                raise damaged(path, f"is another table than expected: its columns are {', '.join(names)}")
        else:
            check_ends(path)
    except UserError as error:
        return str(error)
    return ""
