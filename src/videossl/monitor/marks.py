"""Snakemake's marks on files whose job has started but not finished; Snakemake makes such files again where needed.

They are files in its folder `.snakemake`, named after the file that they mark.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FOLDER = Path(".snakemake/incomplete")
_LONGEST = 254
"""Longest file name, in characters; longer ones become a chain of folders whose names begin with @."""


def mark_incomplete(paths: Iterable[Path]) -> bool:
    """Mark files as incomplete. Returns False if a mark cannot be written."""
    try:
        for mark in map(_mark_of, paths):
            if not mark.exists():
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.write_text('{"external_jobid": null}', encoding="utf-8")
    except OSError:
        return False
    return True


def unmark(paths: Iterable[Path]) -> None:
    """Remove the marks of files that are complete."""
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
