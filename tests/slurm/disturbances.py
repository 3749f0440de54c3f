"""What befalls a training on a cluster; each function runs one case through it and returns it finished."""

from __future__ import annotations

import signal

from workflow_copy import fill_in_site

from slurm.case import CONFIGFILES, EPOCHS, Case
from slurm.cluster import command, wait_until

SHORT = (
    "compute: {limits: {headroom: 1, start_minutes: 0.9}, speed: {clips_per_second: 1.0e6, flops_per_second: 1.0e12}}\n"
)
"""A time limit of one minute, the shortest that there is, and of two at the second attempt."""


def cancelled(case: Case) -> Case:
    """`scancel` of the running job, on a site where GPUs are asked for with --gres."""
    fill_in_site(case.root, gres=True)
    case.start()
    held = case.hold_training()
    command("scancel", case.jobs[0]["JobId"])
    held.let_end()
    case.stopped_at = case.position()
    case.finish()
    return case


def requeued(case: Case) -> Case:
    """The warning signal, on which the training goes on, and then `scontrol requeue`."""
    case.start()
    held = case.hold_training()
    (job,) = case.jobs
    command("scancel", "--signal=URG", job["JobId"])
    wait_until(lambda: held.has_pending(signal.SIGURG), "the warning signal")
    held.release()
    held = case.hold_training(len(case.epochs) + 1)
    command("scontrol", "requeue", job["JobId"])
    held.let_end()
    case.stopped_at = case.position()
    # Slurm lets a requeued job wait for two minutes.
    wait_until(lambda: case.jobs[0]["JobState"] == "PENDING", "the job to be queued again")
    command("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now")
    case.finish()
    return case


def out_of_time(case: Case) -> Case:
    """The warning signal before a time limit that is too short, and the limit."""
    (case.root / "short.yaml").write_text(SHORT)
    # Slurm looks at the clock every half minute, and sends it as much earlier: here, after 30 to 60 s.
    warning = ("--default-resources", "slurm_extra='--signal=URG@1'")
    case.start("--configfile", *CONFIGFILES[1:], "short.yaml", *warning)
    held = case.hold_training()
    wait_until(lambda: not held.stopped, "the warning signal, with which Slurm sends SIGCONT", seconds=90)
    held = case.hold_training(len(case.epochs) + 1)
    held.let_end()
    case.stopped_at = case.position()
    case.finish()
    return case


def without_controller(case: Case) -> Case:
    """Snakemake is killed and started again while its job goes on."""
    case.start()
    held = case.hold_training()
    case.kill_controller()
    case.workflow.run("--unlock", *CONFIGFILES)
    case.start()
    wait_until(lambda: "another process is training" in case.log, "the second job", seconds=120)
    assert [job["JobState"] for job in case.jobs] == ["RUNNING", "RUNNING"]
    held.release()
    case.stopped_at = (EPOCHS, 0)  # the second job finds all done
    case.finish()
    return case


def without_node_daemon(case: Case) -> Case:
    """slurmd is stopped, the training ends meanwhile, and slurmd is started again."""
    case.start()
    held = case.hold_training()
    case.cluster.stop_node()
    held.release()
    wait_until(lambda: held.ended, "the training to end")
    case.cluster.start_node()
    case.finish()
    return case


TOGETHER = {
    "cancelled": cancelled,
    "requeued": requeued,
    "out_of_time": out_of_time,
    "without_controller": without_controller,
}
"""Those that do not touch the others' jobs."""
