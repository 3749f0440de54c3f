"""What a site has besides: preemption by jobs of higher priority, accounting, parts of GPUs; and what doctor says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tensors import differing_tensors
from workflow_copy import fill_in_site

from slurm import accounting
from slurm.case import CONFIGFILES, EPOCHS, RUN, untrained
from slurm.cluster import CPUS, command, wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
NEEDED = f"needs {', '.join(accounting.missing())} (Debian: apt-get install slurmdbd mariadb-server)"


@pytest.mark.skipif(bool(accounting.missing()), reason=NEEDED)
def test_preempted(cluster, undisturbed, folder):
    """A job of a partition of higher priority takes the whole node; Snakemake follows it by `sacct`."""
    case = untrained(undisturbed, folder / "preempted", cluster)
    fill_in_site(case.root)
    case.start("--slurm-status-command", "sacct")
    try:
        held = case.hold_training()
        (job,) = case.jobs
        whole = ("--partition", "urgent", f"--ntasks={CPUS}", "--mem=100", "--chdir=/tmp", "--output=/dev/null")
        urgent = command("sbatch", "--parsable", *whole, "--wrap", "sleep 1").strip()
        held.let_end()
        stopped_at = case.position()
        wait_until(lambda: "PENDING" in case.jobs[0]["JobState"], "the job to be queued again")
        history = command("sacct", "-X", "-n", "-P", "--duplicates", "-j", job["JobId"], "-o", "State").split()
        assert history[0] == "PREEMPTED"
        wait_until(lambda: "COMPLETED" in command("sacct", "-X", "-n", "-j", urgent, "-o", "State"), "the urgent job")
        command("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now")  # not after Slurm's two minutes
        case.finish(seconds=300)
    finally:
        case.kill_controller()
    (job,) = case.jobs
    assert (job["JobState"], job["Restarts"]) == ("COMPLETED", "1")
    history = command("sacct", "-X", "-n", "-P", "--duplicates", "-j", job["JobId"], "-o", "State").split()
    assert history == ["PREEMPTED", "COMPLETED"]
    assert f"resumed at epoch {stopped_at[0]}, step {stopped_at[1]}\n" in case.log
    assert case.epochs == list(range(1, EPOCHS + 1))
    assert differing_tensors(undisturbed.root / RUN / "weights.pt", case.root / RUN / "weights.pt") == []


def test_a_part_of_a_gpu_is_what_slurm_gives(cluster, undisturbed, folder):
    case = untrained(undisturbed, folder / "shared", cluster)
    (case.root / "share.yaml").write_text("cluster: {gpu_partition: gpu, share: {r2plus1d: 'shard:1'}}\n")
    case.start("--configfile", *CONFIGFILES[1:], "share.yaml")
    try:
        case.finish(seconds=300)
    finally:
        case.kill_controller()
    (job,) = case.jobs
    assert (job["JobState"], job["Partition"], job["TresPerNode"]) == ("COMPLETED", "gpu", "gres:shard:1")


def test_a_mistake_asks_for_no_gpu_again(cluster, undisturbed, folder):
    """The first attempt meets it with a GPU; the others only repeat it."""
    case = untrained(undisturbed, folder / "mistaken", cluster)
    fill_in_site(case.root)
    (case.root / "two.yaml").write_text("compute: {retries: 1}\n")
    (next((case.root / "results/smoke/data/k400/subsets").glob("50k.json"))).write_text("{}")
    case.start("--configfile", *CONFIGFILES[1:], "two.yaml", "--rerun-triggers", "params")
    assert case.controller.wait(timeout=300) != 0
    first, second = case.jobs
    assert (first["Partition"], second["Partition"]) == ("gpu", "cpu")
    assert "TresPerJob" not in second and first["TresPerJob"] == "gres:gpu:1"
    assert second["TimeLimit"] == "00:10:00"
    assert "error: " in case.log and "50k.json" in case.log


def test_doctor_compares_the_site_with_this_slurm(cluster, undisturbed, repository):
    def doctor(site: str) -> str:
        (undisturbed.root / "profiles/slurm/site.yaml").write_text(site)
        words = [sys.executable, "-m", "videossl.cli", "doctor", "--configfile", *CONFIGFILES[1:]]
        done = subprocess.run(
            words, cwd=undisturbed.root, env=undisturbed.environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            text=True, capture_output=True,
        )  # fmt: skip
        return done.stdout + done.stderr

    before = (undisturbed.root / "profiles/slurm/site.yaml").read_text()
    try:
        good = doctor("cluster: {cpu_partition: cpu, gpu_partition: gpu, longest_minutes: 1440}\n")
        bad = doctor("cluster: {cpu_partition: cqu, gpu_partition: gpu, gpu_model: a100, longest_minutes: 2880}\n")
    finally:
        (undisturbed.root / "profiles/slurm/site.yaml").write_text(before)
    lines = [line for line in good.splitlines() if "site.yaml" in line]
    assert lines and all(line.startswith("ok") for line in lines), good
    assert "there is no partition cqu" in bad and "gpu has no a100" in bad and "more than 1,440 minutes" in bad
    assert os.environ.get("SLURM_CONF") is None
