"""`run.json`: how each run was made."""

from __future__ import annotations

import os
import platform
import subprocess
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
"""What every record has, with the types of the values."""


def _version(package: str) -> str | None:
    """None where it is not installed, as decord is on some machines."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def code_version() -> str:
    """Commit of the code in use, with `+changes` if files differ from it; the package's version outside git.

    Kept from the first call on: the code that a long run uses is that of its start."""
    here = Path(__file__).parents[1]  # the whole package
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        return commit + ("+changes" if _git(here, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return __version__


def _git(folder: Path, *arguments: str) -> str:
    # Git asks before it trusts a checkout of another user, as a shared one is; whose code runs here is trusted already.
    trusted = ["-c", "safe.directory=*"]
    done = subprocess.run(["git", *trusted, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def device_name(device: torch.device | None) -> str:
    """The device in words; None: the processor."""
    if device is not None and device.type == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _where(device: torch.device | None) -> dict[str, Any]:
    """What a job ran on, and with how many processes and threads."""
    if device is None:
        threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        return {"device": "cpu", "device_name": device_name(None), "processes": 1, "threads": threads}
    import torch

    _, processes = rank_and_processes()
    threads = torch.get_num_threads()
    return {"device": str(device), "device_name": device_name(device), "processes": processes, "threads": threads}


def write_run(
    path: Path,
    *,
    spec: Specification,
    identity: dict[str, Any],
    device: torch.device | None,
    seconds: float,
    samples: dict[str, int],
    classes: dict[str, Any] | None = None,
) -> None:
    """Write `run.json`: recipe and hash, versions, device, date, wall time, GPU-hours, sample counts.

    `classes`: of a test, which classes lacked videos (:class:`videossl.data.classes.ClassGaps`).
    `device`: None for a job without torch; this module then does not import it, which takes seconds.
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
            }
        ),
    )


def read_run(path: Path) -> dict[str, Any]:
    """A `run.json`; a UserError says what is wrong with it."""
    return read_json(path, KEYS, "record of a run")


def find_run(folder: Path) -> dict[str, Any] | None:
    """The record in a run folder; None where there is none that can be read."""
    try:
        return read_run(folder / "run.json")
    except (UserError, OSError):
        return None
