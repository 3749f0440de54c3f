"""Whether what a finished run has left can be used: looked at before it is shown. Imports no torch, no pandas."""

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
"""What a table has at least, that is the file of its name."""


def problem_of_run(folder: Path, *, wholly: bool = False) -> str:
    """What is wrong with the results of a finished run, with the remedy, in one line; "" if nothing is.

    `wholly`: read predictions and maps too; else only their two ends, which tells those that were cut off or are empty.
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
