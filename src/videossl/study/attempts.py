"""How the earlier attempts of a job ended, which decides what the next one asks for.

Snakemake counts attempts but does not know why one failed. Slurm says so in its log of the job, which the executor
keeps after a failure; a job that met a mistake of the user leaves a file in its run folder. Imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from videossl.common.errors import DamagedFile, OutOfMemory, UserError
from videossl.training.failure import MARKER, reason_of

# Only Slurm's own lines count: the log also has what the job printed, such as "CUDA out of memory". Some clusters add
# the node's name: "slurmstepd-n1: error: ...".
_SLURM = r"^(slurmstepd|srun)[^:\n]*: error: .*"
OUT_OF_MEMORY = re.compile(
    _SLURM + r"(oom[-_ ]kill|out[- ]of[- ]memory|exceeded (job |step )?memory limit)", re.M | re.I
)
OUT_OF_TIME = re.compile(_SLURM + r"DUE TO TIME LIMIT", re.M)
MISTAKES = tuple(f"{kind.__name__}: " for kind in (UserError, DamagedFile, OutOfMemory))
"""How the reason of a failure begins that another attempt cannot mend."""
END_BYTES = 200_000
"""Part of a log that is read, from its end."""


class Past(NamedTuple):
    """What is known of the attempts before this one."""

    mistake: str = ""
    """The mistake of the user that ended the last attempt."""
    out_of_memory: int = 0
    """Number of attempts that ended for want of memory."""
    out_of_time: int = 0
    """Number of attempts that reached their time limit."""


NOTHING = Past()


def past_of(attempt: int, folder: Path | None, logs: Path, since: float) -> Past:
    """The past of a job.

    Args:
        attempt: number of the attempt to come; the first is 1.
        folder: the run folder; None if failures leave nothing there.
        logs: folder of Slurm's logs of the job.
        since: start of this run of Snakemake as a Unix timestamp in seconds; older logs are those of other runs.
    """
    if attempt == 1:
        return NOTHING
    texts = [_end_of(path) for path in _latest(logs, attempt - 1, since)]
    memory, time = (sum(bool(found.search(text)) for text in texts) for found in (OUT_OF_MEMORY, OUT_OF_TIME))
    return Past(mistake_in(folder) if folder else "", memory, time)


def mistake_in(folder: Path) -> str:
    """The mistake of the user that ended the last attempt in a run folder; "" if there was none."""
    reason = reason_of(folder)
    return next((reason.removeprefix(kind) for kind in MISTAKES if reason.startswith(kind)), "")


def forget_mistake(folder: Path) -> None:
    """Remove the mistake of an earlier run from a run folder: it may be corrected."""
    if mistake_in(folder):
        (folder / MARKER).unlink(missing_ok=True)


def slurm_logs(root: Path, rule: str, wildcards: Sequence[str]) -> Path:
    """Folder of the logs that Slurm writes of a job, as the executor names it."""
    return root / f"rule_{rule}" / "_".join(wildcards).replace("/", "_")


def _latest(logs: Path, count: int, since: float) -> list[Path]:
    """The latest `count` logs of this run."""
    try:
        times = {path: path.stat().st_mtime for path in logs.glob("*.log")}
    except OSError:
        return []
    recent = sorted((path for path, time in times.items() if time >= since), key=times.__getitem__)
    return recent[-count:]


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            handle.seek(max(0, path.stat().st_size - END_BYTES))
            return handle.read().decode(errors="replace")
    except OSError:
        return ""
