"""Freed memory is kept, so that the kernel does not clear its pages for each block anew."""

import os
import subprocess
import sys

import pytest

from videossl.common.memory import keep_freed_memory
from videossl.training import session

FAULTS = """
import resource, sys
import numpy as np
from videossl.common.memory import keep_freed_memory
from videossl.training import session
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(2**20)  # 8 MiB of memory that is freed at once
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    blocks = [np.ones(2**20) for _ in range(10)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    small_pages = os.environ | {"NUMPY_MADVISE_HUGEPAGE": "0"}
    command = [sys.executable, "-c", FAULTS, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=small_pages)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_pages_are_not_cleared_again_for_each_block() -> None:
    if not keep_freed_memory():
        pytest.skip("needs glibc")
    pages = 10 * 2**23 // 4096
    assert faults("default") > 4 * pages  # else this test shows nothing
    assert faults("keep") < 2 * pages


@pytest.mark.usefixtures("own_signals")
def test_a_job_with_a_network_keeps_freed_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(session, "keep_freed_memory", lambda: called.append(True))
    session.Compute(device="cpu").start()
    assert called
