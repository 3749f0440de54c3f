"""Decides from their records whether finished results are those that the configuration asks for.

Snakemake relies on file times and on its metadata in `.snakemake`. Both are lost when results are copied: a finished
training would run again, and results of another configuration would be accepted. Also, Snakemake does not miss a file
while something made from it exists: if a run is killed while it makes something again, the old tables would satisfy it.
Therefore all jobs are checked in the order of their dependencies before Snakemake looks. Results are believed if they
are complete and were made under the planned specification, from the present inputs, by content. Does not import torch.
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
"""OTHER: complete, but made under another specification or from other inputs, or of another size than recorded.
UNKNOWN: complete, but without a record (of an older version), or made from something without one; Snakemake decides."""


@dataclass
class Beliefs:
    """The state of each job of a study, in the order of dependencies."""

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
    """What dependent jobs need to know of a job."""

    state: str = UNKNOWN
    digest: str = ""
    """Digest of the job's results, also if they are gone but would be made identically; "" if unknown."""
    differs: bool = False
    """Whether the recorded results differ from what the configuration asks for."""


def judge(study: Study) -> Beliefs:
    """Check all results of a study. Reads only file status and small records; nothing if there are no results."""
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
        rendered = OTHER if job.is_rendering else UNKNOWN  # tables are quickly made again
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
    """Total size of the result files in bytes; None if one is missing."""
    total = 0
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            return None
        total += status.st_size if stat.S_ISREG(status.st_mode) and path.name != "run.json" else 0
    return total


def set_apart(beliefs: Beliefs, tell: Callable[[str], None]) -> None:
    """Make Snakemake see results as they were judged.

    Results of another configuration are marked as incomplete, so that they are made again where needed; so are tables
    with a missing file. Believed results get times that are not older than those of their inputs. `tell` receives
    messages for the user.
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
            "Snakemake's folder .snakemake, where this is recorded, cannot be written: they may count as up to date. "
            "The owner of the folder can run this command."
        )
    made_again = [job for job in beliefs.of(OTHER) if not job.is_rendering]
    if made_again:
        tell(
            f"{len(made_again)} results were made under another configuration, from other data, or are damaged, "
            f"{made_again[0].outputs[0]} first: those that are needed will be made again."
        )
    _set_times(beliefs, tell)


def _set_times(beliefs: Beliefs, tell: Callable[[str], None]) -> None:
    """Order the times of believed files as Snakemake expects; leaves those that are in order. Times in the future (from
    another machine's clock) become now, as nothing new could be newer."""
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
    """Modification time in nanoseconds; None if the file does not exist."""
    try:
        return _carrier(path).stat().st_mtime_ns
    except OSError:
        return None


def _carrier(path: Path) -> Path:
    """The file whose time Snakemake uses for `path`: for a folder, its marker file."""
    mark = path / ".snakemake_timestamp"
    return mark if not path.suffix and mark.exists() else path


def _set(path: Path, when: int) -> bool:
    try:
        os.utime(_carrier(path), ns=(when, when))
    except OSError:
        return False
    return True
