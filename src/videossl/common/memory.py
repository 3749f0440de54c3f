"""Settings of the process's memory. Does not import torch."""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""
MOST_KEPT = 2**31 - 1
"""Bytes, the most that `mallopt` takes."""
LARGEST_REUSED = 2**25
"""Bytes. The largest block that glibc takes from freed memory; larger ones always come from the kernel."""


def keep_freed_memory() -> bool:
    """Keep freed memory for later blocks instead of giving it back to the kernel. Returns whether the C library can.

    A training step frees and asks for the same blocks again and again. By default glibc gives back large ones at once,
    and the kernel then clears each page anew. At its peak the process takes about as much memory as
    before, and keeps it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library than glibc
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST_REUSED)) and bool(mallopt(TRIM_THRESHOLD, MOST_KEPT))
