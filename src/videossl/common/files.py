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
"""Ending of the names of files that are being written."""
_HALF_WRITTEN = re.compile(rf"\..+\.({PATTERN}|\d+){re.escape(HALF)}", re.DOTALL)
"""Older versions named them by the process id alone."""

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of writing that mean a disk, a quota or a file that is full."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on failure it is removed.

    A process that is killed leaves it. It is named by its process, so that whoever writes `path` next, or starts the
    workflow (:mod:`videossl.common.leftovers`), knows and removes it.
    UserError, with the space that is left, where the disk is full; what was there before is then untouched.
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
    """Where this process writes what is to become `target`."""
    return target.with_name(f".{target.name}.{own_name()}{HALF}")


def writer_of(name: str) -> str | None:
    """The state of the process that writes the file of this name (:mod:`videossl.common.process_name`); None if it is
    not the name of a half-written file."""
    named = _HALF_WRITTEN.fullmatch(name)
    return named and (state_of(named[1]) if "-" in named[1] else ELSEWHERE)


@contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Turn the error of writing `path` to a full disk into a :class:`UserError`; others pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise UserError(
            f"could not write {path}: {error.strerror or error}. {free_space(path)}What was there before is untouched; "
            "free some space and start again: a training goes on from its last checkpoint."
        ) from error


def free_space(path: Path) -> str:
    """How much is free where `path` is to be, as a sentence."""
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
    """Write an Arrow table as Parquet, atomically, with a checksum that
    :func:`videossl.common.intact.read_table` checks.
    """
    with atomic_path(path) as temporary:
        write_table(temporary, table)


def canonical_json(value: Any) -> str:
    """One line of JSON that is equal for equal content: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
