"""Copies of shards on a node's own disk."""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videossl.common.errors import UserError
from videossl.data import staging
from videossl.data.provenance import digest_of, note_made
from videossl.data.staging import stage_shards
from videossl.data.store import FrameStore, ShardWriter

DEADLINE = 60.0
JOB = """
import os, shutil, signal, sys
from pathlib import Path
from videossl.data import staging
from videossl.data.store import FrameStore
{before}
store = FrameStore([Path(path) for path in sys.argv[2:]])
staging.stage_shards(store, range(len(store.shard_paths)), sys.argv[1])
print("frames", [int(store.read(shard, 0, [1]).sum()) for shard in range(len(store.shard_paths))])
"""
KILLED = """
def half(source, sink, length):
    sink.write(source.read(1000))
    sink.flush()
    os.kill(os.getpid(), signal.SIGKILL)
shutil.copyfileobj = half
"""
RAISING = """
def stop(number, frame):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("stopped")
signal.signal(signal.SIGTERM, stop)
"""


@pytest.fixture
def node(tmp_path) -> Path:
    """The folder on the node's own disk."""
    folder = tmp_path / "node"
    folder.mkdir()
    return folder


@pytest.fixture
def shards(tmp_path) -> list[Path]:
    """Two shards of two videos."""
    rng, paths = np.random.default_rng(0), []
    for number in range(2):
        paths.append(tmp_path / f"shards/{number:04d}.arrow")
        paths[-1].parent.mkdir(exist_ok=True)
        with ShardWriter(paths[-1], short_side=20, quality=90, codec="raw") as writer:
            for _ in range(2):
                frames = rng.integers(0, 256, (3, 20, 26, 3), dtype=np.uint8)
                writer.append([writer.encode(frame) for frame in frames])
    return paths


@pytest.fixture(autouse=True)
def no_copies_in_use():
    yield
    staging._read_here.clear()


def frames(store: FrameStore) -> np.ndarray:
    return np.stack([store.read(shard, video, range(3)) for shard in range(2) for video in range(2)])


def staged(shards: list[Path], place: str | Path) -> FrameStore:
    store = FrameStore(shards)
    stage_shards(store, range(len(shards)), str(place))
    return store


def copies_in(node: Path) -> list[Path]:
    return sorted(node.glob("videossl-frames-*/*.arrow"))


def start(node: Path, shards: list[Path], before: str = "") -> subprocess.Popen:
    command = [sys.executable, "-c", JOB.format(before=before), node, *shards]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_copies_give_the_same_frames(shards, node, monkeypatch, capsys):
    monkeypatch.setenv("NODE_DISK", str(node))
    expected = frames(FrameStore(shards))
    store = staged(shards, "$NODE_DISK")
    assert sorted(copy.stem for copy in copies_in(node)) == sorted(map(digest_of, shards))
    for path in shards:
        path.rename(path.with_suffix(".away"))
    np.testing.assert_array_equal(frames(store), expected)
    np.testing.assert_array_equal(frames(pickle.loads(pickle.dumps(store))), expected)
    assert store.shard_paths == shards, "what identifies a run are the shards, not their copies"
    assert "2 of 2 shards copied" in capsys.readouterr().out


def test_the_next_job_finds_the_copies(shards, node, capsys):
    staged(shards, node)
    before = [copy.stat().st_ino for copy in copies_in(node)]
    staged(shards, node)
    assert "0 of 2 shards copied" in capsys.readouterr().out
    assert [copy.stat().st_ino for copy in copies_in(node)] == before


def test_jobs_of_a_node_copy_once(shards, node):
    folder = node / f"videossl-frames-{os.getuid()}"
    folder.mkdir()
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        jobs = [start(node, shards) for _ in range(2)]
        assert ["waiting for it" in job.stdout.readline() for job in jobs] == [True, True]
    output = [job.communicate(timeout=DEADLINE) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], output
    counts = sorted("2 of 2 shards copied" in out for out, _ in output)
    assert counts == [False, True]
    assert sum("0 of 2 shards copied" in out for out, _ in output) == 1
    expected = [int(FrameStore(shards).read(shard, 0, [1]).sum()) for shard in range(2)]
    assert all(f"frames {expected}" in out for out, _ in output)


def test_what_a_killed_job_left_is_not_read(shards, node, capsys):
    job = start(node, shards, KILLED)
    _, errors = job.communicate(timeout=DEADLINE)
    assert job.returncode == -signal.SIGKILL, errors
    (left,) = node.glob("videossl-frames-*/.*.tmp")
    assert left.stat().st_size == 1000 and copies_in(node) == []
    np.testing.assert_array_equal(frames(staged(shards, node)), frames(FrameStore(shards)))
    assert "2 of 2 shards copied" in capsys.readouterr().out
    assert not left.exists()


def test_a_signal_ends_the_wait_for_another_job(shards, node):
    folder = node / f"videossl-frames-{os.getuid()}"
    folder.mkdir()
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        job = start(node, shards, RAISING)
        assert "waiting for it" in job.stdout.readline()
        until = time.monotonic() + DEADLINE
        while job.poll() is None and time.monotonic() < until:
            job.terminate()
            time.sleep(0.05)
    assert job.returncode == 1 and "stopped" in job.stderr.read()


def test_a_copy_of_another_size_is_made_again(shards, node, capsys):
    staged(shards, node)
    staging._read_here.clear()
    with copies_in(node)[0].open("r+b") as handle:
        handle.truncate(1000)
    np.testing.assert_array_equal(frames(staged(shards, node)), frames(FrameStore(shards)))
    assert "1 of 2 shards copied" in capsys.readouterr().out


def test_a_shard_that_was_made_again_has_another_copy(shards, node):
    staged(shards[:1], node)
    with ShardWriter(shards[0], short_side=20, quality=90, codec="raw") as writer:
        writer.append([writer.encode(np.full((20, 26, 3), 7, np.uint8))])
    assert (staged(shards[:1], node).read(0, 0, [0]) == 7).all()
    assert len(copies_in(node)) == 2


def test_a_copy_that_does_not_fit_its_digest_is_not_read(shards, node, capsys):
    """The shard has a flipped bit in a frame since its digest was recorded."""
    note_made({}, [], [shards[0]])
    content = bytearray(shards[0].read_bytes())
    content[content.index(FrameStore(shards).encoded(0, 0)[1]) + 50] ^= 1
    shards[0].write_bytes(content)
    store = staged(shards, node)
    said = capsys.readouterr().out
    assert f"the copy of {shards[0]} does not fit its digest" in said and "read in place" in said
    assert store.copies == {} and not list(node.glob("videossl-frames-*/.*.tmp"))
    with pytest.raises(UserError, match=r"frame 1 of video 0 in .*shards/0000.arrow.*checksum.*snakemake"):
        store.read(0, 0, [1])


def test_damage_of_a_copy_is_told_as_such(shards, node):
    store = staged(shards, node)
    copy = store.copies[0]
    content = bytearray(copy.read_bytes())
    content[content.index(store.encoded(0, 0)[1]) + 50] ^= 1
    copy.write_bytes(content)
    with pytest.raises(UserError, match=rf"in {copy} .*It is a copy of {shards[0]} .*remove it"):
        staged(shards, node).read(0, 0, [1])


def test_a_copy_that_is_gone_is_not_missed(shards, node):
    store = staged(shards, node)
    for copy in copies_in(node):
        copy.unlink()
    np.testing.assert_array_equal(frames(store), frames(FrameStore(shards)))


def usage(monkeypatch, node: Path, total: int) -> None:
    """Let the disk of the node have `total` bytes for copies."""

    def free(folder: Path) -> SimpleNamespace:
        used = sum(copy.stat().st_size for copy in copies_in(node))
        return SimpleNamespace(free=max(0, total - used))

    monkeypatch.setattr(staging.shutil, "disk_usage", free)


def test_with_too_little_space_frames_are_read_in_place(shards, node, capsys, monkeypatch):
    usage(monkeypatch, node, 1000)
    store = staged(shards, node)
    said = capsys.readouterr().out
    assert "shards that the training reads take 0.00 GB, and 0.00 GB are free in" in said and "read in place" in said
    assert store.copies == {} and copies_in(node) == []
    np.testing.assert_array_equal(frames(store), frames(FrameStore(shards)))


def test_unused_copies_make_room_for_others(shards, node, monkeypatch, capsys):
    size = shards[0].stat().st_size
    usage(monkeypatch, node, size + 100)
    first = staged(shards[:1], node).copies[0]
    assert staged(shards[1:], node).copies == {}, "the first copy is in use"
    assert "read in place" in capsys.readouterr().out and first.exists()
    staging._read_here.clear()
    second = staged(shards[1:], node).copies[0]
    assert copies_in(node) == [second]


def test_the_longest_unused_copy_goes_first(shards, node, monkeypatch, tmp_path):
    size = shards[0].stat().st_size
    usage(monkeypatch, node, 2 * size + 100)
    copies = staged(shards, node).copies
    staging._read_here.clear()
    os.utime(copies[0], (2000, 2000))
    os.utime(copies[1], (1000, 1000))
    third = tmp_path / "third.arrow"
    with ShardWriter(third, short_side=20, quality=90, codec="raw") as writer:
        writer.append([writer.encode(np.zeros((20, 26, 3), np.uint8))] * 6)
    new = staged([third], node).copies[0]
    assert copies_in(node) == sorted([copies[0], new])


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("$NOT_SET_ANYWHERE/frames", r"NOT_SET_ANYWHERE/frames names an environment variable that is not set on"),
        ("none/there", "there is no folder none/there on"),
    ],
)
def test_without_the_folder_frames_are_read_in_place(shards, capsys, place, reason):
    store = staged(shards, place)
    said = capsys.readouterr().out
    assert reason in said and "read in place" in said
    assert store.copies == {}


def test_a_failed_write_leaves_nothing(shards, node, capsys, monkeypatch):
    def full(source, sink, length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging.shutil, "copyfileobj", full)
    store = staged(shards, node)
    assert "No space left on device" in capsys.readouterr().out
    assert store.copies == {} and copies_in(node) == []
    assert not list(node.glob("videossl-frames-*/.*.tmp"))
