"""What the workflow tells the display, as a further attribute of Snakemake's log records.

Without the plugin, Snakemake shows the messages of these records and ignores the attribute.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ATTRIBUTE = "videossl"


@dataclass(frozen=True)
class Beginning:
    """Before the first job."""

    seconds: Mapping[int, float] = field(default_factory=dict)
    """Estimated duration of jobs, by their number in Snakemake; jobs without an estimate are left out."""
    needs: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Numbers of the jobs that each job waits for."""
    rules: Mapping[int, str] = field(default_factory=dict)
    """Rule of each job."""
    log: str = ""
    """Path of the full log; "" if there is none."""


@dataclass(frozen=True)
class Ending:
    """After the last job: the message of the record is shown at the very end."""


@dataclass(frozen=True)
class Said:
    """The message is always shown."""


Note = Beginning | Ending | Said


def told(note: Note) -> dict[str, Note]:
    """The argument `extra` of a call of a logger."""
    return {ATTRIBUTE: note}


def note_of(record: logging.LogRecord) -> Note | None:
    """What the workflow tells with a record; None for Snakemake's own."""
    found = getattr(record, ATTRIBUTE, None)
    return found if isinstance(found, Note) else None
