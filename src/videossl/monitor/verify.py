"""Checks whether results are still what was made: reads every file completely and compares it with its checksums and
with the digest in its job's record. Does not import torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.intact import check_archive, damaged, read_bytes, read_json, read_table
from videossl.common.progress import NOTE
from videossl.data.provenance import FOLDER, digest_of, read_record, record_of, require_record
from videossl.monitor.marks import is_marked
from videossl.stages.cells import Cell
from videossl.stages.jobs import PlannedJob, jobs_of
from videossl.study.study import Study
from videossl.training.history import read_epochs
from videossl.training.record import read_run
from videossl.training.run_files import RECORD

FINE, DAMAGED, UNRECORDED, BUSY = ("fine", "damaged", "without a record", "being written")
"""UNRECORDED: intact by the checksums in the file, if it has any, but no job recorded its digest. BUSY: a run is
writing it, or was killed while writing it and will make it again."""
CHECKPOINT, CURVE = "checkpoint.pt", "train.jsonl"
RENDERED = ("tables/*.parquet", "tables/*.record.json", "figures/*.record.json", "metrics.parquet")


@dataclass(frozen=True)
class Item:
    """A file, or a folder of generated videos, to check.

    `job`: outputs of the job that makes it; empty for a file that no job declares, which is simply removed. `expected`:
    digest in the job's record; "" if it is missing, None for files without digest.
    """

    path: Path
    job: tuple[Path, ...] = ()
    expected: str | None = None

    @property
    def bytes(self) -> int:
        """Size of the item."""
        return size_of(self.path)


@dataclass(frozen=True)
class Found:
    """The result for an item; `problem`: what is wrong with it."""

    item: Item
    state: str
    problem: str = ""


def size_of(path: Path) -> int:
    """Size in bytes of a file, or of all files in a folder; 0 if it no longer exists."""
    try:
        if path.is_dir():
            return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def items_of(study: Study, cells: Iterable[Cell] | None = None, places: Sequence[Path] = ()) -> list[Item]:
    """The items to check, in the order in which they were made.

    Args:
        cells: only these cells and what they are made from; None: the whole study.
        places: only these files, or files below these folders.
    """
    jobs = list(jobs_of(study)) if cells is None else _needed(study, set(cells))
    found = [item for job in jobs for item in _of_job(job)]
    found += [item for job in jobs if job.cell is not None for item in _undeclared(job.outputs[0].parent)]
    if cells is None:
        root = Path(study.config.results_dir)
        shown = [path for pattern in RENDERED for path in sorted(root.glob(pattern))]
        found += [Item(path, (path,)) for path in shown]
    wanted = [os.path.realpath(place) for place in places]
    if not wanted:
        return found
    return [item for item in found if any(_is_below(os.path.realpath(item.path), place) for place in wanted)]


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(place + os.sep)


def _needed(study: Study, cells: set[Cell]) -> list[PlannedJob]:
    """The jobs of `cells`, and those that they start from, however far below."""
    jobs = list(jobs_of(study))
    wanted = {path for job in jobs if job.cell in cells for path in job.outputs}
    for job in reversed(jobs):  # each comes after those that it depends on
        if wanted.intersection(job.outputs):
            wanted.update(job.inputs, *(_shards(path) for path in job.inputs))
    return [job for job in jobs if wanted.intersection(job.outputs)]


def _shards(path: Path) -> list[Path]:
    """The shards beside a manifest, whose frames dependent jobs read."""
    return sorted((path.parent / "shards").glob("*.arrow")) if path.name == "manifest.parquet" else []


def _of_job(job: PlannedJob) -> Iterator[Item]:
    made = [path for path in job.outputs if path.name != RECORD]
    for path in job.outputs:
        if os.path.lexists(path):
            digests = read_record(record_of(path)).get("made", [])
            digest = str(digests[made.index(path)]) if path in made and len(digests) == len(made) else ""
            yield Item(path, job.outputs, digest if path in made else None)
    for record in dict.fromkeys(map(record_of, made)):
        if record.exists() and all(map(os.path.lexists, made)):
            yield Item(record, job.outputs)


def _undeclared(folder: Path) -> Iterator[Item]:
    """Undeclared files of a run: the training curve, and the checkpoint unless it is a link to the state."""
    checkpoint, state = folder / CHECKPOINT, folder / "state.pt"
    if checkpoint.exists() and not (state.exists() and checkpoint.samefile(state)):
        yield Item(checkpoint)
    if (folder / CURVE).exists():
        yield Item(folder / CURVE)


def verify(items: Sequence[Item], threads: int) -> Iterator[Found]:
    """Check all items in parallel; yields results as they complete."""
    with ThreadPoolExecutor(threads) as pool:
        for future in as_completed([pool.submit(look_at, item) for item in items]):
            yield future.result()


def look_at(item: Item) -> Found:
    """Read one item completely."""
    before = _state(item.path)
    if is_busy(item):
        return Found(item, BUSY)
    try:
        check(item.path)
        if item.expected and digest_of(item.path) != item.expected:
            raise damaged(item.path, "is not what its job made: its digest differs from the one in the job's record")
    except (UserError, OSError) as error:
        if _state(item.path) != before or is_busy(item):  # removed or replaced in the meantime
            return Found(item, BUSY)
        return Found(item, DAMAGED, str(error))
    return Found(item, UNRECORDED if item.expected == "" else FINE)


def check(path: Path) -> None:
    """Compare a file with its own checksums, if it has any. Raises UserError if they differ."""
    if path.is_dir():
        if path.suffix:
            raise damaged(path, "is a folder where a file is expected")
        return
    if path.suffix == ".arrow":
        from videossl.data.store import check_shard  # imported here as the codecs take time to load

        for _ in check_shard(path):
            pass
    elif path.suffix == ".parquet":
        read_table(path)
    elif path.suffix in (".pt", ".npz"):
        check_archive(path)
    elif path.parent.name == FOLDER:
        require_record(path)
    elif path.name == RECORD:
        read_run(path)
    elif path.name == CURVE:
        if problem := read_epochs(path)[1]:
            raise UserError(problem)
    elif path.name.endswith(".record.json"):
        read_json(path, {"kind": str, "arguments": dict}, "record of a table or figure")
    else:
        read_bytes(path)


def is_busy(item: Item) -> bool:
    """Whether a job is working on the item's job or folder, or was killed there."""
    return any(map(is_marked, item.job)) or (item.path.parent / NOTE).exists()


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
