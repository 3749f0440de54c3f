"""What processes that were killed have left behind: half-written files, folders for temporary files, Snakemake's lock.

Each is named by its process, and goes at the next start if that process has ended. Of processes on other machines,
which may share the results and still write, nobody here can know: of theirs only files go that have not changed for
days.
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
"""A file of another machine's that has not changed for so long is nobody's: no job writes one file that long."""
LONGEST_FOLDER = 38
"""Letters of the place of temporary folders: sockets are made in them, and paths of sockets may have 107."""
_TEMPORARY = re.compile(rf"videossl-({PATTERN})-\w+")
RUNS_FOLDER = "videossl-runs"
"""In Snakemake's folder of notes: a file for each run at work there, with its process's name."""


@dataclass
class Removed:
    """What was removed."""

    files: int = 0
    folders: int = 0
    size: int = 0

    def sentence(self) -> str:
        """For the user; "" if nothing was."""
        parts = [
            f"{number} {what}{'s' if number > 1 else ''}"
            for number, what in ((self.files, "half-written file"), (self.folders, "temporary folder"))
            if number
        ]
        size = f", {self.size / 2**20:.1f} MiB in all" if self.size else ""
        return f"Removed what killed runs had left: {' and '.join(parts)}{size}." if parts else ""


def remove_leftovers(results: Path, tell: Callable[[str], None]) -> Removed:
    """Remove half-written files below `results` and folders of temporary files, of processes that have ended; `tell`
    gets the total, if there is any."""
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
            below.clear()  # videos, many; Snakemake removes the folder of a set that was not finished
        for name in names:
            writer = writer_of(name)
            path = Path(folder, name)
            if writer == ENDED or (writer == ELSEWHERE and now - _changed(path, now) > ABANDONED_SECONDS):
                yield path


def _time_there(folder: Path) -> float:
    """The time by the clock of the file system, which times of files are from; -inf if nothing can be written there."""
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
    """Make a folder for temporary files of this process; who killed it need not remove it, the next run does."""
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
    """Note that this process runs Snakemake in the folder of `notes` (`.snakemake`), and which folders it has made for
    `temporary` files. What those that were killed on this machine had made goes.

    If no other is left, so does the lock in the folder, which Snakemake itself cannot tell from one of a run at work.
    """
    runs = notes / RUNS_FOLDER
    with suppress(OSError):  # no locks on this file system, or no way to write: then Snakemake's own lock is all
        runs.mkdir(parents=True, exist_ok=True)
        with (runs / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            states = {path: state_of(path.name) for path in runs.iterdir() if re.fullmatch(PATTERN, path.name)}
            ended = [path for path, state in states.items() if state == ENDED]
            if not list(notes.glob("locks/*.lock")):  # of other machines' runs, too: who works here has one
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
    """Remove what Snakemake keeps in its folder while it runs."""
    for folder in notes.glob("shell_tmp.*"):  # of commands that are too long for one
        shutil.rmtree(folder, ignore_errors=True)
    for path in notes.glob("locks/*.lock"):
        path.unlink()
    tell("A run that was killed had left Snakemake's lock in this folder; it is removed.")


def _remove_folders_of(run: Path) -> None:
    """Remove the folders that a run has noted, if they look like Snakemake's."""
    with suppress(OSError, ValueError, TypeError):
        for folder in map(Path, json.loads(run.read_text())):
            if re.match(r"snakemake\w{8}$", folder.name) or folder.parent.name == "snakemake-runtime-cache":
                shutil.rmtree(folder, ignore_errors=True)


def _leave(mine: Path) -> None:
    with suppress(OSError):
        mine.unlink()
