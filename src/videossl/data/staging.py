"""Copies of shards on a node's own disk, for trainings, which read every frame many times (`compute.stage`).

A shard is copied as a whole, from its beginning to its end: subsets fill the shards of their source in order, and
targets are read completely. A copy bears the digest of its shard in its name, and gets the name only once its own
digest is the same. So a shard that was made again has another copy, and what a killed job left is never read.

Jobs of one node share copies. One job at a time looks for them and makes them, under a lock of the folder; a lock on
each copy tells that a job reads it. Both are the kernel's, and end with the process. Copies stay for the next job of
the node. Where room is lacking, those that no job reads are removed, the longest unused first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from videossl.common.errors import UserError
from videossl.common.files import HALF, half_written
from videossl.common.places import folder_of_node
from videossl.common.progress import track
from videossl.data.provenance import content_digest, shard_digest
from videossl.data.store import FrameStore

BLOCK = 2**24
"""Bytes that are read at once."""
_read_here: dict[Path, IO[bytes]] = {}
"""Copies that this process reads, with their locks. Loader workers inherit them."""


class CannotStage(Exception):
    """Why frames are read in place."""


def stage_shards(store: FrameStore, shards: Iterable[int], place: str) -> None:
    """Let `store` read copies of these shards in the folder `place`, which may contain environment variables.

    If that is not possible, says why; the store then reads in place, as without copies.
    """
    try:
        folder = _folder(place)
        store.read_copies(_copies(folder, {shard: store.shard_paths[shard] for shard in shards}))
    except (CannotStage, UserError, OSError) as error:
        print(f"compute.stage: {error}. The frames are read in place.", flush=True)


def _folder(place: str) -> Path:
    """The folder of this user's copies below `place`."""
    above = folder_of_node(place)
    if above is None:
        raise CannotStage(f"{place} names an environment variable that is not set on {socket.gethostname()}")
    if not above.is_dir():
        raise CannotStage(f"there is no folder {above} on {socket.gethostname()}")
    folder = above / f"videossl-frames-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise CannotStage(f"{folder} belongs to another user")
    return folder


def _copies(folder: Path, shards: dict[int, Path]) -> dict[int, Path]:
    """The copies of these shards, by their numbers; those that are lacking are made."""
    copies = {shard: folder / f"{content_digest(path)}.arrow" for shard, path in shards.items()}
    with _alone(folder):
        for path in folder.glob(f".*{HALF}"):
            path.unlink()  # a killed job's, as this one is alone
        lacking = [shard for shard, path in shards.items() if not _use(copies[shard], path.stat().st_size)]
        sizes = {shard: shards[shard].stat().st_size for shard in lacking}
        _make_room(folder, sum(sizes.values()))
        for shard in track(lacking, f"shards copied to {folder}"):
            _copy(shards[shard], copies[shard])
            _use(copies[shard], sizes[shard])
    copied = f"{len(lacking)} of {len(shards)} shards copied ({sum(sizes.values()) / 1e9:.2f} GB)"
    print(f"compute.stage: frames are read from {folder}; {copied}", flush=True)
    return copies


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Context manager: no other job looks for copies in the folder, or makes them."""
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"compute.stage: another job copies frames to {folder}; waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _use(copy: Path, size: int) -> bool:
    """Whether the copy is there. It then stays until this process and its workers have ended."""
    try:
        handle = copy.open("rb")
    except FileNotFoundError:
        return False
    if os.fstat(handle.fileno()).st_size != size:
        handle.close()
        copy.unlink()
        return False
    fcntl.flock(handle, fcntl.LOCK_SH)
    os.utime(copy)  # the longest unused are removed first
    _read_here[copy] = handle
    return True


def _make_room(folder: Path, size: int) -> None:
    """Remove copies that no job reads until `size` bytes are free. Raises CannotStage if that is not enough."""
    unused = sorted(filter(_is_unused, folder.glob("*.arrow")), key=lambda path: path.stat().st_mtime)
    sizes = [path.stat().st_size for path in unused]
    if size > (free := shutil.disk_usage(folder).free) + sum(sizes):
        has = f"{(free + sum(sizes)) / 1e9:.2f} GB are free in {folder}"
        raise CannotStage(f"the shards that the training reads take {size / 1e9:.2f} GB, and {has}")
    for path in unused:
        if size <= shutil.disk_usage(folder).free:
            return
        path.unlink()


def _is_unused(copy: Path) -> bool:
    with copy.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _copy(path: Path, copy: Path) -> None:
    """Copy a shard from its beginning to its end, and compare the copy with the digest in its name."""
    temporary = half_written(copy)
    try:
        with path.open("rb") as source, temporary.open("wb") as sink:
            shutil.copyfileobj(source, sink, BLOCK)
            sink.flush()
            os.fsync(sink.fileno())
        if shard_digest(temporary) != copy.stem:
            raise CannotStage(
                f"the copy of {path} does not fit its digest; `videossl verify {path}` looks at the shard"
            )
        temporary.replace(copy)
    finally:
        temporary.unlink(missing_ok=True)
