"""Marks of Snakemake's on files whose job has begun and not ended; it makes such files again wherever they are needed.

They are files in its folder `.snakemake`, by the name of the file that they are about.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FOLDER = Path(".snakemake/incomplete")
_LONGEST = 254
"""Letters of a name in a folder; a longer one is a chain of folders, each of whose names begins with @."""


def mark_incomplete(paths: Iterable[Path]) -> bool:
    """Mark files as incomplete. False if a mark cannot be written."""
    try:
        for mark in map(_mark_of, paths):
            if not mark.exists():
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.write_text('{"external_jobid": null}', encoding="utf-8")
    except OSError:
        return False
    return True


def unmark(paths: Iterable[Path]) -> None:
    """Remove the marks of files that are known to be complete."""
    if FOLDER.is_dir() and any(FOLDER.iterdir()):
        for mark in map(_mark_of, paths):
            with suppress(OSError):
                mark.unlink()


def is_marked(path: Path) -> bool:
    """Whether a file is marked as incomplete."""
    return _mark_of(path).exists()


def _mark_of(path: Path) -> Path:
    name = urlsafe_b64encode(str(path).encode()).decode()
    parts = [name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST)]
    return FOLDER.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
