"""`train.jsonl`: one JSON line an epoch. Imports no torch, so that whoever looks on can read it quickly.

It lives in the run folder, as a rule's log is wiped at every attempt.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from videossl.files import full_disk_explained, write_text


class History:
    """The epochs of the run in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "train.jsonl"

    def rewind(self, epoch: int) -> None:
        """Forget epochs from `epoch` on (0-based), which a resumed run will train again."""
        if self.path.exists():
            kept = [entry for entry in self.entries() if entry["epoch"] <= epoch]
            write_text(self.path, "".join(_line(entry) for entry in kept))

    def add(self, entry: dict[str, Any]) -> None:
        """Append one epoch; its `epoch` counts from 1. A line that does not fit on the disk is taken back."""
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
        """All epochs, oldest first. A line that a kill, or a write under way, left half written is none."""
        found = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return found

    def last(self) -> dict[str, Any] | None:
        """The newest epoch, or None."""
        entries = self.entries()
        return entries[-1] if entries else None


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True) + "\n"
