"""Slurm's accounting on this machine: a private MariaDB and slurmdbd, so that `sacct` has answers as on most sites."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("slurmdbd", "sacct", "mariadbd", "mariadb", "mariadb-install-db")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

SLURMDBD_CONF = """
AuthType=auth/munge
AuthInfo=socket={run}/munge.sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
LogFile={log}/slurmdbd.log
PidFile={run}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CommitDelay=0
"""
SLURM_CONF = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
# With munge this is the socket to slurmdbd; AuthInfo is not used there.
AccountingStoragePass={run}/munge.sock
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
GRANTS = "".join(
    f"create or replace user slurm@'{host}' identified by 'slurm'; grant all on slurm_acct_db.* to slurm@'{host}';"
    for host in ("127.0.0.1", "localhost")
)


def missing() -> list[str]:
    """The programs that this machine lacks for accounting."""
    return [program for program in PROGRAMS if not shutil.which(program, path=PATH)]


class Accounting:
    """The database and slurmdbd, with files in the cluster's folder. munged must be running."""

    def __init__(self, folder: Path, parts: dict[str, Path], ports: tuple[int, int]) -> None:
        self.folder, self.parts = folder, parts
        self.port, self.database_port = ports
        self._database: subprocess.Popen[bytes] | None = None

    @property
    def conf(self) -> Path:
        """The configuration of slurmdbd, which belongs beside that of Slurm."""
        return self.folder / "slurmdbd.conf"

    @property
    def lines(self) -> str:
        """What slurm.conf says of it."""
        return SLURM_CONF.format(port=self.port, **self.parts)

    def write_conf(self) -> None:
        """Write the configuration of slurmdbd."""
        values = {"port": self.port, "database_port": self.database_port, **self.parts}
        self.conf.touch(mode=0o600)
        self.conf.write_text(SLURMDBD_CONF.format(**values))

    def start_database(self) -> None:
        """Make a database and start its server."""
        data = self.folder / "mysql"
        options = ["--no-defaults", "--user=root", f"--datadir={data}"]
        _run("mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db")
        command = [shutil.which("mariadbd", path=PATH), *options, f"--socket={self._socket}"]
        command += [f"--port={self.database_port}", "--bind-address=127.0.0.1", "--skip-log-bin"]
        command += ["--innodb-buffer-pool-size=128M", "--innodb-lock-wait-timeout=900"]
        with (self.parts["log"] / "mariadb.log").open("wb") as log:
            self._database = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(subprocess.CalledProcessError):
                self._query(f"create database if not exists slurm_acct_db; {GRANTS}")
                return
            time.sleep(0.2)
        raise TimeoutError("waited 120 s for the database")

    def stop(self) -> None:
        """End the server of the database; slurmdbd must have ended."""
        if self._database is not None:
            self._database.send_signal(signal.SIGTERM)
            self._database.wait(timeout=60)

    @property
    def _socket(self) -> Path:
        return self.parts["run"] / "mysql.sock"

    def _query(self, text: str) -> None:
        _run("mariadb", "--no-defaults", "-S", str(self._socket), "-uroot", "-e", text)


def _run(program: str, *arguments: str) -> None:
    subprocess.run([shutil.which(program, path=PATH), *arguments], check=True, capture_output=True, timeout=180)
