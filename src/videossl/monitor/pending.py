"""The pending jobs, as Snakemake itself decides them.

Snakemake builds its graph of jobs once, in this process, as for a dry-run. Its command line would need several runs:
`--summary` takes results that are marked as incomplete for finished, and `--dry-run` counts jobs but names no cells,
and prints every job, which takes as long as everything else. Snakemake's public interface builds the graph only to
print or run it, so two internal functions are called here; a test compares the result with `snakemake --dry-run`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videossl.common.errors import UserError
from videossl.stages.cells import Cell
from videossl.stages.registry import names as stage_names
from videossl.study.config.reading import read_yaml
from videossl.study.study import Study

if TYPE_CHECKING:
    from snakemake.jobs import Job
    from snakemake.settings.types import DAGSettings
    from snakemake.workflow import Workflow

PROFILE = "profiles/default/config.yaml"
"""The profile that Snakemake uses by itself, relative to the project's folder. It says what makes a job run again."""


@dataclass(frozen=True)
class Pending:
    """The jobs that Snakemake would run."""

    cells: list[Cell]
    """In the order of dependencies."""
    others: dict[str, int]
    """Number of jobs by rule that are not cells: data, tables, figures. In the order of the rules' names."""


def pending_jobs(study: Study, targets: Sequence[str], configfiles: Sequence[str]) -> Pending:
    """What Snakemake would run for `targets` (none: the default target) under `configfiles`.

    Works while a run is under way. Raises UserError with Snakemake's own message if it cannot plan the run.
    """
    from snakemake.api import SnakemakeApi  # takes a second
    from snakemake.exceptions import format_exception_to_string
    from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

    # All that it has to say is in the exception.
    with SnakemakeApi(OutputSettings(dryrun=True, log_level_override=logging.CRITICAL)) as snakemake:
        api = snakemake.workflow(
            ResourceSettings(cores=1),
            ConfigSettings(configfiles=[Path(path) for path in configfiles]),
            snakefile=study.project / "Snakefile",
        )
        try:
            api.dag(_settings(study, targets))  # reads the Snakefile
            jobs = _jobs(api._workflow)
        except Exception as error:
            read = api._workflow_store
            said = format_exception_to_string(error, read.linemaps if read else {})
            raise UserError(f"Snakemake could not plan the run:\n{said.strip()}") from None
        return _sorted(study, jobs)


def _settings(study: Study, targets: Sequence[str]) -> DAGSettings:
    """The targets, and what makes a job run again."""
    from snakemake.settings.enums import RerunTrigger
    from snakemake.settings.types import DAGSettings

    profile = read_yaml(study.project / PROFILE)
    return DAGSettings(
        targets=list(targets),
        rerun_triggers=RerunTrigger.parse_choices_set(profile["rerun-triggers"]),
        force_incomplete=profile["rerun-incomplete"],
    )


def _jobs(workflow: Workflow) -> list[Job]:
    """The jobs to be run: what Snakemake does before it runs or prints them."""
    workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True, nolock=True)
    workflow._build_dag()
    return list(workflow.dag.needrun_jobs())


def _sorted(study: Study, jobs: Iterable[Job]) -> Pending:
    """Cells and other jobs, without targets, which run nothing themselves."""
    targets = {"all", "table_claims", *(f"{entry.kind}_{name}" for name, entry in study.entries.items())}
    cells = {study.find(job.rule.name, dict(job.wildcards_dict)) for job in jobs if job.rule.name in stage_names()}
    counts = Counter(job.rule.name for job in jobs if job.rule.name not in (*stage_names(), *targets))
    return Pending([cell for cell in study.all_cells if cell in cells], dict(sorted(counts.items())))
