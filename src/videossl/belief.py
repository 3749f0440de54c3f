"""Whether finished results are those that the configuration asks for, told by their own records.

Snakemake goes by the times of files and by its notes in `.snakemake`. Both are lost when results are copied: a finished
training would be run again, and one of another configuration believed. So before Snakemake looks, the jobs are gone
through from the ground up. Results are believed if they are complete, were made under the planned specification, and
from what is there now, by content. Imports no torch.
"""

from __future__ import annotations

import json
import os
import stat
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from videossl.cells import Cell
from videossl.experiments import Study
from videossl.files import canonical_json
from videossl.jobs import Job, jobs_of
from videossl.made import read_record, record_of
from videossl.specs import spec_hash

BELIEVED, OTHER, UNKNOWN, ABSENT = ("believed", "other", "unknown", "absent")
"""OTHER: complete, but made under another specification or from something else. UNKNOWN: complete, without a record
that says how it was made (of an older version), or from something that is not there; Snakemake decides, as ever."""
RENDERED = ("tables/*.*", "figures/*.*", "metrics.parquet", "report.html")
NOTES = Path(".snakemake/metadata")
SECOND = 1_000_000_000


@dataclass
class Beliefs:
    """What is thought of each job of a study, the needed ones first."""

    jobs: list[tuple[Job, str]] = field(default_factory=list)
    rendered: list[Path] = field(default_factory=list)
    """Tables, figures and what else is made of results."""

    @property
    def of_cells(self) -> dict[Cell, str]:
        """The state of each cell."""
        return {job.cell: state for job, state in self.jobs if job.cell is not None}


def judge(study: Study) -> Beliefs:
    """Look at all results of a study: file status and small records only; nothing where there are no results."""
    found = Beliefs()
    if not Path(study.config.results_dir).is_dir():
        return found
    root = Path(study.config.results_dir)
    found.rendered = [path for pattern in RENDERED for path in root.glob(pattern)]
    known: dict[Path, tuple[str, str]] = {}  # by record: state, digest
    for job in jobs_of(study):
        state, digest = _judged(job, known)
        for path in dict.fromkeys(map(record_of, job.outputs)):
            known[path] = (state, digest)
        found.jobs.append((job, state))
    return found


def _judged(job: Job, known: dict[Path, tuple[str, str]]) -> tuple[str, str]:
    """The state of a job, and the digest of what it made."""
    size = _bytes(job.outputs)
    if size is None:
        return ABSENT, ""
    record = read_record(record_of(job.outputs[0]))
    if not record or record.get("bytes") != size:
        return UNKNOWN, ""
    if record.get("spec") != spec_hash(job.spec()):
        return OTHER, ""
    below = [known.get(path, (UNKNOWN, "")) for path in dict.fromkeys(map(record_of, job.inputs))]
    states = {state for state, _ in below}
    if OTHER in states:
        return OTHER, ""
    if states - {BELIEVED}:
        return UNKNOWN, ""
    if sorted(digest for _, digest in below) != record.get("inputs"):
        return OTHER, ""
    return BELIEVED, str(record.get("digest", ""))


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


def set_times(beliefs: Beliefs, tell: Callable[[str], None]) -> list[str]:
    """Give files the order of times that Snakemake goes by: what is believed is as new as what it was made from, what
    is of another configuration older, so that it is made again. Nothing else is touched; what holds already is left.
    Times in the future, by the clock of another machine, become now: nothing that is made could be newer.

    `tell` is called once if files cannot be changed. Returns results of another configuration that no time tells apart,
    as nothing of the workflow's stands below them, and that Snakemake's notes do not tell apart either.
    """
    refused: list[Path] = []
    stuck = []
    changed: dict[Path, int] = {}
    now = time.time_ns()

    @cache
    def found(path: Path) -> int | None:
        return _time(path)

    def known(path: Path) -> int | None:
        return changed[path] if path in changed else found(path)

    for job, state in beliefs.jobs:
        if state not in (BELIEVED, OTHER):
            continue
        below = [known(path) for path in (*job.inputs, *job.code)]
        times = [one for one in below if one is not None]
        if state == OTHER and not times:
            stuck += [str(job.outputs[0])] if _taken_for_right(job) else []
            continue
        if state == OTHER and _taken_for_right(job):
            _forget(job)
        newest = max(times, default=0)
        for path in job.outputs:
            wanted = min(times) - SECOND if state == OTHER else newest if known(path) < newest else now
            if known(path) > now or (known(path) < newest) is (state == BELIEVED):
                changed[path] = wanted
                refused += [] if _set(path, wanted) else [path]
    refused += [path for path in beliefs.rendered if (known(path) or 0) > now and not _set(path, now)]
    if refused:
        tell(
            f"The times of {len(refused)} files, {refused[0]} first, cannot be changed, so Snakemake may plan finished "
            "runs again, or believe some of another configuration. The owner of the files can run this command."
        )
    return stuck


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


def _taken_for_right(job: Job) -> bool:
    """Whether Snakemake's notes say of a job of another specification that it was made under the planned one, or
    nothing: its files were copied, or touched."""
    try:
        notes = json.loads(_note_of(job.outputs[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return repr(canonical_json(job.spec())) in notes.get("params", [])


def _forget(job: Job) -> None:
    """Remove Snakemake's notes that contradict the record. With them it would look past the times of files whose
    content it has noted, as `--touch` notes whatever is there."""
    for path in job.outputs:
        with suppress(OSError):
            _note_of(path).unlink()


def _note_of(path: Path) -> Path:
    return NOTES / b64encode(str(path).encode(), b"_-").decode()
