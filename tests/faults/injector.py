"""Kill a run at one place: a rename, a write, a removal or a fork of one of its processes.

The places are found by a run in which nothing is killed. How: injector.c, loaded into every process of the run.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from fork_server import ForkServer

from videossl.common.progress import NOTE

SOURCE = Path(__file__).with_name("injector.c")
WHEN = {"rename": ("before", "after"), "write": ("half",), "remove": ("after",), "fork": ("before", "after")}
"""When a process is killed, by what it is doing. Just before an event, files are as just after the one before it."""
SCOPES = ("process", "all")
"""Who is killed: that process alone, as by a system without memory, or the whole run, as by a power cut."""
ITSELF = "the run itself"
"""Where Snakemake and the warm interpreter print; their forks are told by it, those of jobs by the jobs' logs."""
FULL = "full"
"""The scope of a write at which nobody is killed: from there on the disk is full, for that process."""
NOTES = re.compile(r"[.]snakemake/(incomplete|metadata)/([\w=-]+)$")
"""Snakemake's notes on a file, whose name they have in base64."""
VIDEOS = re.compile(r"(results/generated/[^/]+)/videos/.+[.]\w+$")
"""Videos that a dataset's generator writes one after the other."""


@dataclass(frozen=True, order=True)
class Place:
    """A place of a run, and who is killed there. `index`: number of the event on that path in its process, from 1."""

    path: str
    kind: str
    index: int
    when: str
    scope: str

    def __str__(self) -> str:
        fault = "disk full" if self.scope == FULL else f"{self.scope} killed"
        return f"{self.when} {self.kind} {self.index} of {_noted(self.path) or self.path}, {fault}"


def compile_injector(folder: Path) -> Path:
    """Compile the injector; returns the library to preload."""
    library = folder / "injector.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return library


def places_of(log: Path) -> list[Place]:
    """The places of a run, from its events: of each path the first event of a kind and the last. The scopes take turns
    from place to place, so that each kind of place meets both.

    Left out, as another place leaves the same files: kills at writes to and removals of temporary files, beside the
    renames that end them; Snakemake's notes on a job's further files, beside those on its first; videos of a
    generated dataset, beside its first and last; and all but the first progress file of a job, as the clock decides how
    many there are. At the first write to a temporary file the disk is full.
    """
    most: dict[tuple[str, str], int] = {}
    for (kind, path, _), number in Counter(_events(log)).items():
        most[kind, path] = max(number, most.get((kind, path), 0))
    found: list[tuple[str, str, int, str]] = []
    jobs, disk_full = set(), []
    between = set(_videos_between(path for _, path in most))
    for (kind, path), number in sorted(most.items()):
        if path in between:
            continue
        noted = _noted(path)
        if path.endswith(".tmp") and kind == "write":
            disk_full.append(Place(path, kind, 1, "half", FULL))
        if path.endswith((".tmp", ".new")) or (kind, noted) in jobs:
            continue
        if noted:
            jobs.add((kind, noted))
        last = 1 if path.endswith(f"/{NOTE}") else number  # how often it is written depends on the clock
        found += [(path, kind, index, when) for index in sorted({1, last}) for when in WHEN[kind]]
    return [Place(*one, SCOPES[number % 2]) for number, one in enumerate(sorted(found))] + disk_full


def _videos_between(paths: Iterable[str]) -> Iterable[str]:
    """The videos of each generated dataset but the first and the last."""
    videos: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        if match := VIDEOS.match(path):
            videos.setdefault(match[1], []).append(path)
    for of_one in videos.values():
        yield from of_one[1:-1]


def jobs_of(log: Path) -> tuple[list[list[str]], Counter[tuple[str, str]]]:
    """The outputs of each job of a run, in the order in which the jobs ended; and for each kind of event and path, how
    many jobs had ended when it first happened."""
    jobs: list[list[str]] = []
    before: Counter[tuple[str, str]] = Counter()
    another = True  # a job has started since the last one ended
    for kind, path, _ in _events(log):
        note = NOTES.match(path)
        mark = note is not None and note[1] == "incomplete"
        ends = mark and kind == "remove"
        if ends and another:
            jobs.append([])
        if ends:
            jobs[-1].append(base64.urlsafe_b64decode(note[2]).decode())
        another = (another and not ends) or (mark and kind == "write")
        if (kind, path) not in before:
            before[kind, path] = len(jobs) - (not another and bool(jobs))
    return jobs, before


def _noted(path: str) -> str:
    """Of a note: what it is, and the job whose file it is about. "" if it is none."""
    match = NOTES.match(path)
    if match is None:
        return ""
    about = Path(base64.urlsafe_b64decode(match[2]).decode())
    job = about.parent if about.parent.name.startswith("epochs") else about.with_name(about.name.partition(".")[0])
    return f"{match[1]} of {job}"


def _events(log: Path) -> Iterable[tuple[str, str, str]]:
    for line in log.read_text().splitlines():
        kind, process, path = line.split("\t")
        yield kind, path, process


def run(
    command: Sequence[str],
    root: Path,
    environment: dict[str, str],
    output: Path,
    *,
    library: Path | None = None,
    log: Path | None = None,
    place: Place | None = None,
    server: ForkServer | None = None,
    limit: float = 600.0,
) -> tuple[int, bool]:
    """Run a command in `root`; returns its exit code and whether the place was reached. Nothing of it is left behind.

    `log`: note all events there. `output`: what it prints. `server`: a command `python -m ...` is run by it.
    """
    environment = dict(environment)
    fired = output.with_suffix(".fired")
    fired.unlink(missing_ok=True)
    if library is not None:
        environment |= {"LD_PRELOAD": str(library), "FAULT_ROOT": str(root), "FAULT_FIRED": str(fired)}
    if log is not None:
        environment["FAULT_LOG"] = str(log)
    if place is not None:
        environment["FAULT_PLACE"] = f"{place.when} {place.kind} {place.index} {place.path}"
        environment["FAULT_SCOPE"] = place.scope
    with output.open("w") as printed:
        if server is not None and list(command[:2]) == [sys.executable, "-m"]:
            given = {"folder": root, "environment": environment, "output": output}
            process = server.start(command[2], command[3:], **given)
        else:
            process = subprocess.Popen(
                command, cwd=root, env=environment, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + limit
        while process.poll() is None:
            if time.monotonic() > deadline:
                kill_all_in(root)
                raise TimeoutError(f"not ended after {limit} s: {command}, see {output}")
            if place is not None and place.scope == "all" and fired.exists():
                kill_all_in(root)
            time.sleep(0.02)
    code = process.wait()
    kill_all_in(root)
    return code, fired.exists()


def kill_all_in(root: Path) -> None:
    """Kill all processes that work in a folder, until none is left."""
    for _ in range(100):
        found = [one for one in psutil.process_iter() if one.pid != os.getpid() and _works_in(one, root)]
        if not found:
            return
        for one in found:
            try:
                one.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.02)
    raise TimeoutError(f"processes in {root} cannot be killed: {found}")


def _works_in(process: psutil.Process, root: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == root
    except (psutil.Error, OSError):
        return False
