# Checks before the first job and messages after the last: calls the library with Snakemake's jobs.

import time

from snakemake.logging import logger

from videossl.common.errors import unknown_name
from videossl.common.leftovers import enter_folder, remove_leftovers
from videossl.monitor import after_run, before_run
from videossl.monitor.partial import remove as remove_partial
from videossl.monitor.belief import judge, set_apart
from videossl.monitor.watch.beginning import beginning
from videossl.monitor.watch.notes import Ending, Said, told
from videossl.monitor.doctor_data import results_folder, working_folder
from videossl.stages.registry import names as stage_names
from videossl.study.attempts import forget_mistake

STARTED = []
"""Start of the run, as a Unix timestamp in seconds; empty before the first job."""


def no_such_target(wildcards):
    """Input function of a misspelt target: raises WorkflowError listing the closest matches."""
    valid = [f"{entry.kind}_{name}" for name, entry in STUDY.entries.items()]
    name = re.sub(rf"{re.escape(RESULTS)}/(table|figure)s/(?:{PAPER}/)?([^.]+).*", r"\1_\2", wildcards.no_target)
    more = "`snakemake --list-target-rules` lists them; a new one is an entry in experiments.yaml."
    if CONFIG.only is not None or CONFIG.restrict:
        more += " The configuration's `only` or `restrict` leaves some out."
    raise WorkflowError(str(unknown_name("table or figure", name, [*valid, "table_claims"], "", more)))


def checked(check, *arguments):
    """Call `check`; raises UserError as WorkflowError, which Snakemake prints without a traceback."""
    try:
        return check(*arguments)
    except UserError as error:
        raise WorkflowError(str(error))


def jobs_of(jobs):
    """Snakemake's jobs in the library's format."""
    return [
        after_run.RuleJob(
            job.rule.name, dict(job.wildcards_dict), tuple(map(Path, job.output)), tuple(map(Path, job.log))
        )
        for job in jobs
    ]


def before_planning():
    """Check that results have room, and mark those of other configurations as incomplete; unless it is a dry run,
    remove leftovers of killed runs."""
    checked(before_run.require_places, STUDY)
    checked(lambda: set_apart(judge(STUDY), logger.warning))
    if workflow.output_settings.dryrun:
        if not Path(".snakemake").is_dir():  # Snakemake creates it for a dry run, too
            checked(before_run.require_found, working_folder(STUDY))
        if missing := before_run.missing_datasets(STUDY, STUDY.datasets):
            logger.warning(
                f"These datasets are not on this machine: {', '.join(missing)}. The plan is made all the same; "
                "a real run would stop before its first job and say how to point at each."
            )
        return
    checked(before_run.require_found, working_folder(STUDY) + results_folder(STUDY))
    made = [workflow.snakemake_tmp_dir, workflow.sourcecache.runtime_cache_path]
    enter_folder(Path(".snakemake"), made, logger.warning)
    remove_leftovers(Path(RESULTS), logger.warning)


def before_first_job():
    """Check that the planned jobs can run, and prepare for them."""
    planned = jobs_of(workflow.dag.needrun_jobs())
    of_cells = [job for job in planned if job.rule in stage_names()]
    for job in of_cells:
        forget_mistake(job.outputs[0].parent)
    if not workflow.touch:  # --touch runs no job
        listed, stored = (
            {job.wildcards["dataset"] for job in planned if job.rule in rules}
            for rules in (("listing",), ("store_shard", "store_train_shard", "subset", "sample"))
        )
        checked(before_run.require_datasets, STUDY, listed, stored)
        cells = [STUDY.find(job.rule, job.wildcards) for job in of_cells]
        device = COMPUTE.device if workflow.local_exec else "auto"  # a cluster's jobs run on other machines
        script = Path(SCRIPTS) / "check_networks.py"
        checked(before_run.require_networks, STUDY, cells, device, shlex.split(PYTHON), script)
    write_requests()
    STARTED.append(time.time())
    remove_partial(STUDY, [job.rendered for job in planned if job.rendered])
    logger.info(after_run.announcement(STUDY), extra=told(note_of_beginning()))


def note_of_beginning():
    """What the display of progress (the logger plugin `videossl`) knows of the planned jobs."""
    jobs = {workflow.dag.jobid(job): job for job in workflow.dag.needrun_jobs()}
    numbers = {job: number for number, job in jobs.items()}
    rules = {number: job.rule.name for number, job in jobs.items()}
    cells = {n: STUDY.find(rules[n], dict(job.wildcards_dict)) for n, job in jobs.items() if rules[n] in stage_names()}
    needs = {
        n: [numbers[need] for need in workflow.dag.dependencies[job] if need in numbers] for n, job in jobs.items()
    }
    logs = workflow.logger_manager.get_logfile()
    return beginning(STUDY, rules, cells, needs, shown(logs[0]) if logs else "")


def after_success():
    """Show where the results are."""
    if warning := after_run.damaged_inputs(jobs_of(workflow.dag.needrun_jobs(exclude_finished=False))):
        logger.warning(warning)
    logger.info(after_run.ending(STUDY), extra=told(Ending()))


def after_failure():
    """Render what can be rendered, and list the failures last, where they are visible."""
    left = [job for job in workflow.dag.needrun_jobs() if not workflow.dag.finished(job)]
    if said := after_run.render_partial(STUDY, jobs_of(left), logger.warning):
        logger.info(said, extra=told(Said()))
    if failed := after_run.failures(jobs_of(workflow.dag.jobs), STARTED[0]):
        logger.error("Failed:\n" + "\n".join(failed))
    logger.info(
        "Correct what is wrong and run the same command again: finished jobs are kept, and trainings go on from their "
        "checkpoints. `videossl status` shows all cells.",
        extra=told(Ending()),
    )


if workflow.is_main_process:
    before_planning()
