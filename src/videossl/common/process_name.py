"""Process names that tell later, and on other machines, whether the process still runs. Does not import torch.

A process id alone gets reused, and means nothing on another machine or in another container that sees the same results
folder over a network file system. The name contains all of these and the start time of the process.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

RUNS, ENDED, ELSEWHERE = ("runs", "ended", "elsewhere")
"""ELSEWHERE: on another machine or in another container, where it may or may not run."""
PATTERN = r"[0-9a-f]{14}-[0-9a-f]+-[0-9a-f]+"
"""Regular expression for process names."""


def own_name() -> str:
    """The name of this process."""
    return name_of(os.getpid())


def name_of(process: int) -> str:
    """The name of a running process on this machine."""
    return f"{''.join(_place())}-{process:x}-{_started(process) or 0:x}"


def state_of(name: str) -> str:
    """State of the process with this name: RUNS, ENDED or ELSEWHERE."""
    place, process, started = name.split("-")
    machine, boot, container = place[:6], place[6:10], place[10:]
    if machine != _place()[0]:
        return ELSEWHERE
    if boot != _place()[1]:  # nothing survives a restart; but only a real machine id identifies the machine
        return ENDED if _read("/etc/machine-id") else ELSEWHERE
    if container != _place()[2]:
        return ELSEWHERE
    return RUNS if _started(int(process, 16)) == int(started, 16) else ENDED


@cache
def _place() -> tuple[str, str, str]:
    """What process ids are relative to: machine, boot time and container."""
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
    """Start time of a process in kernel ticks (0 on other systems than Linux); None if it does not run."""
    try:
        # The name in parentheses may contain anything. The fields after it: state (field 3), ..., start time (field
        # 22).
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
