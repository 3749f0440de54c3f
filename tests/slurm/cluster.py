"""A real Slurm on this machine: one node, started by hand from Debian's packages and taken down again.

No systemd, no cgroups; accounting where it is installed. Cores, memory and GPUs of the node are made up, so that jobs
are scheduled as on a cluster with GPUs; there are no devices behind them. Needs root, `slurmctld`, `slurmd` and
`munged`.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from slurm.accounting import NO_ACCOUNTING, Accounting, missing

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel", "srun")
CONFIGURATION = Path("/etc/slurm")
"""Where Slurm looks by itself. The executor's job steps drop SLURM_CONF, so the configuration has to be here."""
CONFIGURATIONS = ("slurm.conf", "gres.conf", "slurmdbd.conf")
LOCK = Path("/tmp/videossl-slurm-test.lock")
CPUS, MEMORY = 16, 64000
GPUS = ("null", "zero", "full", "random", "urandom")
"""Devices that every machine has stand for GPUs: Slurm only counts them, as nothing confines jobs to theirs."""
SHARDS = 4 * len(GPUS)
"""Parts of GPUs, which Slurm calls shards: four of each."""

SLURM_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge.sock
CredType=cred/munge
StateSaveLocation={state}
SlurmdSpoolDir={spool}
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.pid
SlurmctldLogFile={log}/slurmctld.log
SlurmdLogFile={log}/slurmd.log
# No cgroups, no binding to cores.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
{accounting}
MpiDefault=none
ReturnToService=2
# The node is what is said below, whatever this machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
# Finished jobs are remembered for the tests.
MinJobAge=3600
SlurmctldTimeout=60
SlurmdTimeout=300
GresTypes=gpu,shard
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
RealMemory={memory} Gres=gpu:{gpus},shard:{shards} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=1-0 DefaultTime=30 State=UP
PartitionName=gpu Nodes={host} MaxTime=1-0 DefaultTime=30 State=UP
PartitionName=urgent Nodes={host} MaxTime=1-0 DefaultTime=30 State=UP PriorityTier=10 PreemptMode=OFF
"""


class NoCluster(Exception):
    """Slurm cannot be started here; says why."""


def reason_against() -> str | None:
    """Why no Slurm can be started on this machine; None if it can."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    if missing := [program for program in PROGRAMS if not shutil.which(program, path=path)]:
        return f"needs {', '.join(missing)} (Debian: apt-get install --no-install-recommends slurm-wlm munge)"
    if os.geteuid() != 0:
        return "needs root, to start slurmd"
    conf = CONFIGURATION / "slurm.conf"
    if conf.exists() and not conf.is_symlink():
        return f"this machine belongs to a Slurm cluster ({conf})"
    return None


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60, pause: float = 0.05) -> None:
    """Wait for `condition`; TimeoutError that says `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(pause)


def command(*arguments: str, check: bool = True) -> str:
    """Output of one of Slurm's commands."""
    done = subprocess.run(arguments, text=True, capture_output=True, check=False, timeout=60)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def processes_in(folder: Path) -> dict[int, list[str]]:
    """The processes whose working directory is `folder` or below it, with their arguments."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").resolve().is_relative_to(folder.resolve()):
                found[int(entry.name)] = (entry / "cmdline").read_text(errors="replace").split("\0")
        except OSError:  # ended meanwhile
            continue
    return found


class Cluster:
    """One node, one controller, in `folder`; only one at a time on a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = {name: folder / name for name in ("state", "spool", "log", "run")}
        self.host = socket.gethostname().split(".")[0]
        self._lock: IO[str] | None = None
        self.accounting = None if missing() else Accounting(folder, self.parts, (_free_port(), _free_port()))

    def start(self) -> None:
        """Start all daemons and wait until the node takes jobs."""
        self._lock = LOCK.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)  # another session's tests come first
        for path in self.parts.values():
            path.mkdir(parents=True)
        self._start_munge()
        self._configure()
        if self.accounting:
            self.accounting.start_database()
            self._daemon("slurmdbd")
            wait_until(lambda: _answers(self.accounting.port), "slurmdbd")
        self._daemon("slurmctld", "-c")
        self.start_node()

    def stop(self) -> None:
        """End all jobs and daemons, and leave no configuration behind."""
        if (self.parts["run"] / "slurmctld.pid").exists():
            command("scancel", "--user=root", check=False)
        for name in ("slurmd", "slurmctld", "slurmdbd", "munged"):
            self._end(name)
        if self.accounting:
            self.accounting.stop()
        for name in CONFIGURATIONS:
            (CONFIGURATION / name).unlink(missing_ok=True)
        if self._lock:
            self._lock.close()

    def start_node(self) -> None:
        """Start slurmd, and wait until the controller hears of it."""
        self._daemon("slurmd")
        wait_until(lambda: self.state() in ("idle", "mixed", "allocated"), "the node to be up")

    def stop_node(self) -> None:
        """End slurmd; what it has started goes on."""
        self._end("slurmd")

    def state(self) -> str:
        """The node's state."""
        return command("sinfo", "-h", "-o", "%T", check=False).strip().rstrip("*~#")

    def jobs(self, folder: Path) -> list[dict[str, str]]:
        """All jobs submitted from `folder`, finished ones too, in order; by Slurm's own names of their properties."""
        lines = command("scontrol", "show", "job", "--oneliner", check=False).splitlines()
        found = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if line.startswith("JobId")]
        return sorted(
            (job for job in found if job["WorkDir"] == str(folder.resolve())), key=lambda job: int(job["JobId"])
        )

    def logs(self) -> str:
        """The ends of the daemons' logs, for a failure's report."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in self.parts["log"].glob("*")
        )

    def _start_munge(self) -> None:
        key, run = self.folder / "munge.key", self.parts["run"]
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        options = {
            "key-file": key,
            "socket": run / "munge.sock",
            "pid-file": run / "munged.pid",
            "log-file": self.parts["log"] / "munged.log",
            "seed-file": run / "munge.seed",
        }
        # The folder is a test's, which others may write to as munge sees it: --force.
        self._daemon("munged", "--force", *(f"--{name}={value}" for name, value in options.items()))

    def _configure(self) -> None:
        ports = {"controller_port": _free_port(), "node_port": _free_port()}
        node = {"host": self.host, "cpus": CPUS, "gpus": len(GPUS), "shards": SHARDS, "memory": MEMORY}
        node["accounting"] = self.accounting.lines if self.accounting else NO_ACCOUNTING
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(**self.parts, **ports, **node))
        devices = [f"NodeName={self.host} Name=gpu File=/dev/{name}\n" for name in GPUS]
        (self.folder / "gres.conf").write_text("".join(devices) + f"NodeName={self.host} Name=shard Count={SHARDS}\n")
        if self.accounting:
            self.accounting.write_conf()
        CONFIGURATION.mkdir(exist_ok=True)
        for name in CONFIGURATIONS:
            (CONFIGURATION / name).unlink(missing_ok=True)  # a killed session's
            if (self.folder / name).exists():
                (CONFIGURATION / name).symlink_to(self.folder / name)

    def _daemon(self, name: str, *options: str) -> None:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        done = subprocess.run([path, *options], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise NoCluster(f"{name} did not start: {done.stderr.strip()}\n{self.logs()}")

    def _end(self, name: str) -> None:
        pid_file = self.parts["run"] / f"{name}.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        try:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"{name} to end", seconds=30)
        except ProcessLookupError:
            pass


def _answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
