"""What Slurm says about a site: its partitions, accounts and settings, read with its own commands."""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

SECONDS = 30
"""Longest time that one of Slurm's commands may take."""
NODES = "%R|%P|%l|%G|%c|%m|%F"
"""Columns of `sinfo`: partition, the same with a star for the default, time limit, generic resources, cores and MB of a
node, and the numbers of nodes."""


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in a partition."""

    gpus: dict[str, int]
    """GPUs of a node by type; "" if Slurm knows no type."""
    cores: int
    memory_mb: int
    resources: frozenset[str]
    """Names of its generic resources, such as gpu and shard."""


@dataclass
class Partition:
    """A partition."""

    name: str
    default: bool
    minutes: int | None
    """Longest time limit of a job; None: unlimited."""
    nodes: list[Nodes] = field(default_factory=list)

    @property
    def models(self) -> set[str]:
        """Types of its GPUs."""
        return {model for nodes in self.nodes for model in nodes.gpus}

    @property
    def gpus(self) -> int:
        """GPUs of its largest node."""
        return max((sum(nodes.gpus.values()) for nodes in self.nodes), default=0)


@dataclass(frozen=True)
class Site:
    """Everything that Slurm was asked."""

    partitions: dict[str, Partition]
    accounts: list[str] | None
    """Accounts of the user; None if Slurm keeps none, or did not answer."""
    settings: dict[str, str]
    """Of `scontrol show config`."""
    preemption: dict[str, str]
    """Mode of preemption by partition."""

    @property
    def default(self) -> Partition | None:
        """The partition of a job that names none."""
        return next((one for one in self.partitions.values() if one.default), None)


def ask(*command: str) -> str:
    """Output of a command. Raises OSError or subprocess.SubprocessError if there is none."""
    done = subprocess.run(command, text=True, capture_output=True, check=True, timeout=SECONDS)
    return done.stdout


def read_site(answer: Callable[..., str] = ask) -> Site:
    """Ask Slurm. Raises OSError or subprocess.SubprocessError if `sinfo` or `scontrol` does not answer."""
    settings = dict(re.findall(r"^(\w+)\s*= (.*)$", answer("scontrol", "show", "config"), re.M))
    described = answer("scontrol", "show", "partition", "--oneliner")
    preemption = dict(re.findall(r"PartitionName=(\S+).*?PreemptMode=(\S+)", described))
    return Site(_partitions(answer("sinfo", "--noheader", "-o", NODES)), _accounts(answer), settings, preemption)


def _accounts(answer: Callable[..., str]) -> list[str] | None:
    user = getpass.getuser()
    try:
        text = answer("sacctmgr", "-nP", "show", "associations", f"user={user}", "format=account")
    except (OSError, subprocess.SubprocessError):
        return None
    return sorted(set(text.split())) or None


def _partitions(text: str) -> dict[str, Partition]:
    found: dict[str, Partition] = {}
    for line in text.splitlines():
        name, starred, limit, gres, cores, memory, _ = line.strip().split("|")
        partition = found.setdefault(name, Partition(name, starred.endswith("*"), minutes_of(limit)))
        named = frozenset(re.findall(r"(?:^|,)(\w+)", re.sub(r"\([^)]*\)", "", gres)))
        partition.nodes.append(Nodes(gpus_of(gres), _number(cores), _number(memory), named - {"null"}))
    return found


def gpus_of(gres: str) -> dict[str, int]:
    """GPUs by type of a list of generic resources, such as `gpu:a100:4(S:0-1),shard:16`."""
    found: dict[str, int] = {}
    for model, number in re.findall(r"(?:^|,)gpu(?::(?!\d+(?:[(,]|$))([\w.]+))?(?::(\d+))?", gres):
        found[model] = found.get(model, 0) + int(number or 1)
    return found


def minutes_of(limit: str) -> int | None:
    """A time limit of Slurm ([days-]hours:minutes:seconds, or minutes:seconds) in minutes; None if there is none."""
    if not re.fullmatch(r"[\d:-]+", limit):
        return None
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes = ([0, 0, *parts] if len(parts) > 1 else [*parts, 0, 0])[-3:-1]
    return (int(days or 0) * 24 + hours) * 60 + minutes


def _number(text: str) -> int:
    """A number that `sinfo` may follow with a plus sign."""
    return int(re.sub(r"\D", "", text) or 0)
