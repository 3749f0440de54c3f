"""The `sbatch` lines that Snakemake's Slurm plugin would build for the jobs of a plan, without a Slurm.

As a program: `python -m submissions ATTEMPT ARGUMENTS...` makes a dry-run of `snakemake ARGUMENTS...` and prints one
JSON object for each job: its rule, wildcards, and the line. The plugin's own functions build it and check what they are
given; only account and partition come from the resources as they are, as the plugin would ask a Slurm for them.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from fork_server import run_module
from workflow_copy import Workflow

MARK = "SUBMISSION "


@dataclass(frozen=True)
class Submission:
    """One call of sbatch."""

    name: str
    wildcards: dict[str, str]
    line: str
    jobs: int
    """Snakemake's jobs in it."""

    @property
    def options(self) -> dict[str, str]:
        """The options of the line, by their long or short name."""
        found, words = {}, self.line.split()
        for number, word in enumerate(words):
            if word.startswith("--"):
                name, equals, value = word.partition("=")
                following = words[number + 1] if number + 1 < len(words) else "-"
                found[name] = value if equals else "" if following.startswith("-") else following
            elif word.startswith("-") and number + 1 < len(words):
                found[word] = words[number + 1]
        return found


def submissions(workflow: Workflow, *arguments: str, attempt: int = 1) -> list[Submission]:
    """The submissions of a run of `snakemake --profile slurm ARGUMENTS...` in which nothing is done yet.

    A dry-run is local to Snakemake, which then bounds threads by the cores: as many as anyone asks for.
    """
    helpers = str(Path(__file__).parent)
    environment = workflow.environment
    environment["PYTHONPATH"] = os.pathsep.join([environment["PYTHONPATH"], helpers])
    command = [str(attempt), *arguments, "--profile", "slurm", "--dry-run", "--quiet", "all", "--cores", "9999"]
    done = run_module("submissions", command, folder=workflow.root, environment=environment, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    lines = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
    return [Submission(**json.loads(line)) for line in lines]


def main() -> None:
    """Print the submissions of a dry-run."""
    from snakemake import cli
    from snakemake.executors import dryrun

    attempt = int(sys.argv.pop(1))
    run = dryrun.Executor.run_job

    def told(self, job) -> None:
        rules = {one.rule for one in (job if job.is_group() else [job])}
        if not any(rule.norun or rule.name in self.workflow._localrules for rule in rules):
            if attempt > 1:
                job.attempt = attempt
            print(MARK + json.dumps(_submission(job)), flush=True)
        run(self, job)

    dryrun.Executor.run_job = told
    sys.argv[0] = "snakemake"
    cli.main(sys.argv[1:])


def _submission(job) -> dict:
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string
    from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

    validate_slurm_extra(job)
    given = {"account": ("-A", "slurm_account"), "partition": ("-p", "slurm_partition")}
    where = {
        key: f" {flag} {value}" if (value := job.resources.get(name)) else "" for key, (flag, name) in given.items()
    }
    params = {"run_uuid": "run", "slurm_logfile": "log", "comment_str": "rule", "workdir": "."} | where
    line = get_submit_command(job, params, settings=_Settings()) + set_gres_string(job)
    wildcards = {} if job.is_group() else dict(job.wildcards_dict)
    return {"name": job.name, "wildcards": wildcards, "line": line, "jobs": len(list(job)) if job.is_group() else 1}


class _Settings:
    """The executor's settings that go into the line: those of our profile."""

    requeue, no_requeue, qos, reservation = True, False, None, None


if __name__ == "__main__":
    main()
