"""Worker processes of a loader: their signals, their errors, and how they end.

Workers must outlive the checkpoint of a job that is told to stop, and must never outlive the job.
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
    "a loader worker ran out of shared memory (/dev/shm). Give the machine or container more (docker"
    " run --shm-size, or --ipc=host), or lower compute.workers or the batch_size"
)
KILLED = (
    "a loader worker was killed, most often for lack of memory; its own message, if any, stands above. Lower"
    " compute.workers, or raise compute.memory.worker"
)

_sockets: dict[int, Path] = {}
"""By process id: folder of the sockets through which its workers send batches."""


class Loader(DataLoader[Item]):
    """A DataLoader that raises the original exception of a worker, and reports a dead worker only while a batch is
    awaited."""

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
        except (EOFError, ConnectionError) as error:  # the worker died while its batch was being received
            raise UserError(f"{KILLED}.") from error


class _Handing(Dataset[Any]):
    """Data set in a worker that passes on errors for the user unchanged. torch would wrap them in a long text."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __getitems__(self, keys: Sequence[Any]) -> Any:
        try:
            return self.dataset.__getitems__(keys)
        except (UserError, OSError) as error:
            return error


def _awaited(items: Iterator[Item]) -> Iterator[Item]:
    """Yields `items`; the death of a worker is raised only while the next item is awaited.

    torch raises it from a handler of SIGCHLD, wherever the main thread is. A training step or the writing of a
    checkpoint would be interrupted; between two steps the state can be saved.
    """
    tell = signal.getsignal(signal.SIGCHLD)
    if not callable(tell) or threading.current_thread() is not threading.main_thread():
        yield from items
        return
    try:
        while True:
            tell(signal.SIGCHLD, None)  # handle deaths in the meantime
            item = next(items)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            yield item
            signal.signal(signal.SIGCHLD, tell)
    except StopIteration:
        return
    finally:
        signal.signal(signal.SIGCHLD, tell)


def _explained(error: RuntimeError) -> Exception:
    """The error for the user if a worker died; any other error is returned unchanged."""
    text = str(error)
    if "shared memory" in text or "Bus error" in text or "unable to mmap" in text:
        return UserError(f"{SHARED_MEMORY}. torch says: {text.strip().splitlines()[-1]}")
    if text.startswith("DataLoader worker"):
        return UserError(f"{KILLED}. torch says: {text.strip().splitlines()[-1]}")
    return error


def _allow_open_files() -> None:
    """Raise the limit of open files to its maximum: every batch in flight needs some."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def _place_sockets() -> None:
    """Make multiprocessing of this process and its workers use a folder of ours. It would otherwise create one per
    worker, and leftover ones could not be attributed to a process."""
    if os.getpid() not in _sockets:
        _sockets[os.getpid()] = temporary_folder()
        multiprocessing.current_process()._config["tempdir"] = str(_sockets[os.getpid()])


def _start(parent: int, worker: int) -> None:
    """Set up a worker. Workers run in parallel; threads inside them would only compete.

    A cluster and Ctrl-C send signals to every process of a job. A worker that died of one would end the job before its
    checkpoint is written, so workers ignore them. The kernel ends a worker together with its job, whatever either does.
    """
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Queue._on_queue_feeder_error = staticmethod(_end_unheard)  # the only place that learns of it
    end_with_parent(parent)  # on other systems than Linux, torch's workers check their parent every few seconds


def _end_unheard(error: Exception, batch: Any) -> NoReturn:
    """End a worker that cannot send a batch. Python would print the error and continue, and the job would wait for the
    batch forever."""
    with suppress(OSError):
        print(message_of(error) or traceback.format_exc(), file=sys.stderr, flush=True)
    os._exit(1)


def kill_workers() -> None:
    """Kill the workers of this process."""
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()


@atexit.register
def leave_nothing() -> None:
    """Kill the workers and remove their sockets. Python's own exit would send them SIGTERM and wait forever; this runs
    before it, and also for processes that end without it."""
    kill_workers()
    if folder := _sockets.get(os.getpid()):
        shutil.rmtree(folder, ignore_errors=True)
