# What is looked at before the first job, and told after the last. Functions only; the Snakefile's hooks call them.

import hashlib
import importlib.util
import subprocess
import time

from snakemake.logging import logger

from videossl.monitor.belief import judge, set_apart
from videossl.monitor.buildable import builds_of
from videossl.stages.registry import names as stage_names
from videossl.cli.doctor_data import results_folder, working_folder
from videossl.cli.finding import MISSING
from videossl.common.errors import UserError, unknown_name
from videossl.common.files import write_json, write_text
from videossl.common.leftovers import enter_folder, remove_leftovers
from videossl.data.provenance import record_of
from videossl.monitor import partial as partial_report


def no_such_target(wildcards):
    """Input function of a misspelt target: an error that names the nearest targets."""
    valid = [f"{entry.kind}_{name}" for name, entry in STUDY.entries.items()]
    name = re.sub(rf"{re.escape(RESULTS)}/(table|figure)s/([^.]+).*", r"\1_\2", wildcards.no_target)
    more = "`snakemake --list-target-rules` lists them; a new one is an entry in experiments.yaml."
    if CONFIG.only is not None or CONFIG.restrict:
        more += " The configuration's `only` or `restrict` leaves some out."
    raise WorkflowError(str(unknown_name("table or figure", name, [*valid, "table_claims"], "", more)))


def missing_datasets(names, kinds=("root", "annotations")):
    """Those of the datasets `names` that should be real and are not on this machine, with the missing folders."""
    found = {}
    for name in names:
        if CONFIG.datasets[name].generated is None:
            folders = [dataset_folder(name, kind) for kind in kinds]
            absent = [folder for folder in folders if not Path(folder).is_dir()]
            if absent:
                found[name] = absent
    return found


def stop_if_datasets_are_missing():
    """Before the first job: every dataset that a planned job will read must be on this machine."""
    planned = {"listing": set(), "store_shard": set()}
    for job in workflow.dag.needrun_jobs():
        if job.rule.name in planned:
            planned[job.rule.name].add(job.wildcards.dataset)
    missing = missing_datasets(sorted(planned["store_shard"]), kinds=["root"])
    missing |= missing_datasets(sorted(planned["listing"]))
    if missing:
        lines = [
            f"  {name} ({CONFIG.datasets[name].title}): no folder {' and no folder '.join(absent)}\n"
            f"    set datasets.{name}.root and datasets.{name}.annotations"
            for name, absent in missing.items()
        ]
        raise WorkflowError(
            "datasets are missing on this machine:\n" + "\n".join(lines) + "\n"
            "Set the keys in a configuration file of your own (see docs/datasets.md) and add it:\n"
            "  snakemake ... --configfile config/paper.yaml mine.yaml\n"
            "or link the folders to where they are expected. Nothing was run."
        )


def stop_if_missing(findings):
    """A WorkflowError for the first of `findings` without which nothing can be run."""
    for finding in findings:
        if finding.state == MISSING:
            raise WorkflowError(f"{finding.subject}: {finding.text}; {finding.remedy}. Nothing was run.")


def stop_if_networks_cannot_be_built():
    """Before the first job: an option out of range would else be known only when its job starts, perhaps hours later,
    and tried again and again. What has been checked once is not checked again."""
    cells = [
        STUDY.find(job.rule.name, dict(job.wildcards_dict))
        for job in workflow.dag.needrun_jobs()
        if job.rule.name in stage_names()
    ]
    builds = canonical_json(builds_of(STUDY, cells))
    device = COMPUTE.device if workflow.local_exec else "auto"  # a cluster's jobs run on other machines
    code = b"".join(
        path.read_bytes()
        for part in ("backbones", "pretext", "videolanguage/models")
        for path in sorted((LIBRARY / part).rglob("*.py"))
    )
    checked = Path(RESULTS) / f"logs/checked/{hashlib.sha256((builds + device).encode() + code).hexdigest()[:12]}.json"
    if builds == "[]" or checked.exists() or importlib.util.find_spec("torch") is None:
        return
    listed = checked.with_suffix(".new")
    write_text(listed, builds)
    command = (
        f"{SETUP}{PYTHON} {shlex.quote(f'{SCRIPTS}/check_networks.py')} {shlex.quote(str(listed))} --device {device}"
    )
    done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        listed.unlink()
        raise WorkflowError(f"{done.stderr.strip()}\nNothing was run.")
    listed.replace(checked)


def tell_results_apart():
    """Before Snakemake looks: finished results of this configuration are kept, also where they were copied, and those of
    another are made again."""
    try:
        set_apart(judge(STUDY), logger.warning)
    except UserError as error:
        raise WorkflowError(str(error))


def warn_of_missing_datasets():
    """In a dry-run, say once which datasets would have to be here."""
    missing = missing_datasets(STUDY.datasets)
    if missing:
        logger.warning(
            f"These datasets are not on this machine: {', '.join(missing)}. The plan is made all the same; "
            "a real run would stop before its first job and say how to point at each."
        )


def rendered_by(jobs):
    """The names of the tables, figures and other pages that are made by some of `jobs`."""
    found = [(job.rule.name, job) for job in jobs]
    named = [job.wildcards[rule] for rule, job in found if rule in ("table", "figure")]
    return named + [rule for rule, _ in found if rule in ("claims", "report")]


def render_partial():
    """After a failure: the tables and figures that were asked for and could not be made, with what is there. No target
    is satisfied by them, so that the next run makes the whole ones."""
    left = [job for job in workflow.dag.needrun_jobs() if not workflow.dag.finished(job)]
    given = Path(RESULTS) / "logs/partial.json"  # in a file, as a command has a greatest length
    try:
        write_json(given, partial_report.asked(STUDY, rendered_by(left)))
    except (UserError, OSError) as error:
        logger.warning(f"No partial tables and figures: {error}")
        return
    command = f"{SETUP}{PYTHON} {shlex.quote(f'{SCRIPTS}/make_partial.py')} {shlex.quote(str(given))}"
    try:
        done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except KeyboardInterrupt:
        logger.warning("Partial tables and figures: stopped.")
        return
    if done.stderr.strip():
        logger.warning(done.stderr.strip())
    if made := done.stdout.split("\n")[:-1]:
        logger.info(
            f"INCOMPLETE tables and figures, with what is there and what is pending or failed, are in {RESULTS}/partial "
            f"until the whole ones are made: {', '.join(made)}"
        )


def tell_what_failed():
    """After a failure, at the end, where it is seen: what each failed job said last, and the log with the rest."""
    lines = []
    for job in workflow.dag.jobs:
        for log in map(Path, job.log):
            if (
                log.exists()
                and log.stat().st_mtime >= STARTED[0]
                and not all(Path(path).exists() for path in job.output)
            ):
                text = log.read_text(encoding="utf-8", errors="replace").strip()
                # Our own errors are whole messages; of others, the last line of the traceback.
                said = (
                    text[text.rfind("error: ") :]
                    if re.search("^error: ", text, re.MULTILINE)
                    else text.rpartition("\n")[2]
                )
                wildcards = ", ".join(f"{key} {value}" for key, value in job.wildcards_dict.items())
                lines.append(
                    f"{job.rule.name}{f' ({wildcards})' if wildcards else ''}\n  {said or 'ended without a word'}\n  log: {log}"
                )
    if lines:
        logger.error("Failed:\n" + "\n".join(lines))
    logger.info(
        "Correct what is wrong and run the same command again: finished jobs are kept, and trainings go on from their "
        "checkpoints. `videossl status` shows all cells."
    )


def tell_where_results_are():
    """After a run: what there is to look at. Of a single table, or of data alone, there is less than of the study."""
    places = {
        "tables": f"{RESULTS}/tables",
        "figures": f"{RESULTS}/figures",
        "all in one page": f"{RESULTS}/report.html",
    }
    found = ", ".join(f"{what}: {path}" for what, path in places.items() if Path(path).exists())
    shown = [job for job in workflow.dag.needrun_jobs(exclude_finished=False) if job.rule.name in SHOWING]
    if without := sorted(job.output[0] for job in shown if not record_of(Path(job.output[0])).exists()):
        logger.warning(
            f"Files of some runs are damaged; made without those runs, and made again by each run until they are whole: "
            f"{', '.join(without)}. `videossl verify` names the damaged files, and the commands that make them anew."
        )
    logger.info(f"Done. {found or f'Results: {RESULTS}'}")


SHOWING = ("table", "claims", "figure", "metrics", "report")
"""The rules that show results."""


STARTED = []
"""When the first job was about to start."""


def announce():
    """Say what is about to run."""
    STARTED.append(time.time())
    partial_report.remove(STUDY, rendered_by(workflow.dag.needrun_jobs()))
    scale = CONFIG.scale
    logger.info(
        f"videossl: scale '{scale.name}'{f' ({scale.note})' if scale.note else ''}; "
        f"{len(STUDY.entries)} tables and figures from {len(STUDY.pretraining)} pretraining and "
        f"{len(STUDY.evaluations)} evaluation cells; results in {RESULTS}/"
    )


if workflow.is_main_process:
    tell_results_apart()
    if workflow.output_settings.dryrun:
        if not Path(".snakemake").is_dir():  # which Snakemake makes for a plan, too
            stop_if_missing(working_folder(STUDY))
        warn_of_missing_datasets()
    else:
        stop_if_missing(working_folder(STUDY) + results_folder(STUDY))
        made = [workflow.snakemake_tmp_dir, workflow.sourcecache.runtime_cache_path]
        enter_folder(Path(".snakemake"), made, logger.warning)
        remove_leftovers(Path(RESULTS), logger.warning)
