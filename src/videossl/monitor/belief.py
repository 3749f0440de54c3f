"""Whether finished results are those that the configuration asks for, told by their own records.

Snakemake goes by the times of files and by its notes in `.snakemake`. Both are lost when results are copied: a finished
training would be run again, and one of another configuration believed. And it misses a file only where nothing that was
made from it is left: after a run that was killed while it made something again, the tables of before would do. So
before Snakemake looks, the jobs are gone through from the ground up. Results are believed if they are complete, were
made under the planned specification, and from what is there now, by content. Imports no torch.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from videossl.common.specification import hash_of
from videossl.data.provenance import read_record, record_of
from videossl.monitor.marks import mark_incomplete, unmark
from videossl.report.renderings import renderings_of
from videossl.stages.cells import Cell
from videossl.stages.jobs import PlannedJob, jobs_of
from videossl.study.study import Study

BELIEVED, OTHER, UNKNOWN, ABSENT = ("believed", "other", "unknown", "absent")
"""OTHER: complete, but made under another specification, from something else, or changed in size since. UNKNOWN:
complete, without a record that says how it was made (of an older version), or from something that has none; Snakemake
decides, as ever."""


@dataclass
class Beliefs:
    """What is thought of each job of a study, the needed ones first."""

    jobs: list[tuple[PlannedJob, str]] = field(default_factory=list)

    @property
    def of_cells(self) -> dict[Cell, str]:
        """The state of each cell."""
        return {job.cell: state for job, state in self.jobs if job.cell is not None}

    def of(self, state: str) -> list[PlannedJob]:
        """The jobs in a state."""
        return [job for job, one in self.jobs if one == state]


@dataclass(frozen=True)
class _Judged:
    """What jobs that start from another must know of it."""

    state: str = UNKNOWN
    digest: str = ""
    """Of what it made; also where that is gone, if the same would be made again. "" if that is not known."""
    differs: bool = False
    """Whether what its record tells of is not what the configuration asks for."""


def judge(study: Study) -> Beliefs:
    """Look at all results of a study: file status and small records only; nothing where there are no results."""
    found = Beliefs()
    if not Path(study.config.results_dir).is_dir():
        return found
    known: dict[Path, _Judged] = {}  # by record
    for job in (*jobs_of(study), *renderings_of(study)):
        judged = _judged(job, known)
        for path in dict.fromkeys(map(record_of, job.outputs)):
            known[path] = judged
        found.jobs.append((job, judged.state))
    return found


def _judged(job: PlannedJob, known: dict[Path, _Judged]) -> _Judged:
    """The state of a job, and the digest of what it made."""
    size = _bytes(job.outputs)
    record = read_record(record_of(job.outputs[0]))
    if not record:
        rendered = OTHER if job.is_rendering else UNKNOWN  # a table is soon made again
        return _Judged(ABSENT if size is None else rendered)
    below = [known.get(path, _Judged()) for path in dict.fromkeys(map(record_of, job.inputs))]
    if _differs(job, record, size, below):
        return _Judged(ABSENT if size is None else OTHER, differs=True)
    if not all(one.digest for one in below):
        return _Judged(ABSENT if size is None else UNKNOWN)
    return _Judged(ABSENT if size is None else BELIEVED, str(record.get("digest", "")))


def _differs(job: PlannedJob, record: dict[str, Any], size: int | None, below: Sequence[_Judged]) -> bool:
    """Whether a job's results, there or gone, are others than those that the configuration asks for."""
    if size is not None and record.get("bytes") != size:
        return True  # copied in part, or cut
    if any(one.differs for one in below) or record.get("spec") != hash_of(job.spec()):
        return True
    if job.is_rendering and any(one.state == ABSENT for one in below):
        return True
    digests = sorted(one.digest for one in below)
    return all(digests) and digests != record.get("inputs")


def _bytes(paths: tuple[Path, ...]) -> int | None:
    """Bytes of all result files; None if one is missing."""
    total = 0
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            return None
        total += status.st_size if stat.S_ISREG(status.st_mode) and path.name != "run.json" else 0
    return total


def set_apart(beliefs: Beliefs, tell: Callable[[str], None]) -> None:
    """Make Snakemake see results as they were judged: what is of another configuration is marked as incomplete, so that
    it is made again where it is needed, and so is a table of which a file is missing; what is believed is no older than
    what it was made from.

    `tell` is called with what the user should know.
    """
    other = [path for job in beliefs.of(OTHER) for path in job.outputs]
    incomplete = other + [
        path for job in beliefs.of(ABSENT) for path in job.outputs if job.is_rendering and path.exists()
    ]
    believed = [path for job in beliefs.of(BELIEVED) for path in job.outputs]
    unmark(believed)
    if not mark_incomplete(incomplete):
        tell(
            f"{len(incomplete)} files, {incomplete[0]} first, were made under another configuration than this one, and "
            "Snakemake's folder .snakemake, where that is noted, cannot be written: they may be taken for right. "
            "The owner of the folder can run this command."
        )
    made_again = [job for job in beliefs.of(OTHER) if not job.is_rendering]
    if made_again:
        tell(
            f"{len(made_again)} results were made under another configuration, from other data, or are damaged, "
            f"{made_again[0].outputs[0]} first: those that are needed are made again."
        )
    _set_times(beliefs, tell)


def _set_times(beliefs: Beliefs, tell: Callable[[str], None]) -> None:
    """Give what is believed the order of times that Snakemake goes by; what holds already is left. Times in the future,
    by the clock of another machine, become now: nothing that is made could be newer."""
    refused: list[Path] = []
    changed: dict[Path, int] = {}
    now = time.time_ns()

    @cache
    def found(path: Path) -> int | None:
        return _time(path)

    def known(path: Path) -> int | None:
        return changed[path] if path in changed else found(path)

    for job in beliefs.of(BELIEVED):
        newest = max((known(path) or 0 for path in job.inputs), default=0)
        for path in job.outputs:
            if known(path) > now or known(path) < newest:
                changed[path] = newest if known(path) < newest else now
                refused += [] if _set(path, changed[path]) else [path]
    refused += [path for job in beliefs.of(OTHER) for path in job.outputs if known(path) > now and not _set(path, now)]
    if refused:
        tell(
            f"The times of {len(refused)} files, {refused[0]} first, cannot be changed, so Snakemake may plan finished "
            "runs again. The owner of the files can run this command."
        )


def _time(path: Path) -> int | None:
    """When a file was changed, in nanoseconds. None if there is none."""
    try:
        return _carrier(path).stat().st_mtime_ns
    except OSError:
        return None


def _carrier(path: Path) -> Path:
    """The file whose time Snakemake takes for that of `path`: in a folder, its own mark."""
    mark = path / ".snakemake_timestamp"
    return mark if not path.suffix and mark.exists() else path


def _set(path: Path, when: int) -> bool:
    try:
        os.utime(_carrier(path), ns=(when, when))
    except OSError:
        return False
    return True
