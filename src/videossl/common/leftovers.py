"""Cleans up after killed processes: half-written files, temporary folders, Snakemake's lock.

Each file and folder is named after its process and is removed at the next start if that process has ended. Processes on
other machines may share the results folder and still write, and their state is unknown here; their files are removed
only if they have not changed for days.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from videossl.common.files import writer_of
from videossl.common.process_name import ELSEWHERE, ENDED, PATTERN, RUNS, own_name, state_of

ABANDONED_SECONDS = 3 * 24 * 3600.0
"""Age in seconds after which a file of another machine is taken as abandoned: no job writes one file for so long."""
LONGEST_FOLDER = 38
"""Longest path of the temporary folder, in characters: sockets are created in it, and a socket path may have 107."""
_TEMPORARY = re.compile(rf"videossl-({PATTERN})-\w+")
RUNS_FOLDER = "videossl-runs"
"""Folder within `.snakemake` with one file per running Snakemake, which holds the name of its process."""


@dataclass
class Removed:
    """What was removed: files, folders and their size in bytes."""

    files: int = 0
    folders: int = 0
    size: int = 0

    def sentence(self) -> str:
        """A sentence for the user; "" if nothing was removed."""
        parts = [
            f"{number} {what}{'s' if number > 1 else ''}"
            for number, what in ((self.files, "half-written file"), (self.folders, "temporary folder"))
            if number
        ]
        size = f", {self.size / 2**20:.1f} MiB in all" if self.size else ""
        return f"Removed what killed runs had left: {' and '.join(parts)}{size}." if parts else ""


def remove_leftovers(results: Path, tell: Callable[[str], None]) -> Removed:
    """Remove half-written files below `results` and temporary folders of processes that have ended.

    `tell` gets a summary if anything was removed.
    """
    removed = Removed()
    for path in _half_written(results):
        with suppress(OSError):
            size = path.stat().st_size
            path.unlink()
            removed.files += 1
            removed.size += size
    for path in _abandoned_folders():
        size = sum(one.lstat().st_size for one in path.rglob("*") if one.is_file())
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            removed.folders += 1
            removed.size += size
    if sentence := removed.sentence():
        tell(sentence)
    return removed


def _half_written(results: Path) -> Iterator[Path]:
    now = _time_there(results)
    for folder, below, names in os.walk(results):
        if Path(folder) == results / "generated":
            below.clear()  # many video files; Snakemake itself removes an unfinished set
        for name in names:
            writer = writer_of(name)
            path = Path(folder, name)
            if writer == ENDED or (writer == ELSEWHERE and now - _changed(path, now) > ABANDONED_SECONDS):
                yield path


def _time_there(folder: Path) -> float:
    """The current time by the clock of the file system, as file times are; -inf if the folder is not writable."""
    try:
        with tempfile.TemporaryFile(dir=folder) as handle:
            return os.fstat(handle.fileno()).st_mtime
    except OSError:
        return float("-inf")


def _changed(path: Path, otherwise: float) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return otherwise


def temporary_folder() -> Path:
    """Create a temporary folder for this process. If the process is killed, the next run removes the folder."""
    parent = tempfile.gettempdir()
    return Path(
        tempfile.mkdtemp(prefix=f"videossl-{own_name()}-", dir=parent if len(parent) < LONGEST_FOLDER else "/tmp")
    )


def _abandoned_folders() -> Iterator[Path]:
    for parent in {tempfile.gettempdir(), "/tmp"}:
        for path in Path(parent).glob("videossl-*"):
            named = _TEMPORARY.fullmatch(path.name)
            with suppress(OSError):
                if named and state_of(named[1]) == ENDED and path.lstat().st_uid == os.getuid():
                    yield path


def enter_folder(notes: Path, temporary: Iterable[str | Path], tell: Callable[[str], None]) -> None:
    """Register this process as a Snakemake run in the folder `notes` (`.snakemake`), with its `temporary` folders.

    Removes the folders of runs that were killed on this machine. If no other run is left, also removes the lock of the
    folder, as Snakemake cannot tell a stale lock from one in use.
    """
    runs = notes / RUNS_FOLDER
    with suppress(OSError):  # no locks on this file system, or not writable: only Snakemake's lock protects
        runs.mkdir(parents=True, exist_ok=True)
        with (runs / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            states = {path: state_of(path.name) for path in runs.iterdir() if re.fullmatch(PATTERN, path.name)}
            ended = [path for path, state in states.items() if state == ENDED]
            if not list(notes.glob("locks/*.lock")):  # includes runs on other machines: each run has one
                ended = [path for path, state in states.items() if state != RUNS]
            elif ended and len(ended) == len(states):
                _unlock(notes, tell)
            for path in ended:
                _remove_folders_of(path)
                path.unlink()
            mine = runs / own_name()
            mine.write_text(json.dumps([str(Path(folder).resolve()) for folder in temporary]))
            atexit.register(_leave, mine)


def _unlock(notes: Path, tell: Callable[[str], None]) -> None:
    """Remove the files that Snakemake keeps in its folder while it runs."""
    for folder in notes.glob("shell_tmp.*"):  # scripts of commands that are too long for a command line
        shutil.rmtree(folder, ignore_errors=True)
    for path in notes.glob("locks/*.lock"):
        path.unlink()
    tell("Removed Snakemake's lock, which a killed run had left in this folder.")


def _remove_folders_of(run: Path) -> None:
    """Remove the temporary folders that a run has registered, if they look like Snakemake's."""
    with suppress(OSError, ValueError, TypeError):
        for folder in map(Path, json.loads(run.read_text())):
            if re.match(r"snakemake\w{8}$", folder.name) or folder.parent.name == "snakemake-runtime-cache":
                shutil.rmtree(folder, ignore_errors=True)


def _leave(mine: Path) -> None:
    with suppress(OSError):
        mine.unlink()
