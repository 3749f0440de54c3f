"""`train.jsonl`: one JSON line per epoch. Does not import torch, so that monitoring tools can read it quickly.

It lies in the run folder, because Snakemake clears a rule's log at every attempt.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from videossl.common.files import full_disk_explained, write_text
from videossl.common.intact import sealed, unsealed


class History:
    """The epochs of the run in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "train.jsonl"

    def rewind(self, epoch: int) -> None:
        """Remove epochs from `epoch` on (0-based), which a resumed run will train again."""
        if self.path.exists():
            kept = [entry for entry in self.entries() if entry["epoch"] <= epoch]
            write_text(self.path, "".join(_line(entry) for entry in kept))

    def add(self, entry: dict[str, Any]) -> None:
        """Append one epoch; its `epoch` counts from 1. A line that does not fit on the disk is removed again."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        size = self.path.stat().st_size if self.path.exists() else 0
        with full_disk_explained(self.path):
            try:
                with self.path.open("a") as handle:
                    handle.write(_line(entry))
            except OSError:
                os.truncate(self.path, size)
                raise

    def entries(self) -> list[dict[str, Any]]:
        """All epochs, oldest first (:func:`read_epochs`)."""
        return read_epochs(self.path)[0]

    def last(self) -> dict[str, Any] | None:
        """The latest epoch, or None."""
        entries = self.entries()
        return entries[-1] if entries else None


_REMEDY = "Make it readable, or remove it: nothing starts from it, but the curve of the training is lost."


def read_epochs(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The epochs in a `train.jsonl`, oldest first, and what is wrong with the file ("" if nothing).

    Skips a partially written last line (after a kill, or during a write), which is not damage. Damaged lines are left
    out and reported.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return [], ""
    except OSError as error:
        return [], f"{path} cannot be read ({error.strerror}). {_REMEDY}"
    entries = [_entry(line) for line in lines if line]
    bad = sum(entry is None for entry in entries[: -1 if lines[-1].startswith(b"{") else None])
    what = f"{path} is damaged: {bad} of {len(entries)} epochs cannot be read and are left out. {_REMEDY}"
    return [entry for entry in entries if entry is not None], what if bad else ""


def _entry(line: bytes) -> dict[str, Any] | None:
    """Parse an epoch; None if the line is damaged or not an epoch."""
    try:
        entry = unsealed(json.loads(line))
    except (ValueError, RecursionError):
        return None
    numbers = all(value is None or isinstance(value, int | float) for value in entry.values())
    return entry if numbers and isinstance(entry.get("epoch"), int) else None


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(sealed(entry), sort_keys=True) + "\n"
