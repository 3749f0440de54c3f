"""`run.json`: how each run was made."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl import __version__
from videossl.common.errors import UserError
from videossl.common.files import write_json
from videossl.common.intact import read_json, sealed
from videossl.common.ranks import rank_and_processes
from videossl.common.specification import Specification

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "torchvision", "transformers", "numpy", "pyarrow", "decord", "simplejpeg", "snakemake")


KEYS: dict[str, type | tuple[type, ...]] = {
    "identity": dict,
    "recipe": dict,
    "recipe_hash": str,
    "code_version": str,
    "python": str,
    "packages": dict,
    "device": str,
    "device_name": str,
    "wall_seconds": (int, float),
    "gpu_hours": (int, float),
    "samples": dict,
}
"""Keys of every record, with their types."""


def _version(package: str) -> str | None:
    """Version of an installed package; None if it is not installed, as decord on some machines."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def code_version() -> str:
    """Commit of the code in use, with `+changes` if files differ from it; the package's version outside git.

    Cached at the first call: a long run uses the code of its start.
    """
    here = Path(__file__).parents[1]  # the package's folder
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        return commit + ("+changes" if _git(here, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return __version__


def _git(folder: Path, *arguments: str) -> str:
    # Git refuses a checkout that belongs to another user, such as a shared one. Its code runs here anyway, so it is
    # trusted.
    trusted = ["-c", "safe.directory=*"]
    done = subprocess.run(["git", *trusted, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def device_name(device: torch.device | None) -> str:
    """Name of the device; None: the processor."""
    if device is not None and device.type == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _where(device: torch.device | None) -> dict[str, Any]:
    """Machine, device, numbers of processes and threads of a job, and how a GPU computed float32 products."""
    if device is None:
        threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        return {"device": "cpu", "device_name": device_name(None), "processes": 1, "threads": threads}
    import torch

    from videossl.training.precision import float32_products

    _, processes = rank_and_processes()
    threads = torch.get_num_threads()
    found = {"device": str(device), "device_name": device_name(device), "processes": processes, "threads": threads}
    return found if device.type == "cpu" else {**found, "float32": float32_products()}


def write_run(
    path: Path,
    *,
    spec: Specification,
    identity: dict[str, Any],
    device: torch.device | None,
    seconds: float,
    samples: dict[str, int],
    classes: dict[str, Any] | None = None,
    too_short: dict[str, Any] | None = None,
    labelled: dict[str, Any] | None = None,
    length: dict[str, int] | None = None,
    source: dict[str, Any] | None = None,
) -> None:
    """Write `run.json`: recipe and hash, versions, device, date, wall time, GPU-hours, sample counts.

    Args:
        classes: of a test, the classes that lacked videos (:class:`videossl.data.classes.ClassGaps`).
        too_short: of a pretraining, the videos that are too short for the task
            (:class:`videossl.training.short_videos.ShortVideos`).
        labelled: of a low-shot finetuning, its labelled videos (:class:`videossl.data.labelled.Labelled`).
        length: of a finetuning, the numbers of epochs and steps run.
        source: of published weights, the file's name, size and digest.
        device: None for a job without torch; this module then does not import it, which takes seconds.
    """
    where = _where(device)
    gpus = where["processes"] if where["device"].startswith("cuda") else 0
    write_json(
        path,
        sealed(
            {
                "identity": identity,
                "recipe": spec.values,
                "recipe_hash": spec.hash,
                "code_version": code_version(),
                "python": platform.python_version(),
                "packages": {name: found for name in PACKAGES if (found := _version(name))},
                **where,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "wall_seconds": round(seconds, 2),
                "gpu_hours": round(gpus * seconds / 3600, 4),
                "samples": samples,
                **({} if classes is None else {"classes": classes}),
                **({} if too_short is None else {"too_short": too_short}),
                **({} if labelled is None else {"labelled": labelled}),
                **({} if length is None else {"length": length}),
                **({} if source is None else {"source": source}),
            }
        ),
    )


def read_run(path: Path) -> dict[str, Any]:
    """Read a `run.json`. Raises UserError with the reason if it cannot be used."""
    return read_json(path, KEYS, "record of a run")


def find_run(folder: Path) -> dict[str, Any] | None:
    """The record in a run folder; None if there is none or it cannot be read."""
    try:
        return read_run(folder / "run.json")
    except (UserError, OSError):
        return None


def gpu_seconds(run: Mapping[str, Any]) -> float:
    """GPU-seconds of a run on GPUs, otherwise its wall-clock seconds."""
    return float(3600 * run["gpu_hours"] or run["wall_seconds"])
