"""A name for a process by which others know, later and on other machines too, whether it still runs. Without torch.

A process id alone is used again, and says nothing on another machine or in another container, where results on a
network file system are seen as well. The name has both, and when the process started.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

RUNS, ENDED, ELSEWHERE = ("runs", "ended", "elsewhere")
"""ELSEWHERE: of another machine or container, or of this one before it was started anew. It may run or not."""
PATTERN = r"[0-9a-f]{8}-\d+-\d+"
"""What names look like, as a regular expression."""


def own_name() -> str:
    """The name of this process."""
    return name_of(os.getpid())


def name_of(process: int) -> str:
    """The name of a running process of this machine."""
    return f"{_machine()}-{process}-{_started(process) or 0}"


def state_of(name: str) -> str:
    """Whether the process of that name RUNS, has ENDED, or is ELSEWHERE."""
    machine, process, started = name.split("-")
    if machine != _machine():
        return ELSEWHERE
    return RUNS if _started(int(process)) == int(started) else ENDED


@cache
def _machine() -> str:
    """Tells apart what process ids are counted in: machines, their starts, and containers."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


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
