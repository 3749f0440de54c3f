"""A loader's worker processes: what they do about signals, what becomes of their errors, and how they end.

They must outlive the checkpoint of a job that is told to stop, and must never outlive the job.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from videossl.common.children import end_with_parent
from videossl.common.errors import UserError, message_of
from videossl.common.leftovers import temporary_folder

Item = TypeVar("Item")

SHARED_MEMORY = (
    "a loader's worker found no room in shared memory (/dev/shm). Give the machine or the container more of it (docker"
    " run --shm-size, or --ipc=host), or lower compute.workers or the batch_size"
)
KILLED = (
    "a loader's worker was killed, most often for want of memory; if it could say why, that stands above. Lower"
    " compute.workers, or raise compute.memory.worker"
)

_sockets: dict[int, Path] = {}
"""By process id: the folder in which its workers have the sockets that batches go through."""


class Loader(DataLoader[Item]):
    """A loader that raises what its data set raised in a worker, and that a worker died where a batch is awaited."""

    def __init__(self, dataset: Dataset[Item], *, num_workers: int, **options: Any) -> None:
        if num_workers:
            _allow_open_files()
            _place_sockets()
            dataset = _Handing(dataset)
            options |= {"worker_init_fn": partial(_start, os.getpid()), "persistent_workers": True}
        super().__init__(dataset, num_workers=num_workers, **options)

    def __iter__(self) -> Iterator[Item]:
        try:
            items = super().__iter__()
            for item in _awaited(items) if self.num_workers else items:
                if isinstance(item, Exception):
                    raise item
                yield item
        except RuntimeError as error:
            raise _explained(error) from error
        except (EOFError, ConnectionError) as error:  # it died with a batch of its in our hands
            raise UserError(f"{KILLED}.") from error


class _Handing(Dataset[Any]):
    """In a worker: hands on errors that are meant for the user as they are. torch would make one long text of them."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __getitems__(self, keys: Sequence[Any]) -> Any:
        try:
            return self.dataset.__getitems__(keys)
        except (UserError, OSError) as error:
            return error


def _awaited(items: Iterator[Item]) -> Iterator[Item]:
    """`items`; that a worker died is raised only while the next one is awaited.

    torch raises it from a handler of SIGCHLD, wherever the main thread is. A training step, or a checkpoint that is
    being written, would break off in the middle; between two steps there is a state that can be saved.
    """
    tell = signal.getsignal(signal.SIGCHLD)
    if not callable(tell) or threading.current_thread() is not threading.main_thread():
        yield from items
        return
    try:
        while True:
            tell(signal.SIGCHLD, None)  # who died meanwhile
            item = next(items)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            yield item
            signal.signal(signal.SIGCHLD, tell)
    except StopIteration:
        return
    finally:
        signal.signal(signal.SIGCHLD, tell)


def _explained(error: RuntimeError) -> Exception:
    """What happened to a worker, in words for the user; any other error is returned as it is."""
    text = str(error)
    if "shared memory" in text or "Bus error" in text or "unable to mmap" in text:
        return UserError(f"{SHARED_MEMORY}. torch says: {text.strip().splitlines()[-1]}")
    if text.startswith("DataLoader worker"):
        return UserError(f"{KILLED}. torch says: {text.strip().splitlines()[-1]}")
    return error


def _allow_open_files() -> None:
    """Use all the open files that the system allows this process: every batch under way takes some."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def _place_sockets() -> None:
    """Let multiprocessing have a folder of ours for this process and its workers: of its own nobody can tell, when it
    was left behind, whose it was. Each worker would make one."""
    if os.getpid() not in _sockets:
        _sockets[os.getpid()] = temporary_folder()
        multiprocessing.current_process()._config["tempdir"] = str(_sockets[os.getpid()])


def _start(parent: int, worker: int) -> None:
    """Settings of a worker. Workers are the parallelism; threads inside them would only compete.

    A cluster and Ctrl-C signal every process of a job. A worker that died of it would end the job before its checkpoint
    is written, so it ignores them, and the kernel ends it with the job, whatever either is doing then.
    """
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Queue._on_queue_feeder_error = staticmethod(_end_unheard)  # the one place that hears of it
    end_with_parent(parent)  # elsewhere than on Linux torch's workers look for their parent every few seconds


def _end_unheard(error: Exception, batch: Any) -> NoReturn:
    """In a worker that cannot hand on a batch: end. Python would print the error and go on, and the job would wait for
    the batch for ever."""
    with suppress(OSError):
        print(message_of(error) or traceback.format_exc(), file=sys.stderr, flush=True)
    os._exit(1)


def kill_workers() -> None:
    """End this process's workers."""
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()


@atexit.register
def leave_nothing() -> None:
    """End the workers, and remove their sockets. At exit Python would send them SIGTERM and wait for ever; this comes
    before, and for a process that ends without Python's own way out."""
    kill_workers()
    if folder := _sockets.get(os.getpid()):
        shutil.rmtree(folder, ignore_errors=True)
