"""A name for a process by which others know, later and on other machines too, whether it still runs. Without torch.

A process id alone is used again, and says nothing on another machine or in another container, where results on a
network file system are seen as well. The name has all of these, and when the process started.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

RUNS, ENDED, ELSEWHERE = ("runs", "ended", "elsewhere")
"""ELSEWHERE: on another machine or in another container. It may run or not."""
PATTERN = r"[0-9a-f]{14}-[0-9a-f]+-[0-9a-f]+"
"""What names look like, as a regular expression."""


def own_name() -> str:
    """The name of this process."""
    return name_of(os.getpid())


def name_of(process: int) -> str:
    """The name of a running process of this machine."""
    return f"{''.join(_place())}-{process:x}-{_started(process) or 0:x}"


def state_of(name: str) -> str:
    """Whether the process of that name RUNS, has ENDED, or is ELSEWHERE."""
    place, process, started = name.split("-")
    machine, boot, container = place[:6], place[6:10], place[10:]
    if machine != _place()[0]:
        return ELSEWHERE
    if boot != _place()[1]:  # nothing outlives a restart; but only an installation's own number is sure to be its
        return ENDED if _read("/etc/machine-id") else ELSEWHERE
    if container != _place()[2]:
        return ELSEWHERE
    return RUNS if _started(int(process, 16)) == int(started, 16) else ENDED


@cache
def _place() -> tuple[str, str, str]:
    """The machine, the time that it was started, and the container: what process ids are counted in."""
    container = ""
    with suppress(OSError):
        container = str(Path("/proc/self/ns/pid").readlink())
    machine = f"{socket.gethostname()}\n{_read('/etc/machine-id')}"
    return _short(machine, 6), _short(_read("/proc/sys/kernel/random/boot_id"), 4), _short(container, 4)


def _short(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _started(process: int) -> int | None:
    """When a process started, in the kernel's ticks (elsewhere than on Linux 0); None if it does not run."""
    try:
        # The name in parentheses may hold anything. After it: state (field 3), ..., start time (field 22).
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return 0
