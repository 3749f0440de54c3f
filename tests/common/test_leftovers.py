"""What killed processes leave goes at the next start; what others still write stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from videossl.common import process_name
from videossl.common.files import atomic_path, half_written, write_text
from videossl.common.leftovers import ABANDONED_SECONDS, RUNS_FOLDER, enter_folder, remove_leftovers, temporary_folder
from videossl.common.process_name import ELSEWHERE, ENDED, RUNS, name_of, own_name, state_of

WRITER = """
import sys, time
from videossl.common.files import atomic_path
from videossl.common.leftovers import temporary_folder
with atomic_path(sys.argv[1]) as path:
    path.write_bytes(bytes(1000))
    print(temporary_folder(), flush=True)
    time.sleep(60)
"""
DAY = 24 * 3600


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, this test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr("videossl.common.leftovers.LONGEST_FOLDER", 1000)
    return folder


def writer(path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has half a file and a temporary folder."""
    code = f"import videossl.common.leftovers as l; l.LONGEST_FOLDER = 1000\n{WRITER}"
    process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().strip())


def ended_name() -> str:
    """The name of a process that has ended."""
    process = subprocess.Popen(["sleep", "60"])
    name = name_of(process.pid)
    assert state_of(name) == RUNS
    process.kill()
    time.sleep(0.1)
    assert state_of(name) == ENDED  # also while nobody has collected it
    process.wait()
    assert state_of(name) == ENDED
    return name


def elsewhere() -> str:
    """The name of a process of another machine."""
    place, process, started = own_name().split("-")
    name = f"{'0' * 6}{place[6:]}-{process}-{started}"
    assert state_of(name) == ELSEWHERE
    return name


def test_names_of_processes_tell_machines_containers_and_restarts_apart(monkeypatch):
    place, process, started = own_name().split("-")
    assert state_of(own_name()) == RUNS
    assert state_of(f"{place}-{process}-{int(started, 16) + 1:x}") == ENDED  # the number was given again
    assert state_of(f"{place[:10]}0000-{process}-{started}") == ELSEWHERE  # another container
    restarted = f"{place[:6]}0000{place[10:]}-{process}-{started}"
    for number, state in (("c0ffee", ENDED), ("", ELSEWHERE)):  # without a number of its own it could be another
        monkeypatch.setattr(process_name, "_read", lambda path, number=number: number if "machine-id" in path else "1")
        assert state_of(restarted) == state
    assert process_name._started(os.getpid()) and process_name._started(2**22 + 1) is None


def test_what_a_killed_writer_left_goes_when_the_file_is_written_anew(tmp_path, temporary):
    target = tmp_path / "weights[1].pt"
    first, _ = writer(target)
    second, _ = writer(target)
    assert len(list(tmp_path.glob(".weights*.tmp"))) == 2
    first.kill()
    first.wait()
    foreign = tmp_path / f".{target.name}.{elsewhere()}.tmp"
    others = [foreign, tmp_path / f".weights2.pt.{ended_name()}.tmp", tmp_path / ".weights[1].pt.mine.tmp"]
    for path in others:
        path.touch()
    write_text(target, "whole")
    left = {path.name for path in tmp_path.glob(".*.tmp")}
    assert left == {path.name for path in others} | {f".{target.name}.{name_of(second.pid)}.tmp"}
    second.kill()
    second.wait()


def test_the_sweep_takes_what_is_abandoned_and_nothing_else(tmp_path, temporary):
    results, told = tmp_path / "results", []
    folder = results / "pretrain/k400/.made"
    folder.mkdir(parents=True)
    killed, killed_folder = writer(folder / "run.json")
    living, living_folder = writer(results / "metrics.parquet")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    old, new = results / f".a.{elsewhere()}.tmp", results / f".b.{elsewhere()}.tmp"
    mine = [results / name for name in (".notes.tmp", "a.123.tmp", ".x.12-34.tmp", "weights.pt")]
    users = [
        temporary / "videossl-mine",
        temporary / f"other-{ended_name()}-abcd",
        temporary / f"videossl-{elsewhere()}-a",
    ]
    for path in (old, new, *mine):
        path.write_text("12345")
    for path in users:
        path.mkdir()
    for path in (old, *mine, *users):
        os.utime(path, (0, time.time() - ABANDONED_SECONDS - DAY))
    os.utime(new, (0, time.time() - ABANDONED_SECONDS + DAY))

    assert killed_folder.parent == temporary
    remove_leftovers(results, told.append)
    # Other runs that were killed may have left folders on this machine, too.
    assert len(told) == 1
    assert re.match(r"Removed what killed runs had left: 2 half-written files and \d+ temporary folder", told[0])
    assert not old.exists() and not killed_folder.exists() and not list(folder.iterdir())
    left = (new, *mine, *users, living_folder, results / f".metrics.parquet.{name_of(living.pid)}.tmp")
    assert all(path.exists() for path in left)
    remove_leftovers(results, told.append)
    remove_leftovers(tmp_path / "absent", told.append)
    assert len(told) == 1
    living.kill()
    living.wait()


def test_ages_are_by_the_clock_of_the_file_system(tmp_path, temporary, monkeypatch):
    """A clock that runs a year ahead makes nobody's file old."""
    left = tmp_path / f".a.{elsewhere()}.tmp"
    left.touch()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    remove_leftovers(tmp_path, print)
    assert left.exists()


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(ValueError), atomic_path(tmp_path / "a") as path:
        path.write_text("half")
        assert path == half_written(tmp_path / "a")
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_sockets_fit_into_temporary_folders(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/tmp/" + "x" * 100)
    folder = temporary_folder()
    folder.rmdir()
    assert len(f"{folder}/listener-12345678") <= 107


@pytest.fixture
def notes(tmp_path) -> Path:
    """Snakemake's folder, with a lock, one of a command's temporary folders and the notes of runs."""
    folder = tmp_path / ".snakemake"
    for name in ("locks", "shell_tmp.abcdefgh", RUNS_FOLDER):
        (folder / name).mkdir(parents=True)
    (folder / "locks/0.input.lock").touch()
    return folder


@pytest.mark.parametrize(
    ("others", "unlocked"),
    [(("ended",), True), ((), False), (("ended", "runs"), False), (("ended", "elsewhere"), False)],
)
def test_the_lock_goes_if_all_that_worked_here_were_killed_here(notes, tmp_path, others, unlocked):
    names = {"ended": ended_name(), "runs": name_of(os.getppid()), "elsewhere": elsewhere()}
    made, mine = tmp_path / "snakemakeabcd1234", tmp_path / "mine"
    for folder in (made, mine):
        folder.mkdir()
    for other in others:
        (notes / RUNS_FOLDER / names[other]).write_text(json.dumps([str(made), str(mine)] if other == "ended" else []))
    told: list[str] = []
    enter_folder(notes, [], told.append)
    assert (notes / "locks/0.input.lock").exists() is not unlocked and len(told) == unlocked
    assert (notes / "shell_tmp.abcdefgh").exists() is not unlocked
    assert mine.exists() and made.exists() is ("ended" not in others)
    left = {path.name for path in (notes / RUNS_FOLDER).iterdir()} - {".lock"}
    assert left == {own_name(), *(names[other] for other in others if other != "ended")}


def test_without_a_lock_nobody_works_here(notes):
    (notes / "locks/0.input.lock").unlink()
    (notes / RUNS_FOLDER / elsewhere()).write_text("damaged")
    enter_folder(notes, [], print)
    assert {path.name for path in (notes / RUNS_FOLDER).iterdir()} == {".lock", own_name()}
