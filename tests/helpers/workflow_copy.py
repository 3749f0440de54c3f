"""Runs of Snakemake in a copy of the workflow, so that tests neither see nor leave results in the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fork_server import run_module
from warm import SERVER, has_the_code_of_the_repository
from warm import shared as shared_warm_interpreter

PARTS = ("Snakefile", "rules", "config", "profiles", "workflow", "envs", "src")


@dataclass
class Workflow:
    """A copy of the workflow in a folder of its own."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a run."""
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "src"),
            "XDG_CACHE_HOME": str(self.root / ".cache"),
        }

    def run(
        self,
        *arguments: str,
        check: bool = True,
        timeout: int = 600,
        warm: bool = False,
        folder: Path | None = None,
        starter: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run `snakemake` here, or in `folder`; stdout and stderr come together as `stdout`.

        `warm`: jobs in forks of a warm interpreter, as in `make demo`; `starter`: a command that starts it.
        """
        environment, folder = self.environment, folder or self.root
        shared = warm and has_the_code_of_the_repository(self.root)
        if shared:
            environment |= shared_warm_interpreter()
        if starter or (warm and not shared):
            command = [*starter, sys.executable, "-m", "snakemake", *arguments]
            done = subprocess.run(
                [sys.executable, self.root / SERVER, "--", *command] if warm else command,
                cwd=folder,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        else:
            done = run_module("snakemake", arguments, folder=folder, environment=environment, timeout=timeout)
        if check and done.returncode:
            pytest.fail(f"snakemake {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return done

    def command(self, module: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `python -m MODULE ARGUMENTS...` here, or in `folder`; stdout and stderr come together as `stdout`."""
        return run_module(module, arguments, folder=folder or self.root, environment=self.environment, timeout=600)

    def plan(self, *arguments: str, folder: Path | None = None) -> Counter[str]:
        """The jobs of a dry-run: how many of each rule."""
        return jobs_of(self.run(*arguments, "-n", "--quiet", "rules", folder=folder).stdout)


def jobs_of(output: str) -> Counter[str]:
    """The jobs that a dry-run has printed: how many of each rule."""
    counts = re.findall(r"^([a-z_]+) +(\d+)$", output.split("Job stats:")[-1].split("\n\n")[0], flags=re.M)
    jobs = Counter({name: int(number) for name, number in counts if name != "total"})
    if not jobs and "Nothing to be done" not in output:
        pytest.fail(f"no plan in:\n{output[-3000:]}")
    return jobs


def copy_workflow(repository: Path, root: Path) -> Workflow:
    """Copy what Snakemake needs; the link `slurm` too, and compiled modules, but for those that are being written."""
    root.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = repository / part
        if source.is_dir():
            shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("*.egg-info", "*.pyc.*"))
        else:
            shutil.copy2(source, root / part)
    (root / "slurm").symlink_to("profiles/slurm")
    return Workflow(root)


def fill_in_site(root: Path, *, gres: bool = False) -> None:
    """Fill in the file of the site as a user does: partitions `cpu` and `gpu`, and perhaps GPUs by --gres."""
    path = root / "profiles/slurm/site.yaml"
    wanted = "cpu_partition|gpu_partition" + ("|gpus_by" if gres else "")
    path.write_text(re.sub(rf"# ({wanted}):", r"\1:", path.read_text()))
