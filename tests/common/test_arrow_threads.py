"""Reading tables starts no native threads: they may still run when the interpreter ends, which then aborts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from videossl.common.files import write_parquet

READ = """
import os, sys
from pathlib import Path
import pandas, pyarrow.parquet
from videossl.common.intact import read_frame
from videossl.study import inventory
before = set(os.listdir("/proc/self/task"))
path = Path(sys.argv[1])
assert len(read_frame(path)) == 20000
state = path.stat()
assert inventory._read(str(path), state.st_mtime_ns, state.st_size)
names = [Path(f"/proc/self/task/{task}/comm").read_text() for task in set(os.listdir("/proc/self/task")) - before]
print(len(names), names)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux lists them")
def test_reading_a_table_starts_no_threads(tmp_path):
    columns = {name: [f"{name}{row}" for row in range(20000)] for name in ("id", "split", "status", "path")}
    frame = pd.DataFrame(columns).assign(label=1, status="ok", split="train")
    write_parquet(tmp_path / "many.parquet", pa.Table.from_pandas(frame, preserve_index=False))
    done = subprocess.run([sys.executable, "-c", READ, tmp_path / "many.parquet"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["0"]), done.stdout + done.stderr


def test_no_module_converts_tables_with_threads(repository):
    """`frame_of` and `read_frame` of videossl.common.intact do it without."""
    threaded = re.compile(r"\.to_pandas\(\)|pq\.read_table\(|pd\.read_parquet\(|\.group_by\(\[[^\]]*\]\)")
    found = [
        f"{path.relative_to(repository)}: {line.strip()}"
        for folder in ("src", "workflow")
        for path in sorted((repository / folder).rglob("*.py"))
        for line in path.read_text().splitlines()
        if threaded.search(line) and "use_threads=False" not in line
    ]
    assert not found
