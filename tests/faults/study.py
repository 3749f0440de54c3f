"""The small study that faults are injected into: the command, its configuration, and what must come out the same."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from fork_server import ForkServer
from report_data import EMBEDDED, data_of
from warm import SERVER
from workflow_copy import PARTS, copy_workflow

from videossl.common.intact import SEAL

CONFIGURATION = """
only: [accuracies, retrieved, curve]
results_dir: results
compute: {milestone_jobs: every, retries: 0, checkpoint_minutes: 0.001}
datasets:
  k400: {shards: 1, generated: {classes: 2, videos: {train: 4, val: 2}, frames: [16, 17]}}
  ucf101: {shards: 1, generated: {classes: 2, videos: {train: 4, test: 2}, frames: [16, 17]}}
subsets: {10k: 4}
experiments:
  accuracies:
    kind: table
    title: Accuracies
    grid: &cells
      {task: rotnet, backbone: r2plus1d, source: k400, subset: 10k, epochs: 100, target: ucf101}
    rows: task
    columns: target
  retrieved:
    kind: table
    title: Retrieval
    baseline: false
    grid: {<<: *cells, protocol: retrieval}
    rows: task
    columns: metric
  curve:
    kind: figure
    plot: lines
    title: A curve
    grid: *cells
    x: epochs
    series: task
"""
CHANGE = """
datasets: {ucf101: {generated: {seed: 5}}}
recipe_overrides: {rotnet: {optimizer: {lr: 0.0123}}}
"""
"""A second configuration for the same folder: other videos of one dataset, another recipe. All but the first dataset
must be made again."""
TIMES = {"seconds", "finished", "wall_seconds", "gpu_hours", "first", "last", SEAL}
"""Keys that say when something was done, or how long it took, and the checksum over them."""


IMPORTED = (
    *("videossl.study.study", "videossl.study.contradictions", "videossl.study.config.study", "videossl.study.costs"),
    *("videossl.monitor.before_run", "videossl.monitor.after_run", "videossl.monitor.belief", "videossl.report.dry"),
    *("videossl.monitor.partial", "videossl.report.captions", "videossl.report.renderings"),
)
"""What the rules import."""


class Copies:
    """Folders to run in, which share one copy of the workflow."""

    def __init__(self, repository: Path, home: Path) -> None:
        self.home, self.source = home, home / "workflow"
        self.servers: dict[int, ForkServer] = {}
        shutil.rmtree(self.source, ignore_errors=True)
        copy_workflow(repository, self.source)
        (self.source / "faults.yaml").write_text(CONFIGURATION)
        (self.source / "change.yaml").write_text(CHANGE)

    def new(self, name: str, *, like: Path | None = None) -> Path:
        """A folder without results, or with those of another, and with Snakemake's notes of them."""
        root = self.home / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        for part in (*PARTS, "faults.yaml", "change.yaml"):
            (root / part).symlink_to(self.source / part)
        for part in ("results", ".snakemake") if like is not None else ():
            shutil.copytree(like / part, root / part, symlinks=True)
        return root

    def server(self, library: Path, slot: int) -> ForkServer:
        """The one of a slot: it has imported Snakemake and the library, and its forks are injected with faults."""
        if slot not in self.servers:
            self.servers[slot] = ForkServer(self.environment() | {"LD_PRELOAD": str(library)}, IMPORTED)
        return self.servers[slot]

    def environment(self) -> dict[str, str]:
        """Of a run."""
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.source / "src"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
        }


def command(*targets: str, changed: bool = False, warm: bool = True) -> list[str]:
    """As `make demo` runs the study, on one core. `warm`: with a warm interpreter of its own."""
    snakemake = [sys.executable, "-m", "snakemake", *targets, "--cores", "1", "--quiet", "rules", "--configfile"]
    overlays = ["config/smoke.yaml", "faults.yaml", *(["change.yaml"] if changed else [])]
    own = [sys.executable, SERVER, "--"] if warm else []
    return [*own, *snakemake, *overlays]


NO_RESULTS = ("checkpoint.pt", ".snakemake_timestamp")


def contents(root: Path) -> dict[str, str]:
    """What must be the same after a fault: by file, a digest of all but times. Logs and checkpoints are no results.

    Nor is the empty file by which Snakemake remembers the time of a folder: it is missing if the run is killed between
    the record of a folder and that file, and the folder is believed by its record.
    """
    found = {}
    for path in sorted((root / "results").rglob("*")):
        name = path.relative_to(root / "results").as_posix()
        if path.is_file() and not name.startswith("logs/") and path.name not in NO_RESULTS:
            found[name] = hashlib.sha256(_lasting(path)).hexdigest()
    return found


def _lasting(path: Path) -> bytes:
    if path.suffix in (".json", ".jsonl"):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        value = [_without_times(json.loads(line)) for line in lines]
        if path.parent.name == ".made":  # sizes and digests of files with times in them
            value = [{key: one[key] for key in ("spec", "inputs", "digest")} for one in value]
        return json.dumps(value, sort_keys=True).encode()
    if path.name == "state.pt":
        import torch

        state = torch.load(path, weights_only=True)
        return repr(_digests({key: value for key, value in state.items() if key not in TIMES})).encode()
    if path.name == "report.html":
        return _report(path.read_text())
    return path.read_bytes()


def _digests(value: Any) -> Any:
    if hasattr(value, "numpy"):
        return hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()
    if isinstance(value, dict):
        return {key: _digests(one) for key, one in value.items()}
    return [_digests(one) for one in value] if isinstance(value, list | tuple) else value


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if key not in TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def _report(page: str) -> bytes:
    """The page without durations and dates, and without what the runs printed."""
    body, rest = EMBEDDED.split(page, maxsplit=1)
    found = data_of(page)
    runs = [_without_times({key: one for key, one in run.items() if key != "log"}) for run in found["runs"].values()]
    text = f"{body}{rest}{json.dumps({**found, 'runs': runs}, sort_keys=True)}"
    text = re.sub(r"[0-9:.,-]+", "#", text).replace("# #", "#")
    text = re.sub(r"# (s|min|h)\b", "# s", text)  # on a busy machine, what took seconds takes minutes
    return re.sub(r"(# to )+#", "#", text).encode()


def left_behind(root: Path) -> list[str]:
    """What a finished study must not hold."""
    results = root / "results"
    found = [path for path in results.rglob("*") if path.name.endswith((".tmp", ".new")) or path.name == "FAILED"]
    found += [path for path in (results / "partial").rglob("*") if path.is_file()]
    found += [path for path in (root / ".snakemake/incomplete").rglob("*") if path.is_file()]
    return [path.relative_to(root).as_posix() for path in found]
