"""Freed memory is kept, so that the kernel does not clear its pages for each block anew."""

import subprocess
import sys

import pytest

from videossl.common.memory import keep_freed_memory

FAULTS = """
import resource, sys
import numpy as np
from videossl.common.memory import keep_freed_memory
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
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_pages_are_not_cleared_again_for_each_block() -> None:
    if not keep_freed_memory():
        pytest.skip("needs glibc")
    pages = 10 * 2**23 // 4096
    assert faults("default") > 4 * pages  # else this test shows nothing
    assert faults("keep") < 2 * pages
