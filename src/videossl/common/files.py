"""Atomic writing: a file appears under its name only when it is complete."""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from videossl.common.errors import UserError
from videossl.common.intact import write_table
from videossl.common.process_name import ELSEWHERE, ENDED, PATTERN, own_name, state_of

HALF = ".tmp"
"""Suffix of files that are still being written."""
_HALF_WRITTEN = re.compile(rf"\..+\.({PATTERN}|\d+){re.escape(HALF)}", re.DOTALL)
"""Older versions used the process id alone."""

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Error numbers for a full disk, an exceeded quota, or a file above the size limit."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. On success it replaces `path`; on failure it is removed.

    A killed process leaves its temporary file behind. The file name contains the process's name, so the next process
    that writes `path`, or the next start of the workflow (:mod:`videossl.common.leftovers`), removes it.

    Raises:
        UserError: the disk is full. The text gives the free space; the previous content of `path` is unchanged.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{glob.escape(target.name)}.*{HALF}"):
        if writer_of(left.name) == ENDED:
            left.unlink(missing_ok=True)
    temporary = half_written(target)
    try:
        with full_disk_explained(target):
            yield temporary
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def half_written(target: Path) -> Path:
    """The temporary path at which this process writes `target`."""
    return target.with_name(f".{target.name}.{own_name()}{HALF}")


def writer_of(name: str) -> str | None:
    """State of the process that writes the temporary file `name` (:mod:`videossl.common.process_name`). None if `name`
    is not the name of a temporary file."""
    named = _HALF_WRITTEN.fullmatch(name)
    return named and (state_of(named[1]) if "-" in named[1] else ELSEWHERE)


@contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Context manager: an OSError for a full disk while writing `path` becomes a :class:`UserError`. Others pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise UserError(
            f"could not write {path}: {error.strerror or error}. {free_space(path)}The previous file is unchanged. "
            "Free some space and start again; training resumes from its last checkpoint."
        ) from error


def free_space(path: Path) -> str:
    """A sentence with the free space on the disk of `path`; "" if it is unknown."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return ""
    return f"{free} bytes ({free / 2**30:.2f} GiB) are free in {path.parent}. "


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path`, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_parquet(path: str | Path, table: pa.Table) -> None:
    """Write an Arrow table as Parquet, atomically, with the checksum that :func:`videossl.common.intact.read_table`
    compares."""
    with atomic_path(path) as temporary:
        write_table(temporary, table)


def canonical_json(value: Any) -> str:
    """One line of JSON, equal for equal content: sorted keys, no spaces. NaN raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
