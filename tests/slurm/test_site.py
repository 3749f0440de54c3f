"""What a site has besides: preemption by jobs of higher priority, accounting, parts of GPUs; and what doctor says."""

from __future__ import annotations

import pytest
import torch
from tensors import differing_tensors
from workflow_copy import fill_in_site

from slurm import accounting
from slurm.case import CONFIGFILES, EPOCHS, RUN, untrained
from slurm.cluster import CPUS, command, wait_until
from videossl.monitor import doctor_site
from videossl.monitor.finding import MISSING, OK, WARNING
from videossl.study.study import load_study

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]  # one cluster for all files
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="the mistake is that there is no GPU")
def test_a_mistake_asks_for_no_gpu_again(cluster, undisturbed, folder):
    """The first attempt meets it with a GPU; the others only repeat it."""
    case = untrained(undisturbed, folder / "mistaken", cluster)
    fill_in_site(case.root)
    # Only the job can know that the machine it runs on has no usable GPU: Slurm's are not real here.
    (case.root / "two.yaml").write_text("compute: {retries: 1, device: cuda}\n")
    case.start("--configfile", *CONFIGFILES[1:], "two.yaml")
    assert case.controller.wait(timeout=300) != 0
    first, second = case.jobs
    assert (first["Partition"], second["Partition"]) == ("gpu", "cpu")
    assert "TresPerJob" not in second and first["TresPerJob"] == "gres:gpu:1"
    assert second["TimeLimit"] == "00:10:00"
    assert "error: " in case.log and "compute.device is 'cuda'" in case.log


def test_doctor_compares_the_site_with_this_slurm(cluster, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(repository)

    def said(text: str) -> list[tuple[str, str]]:
        (tmp_path / "site.yaml").write_text(text)
        study = load_study(["config/config.yaml", "config/smoke.yaml", tmp_path / "site.yaml"])
        return [(finding.state, f"{finding.text} {finding.remedy}") for finding in doctor_site.site(study)]

    fits = "cluster: {cpu_partition: cpu, gpu_partition: gpu, longest_minutes: 1440, share: {r2plus1d: 'shard:1'}}\n"
    good = said(f"{fits}compute: {{gpus: 1}}\n")
    without_accounts = "no accounts" in good[-1][1]
    assert without_accounts == bool(accounting.missing())
    assert {state for state, _ in good} == ({OK, WARNING} if without_accounts else {OK}), good
    bad = "cluster: {cpu_partition: cqu, gpu_partition: gpu, gpu_model: a100, longest_minutes: 2880}\n"
    wrong = "\n".join(text for state, text in said(f"{bad}compute: {{gpus: 6}}\n") if state == MISSING)
    for part in (
        "no partition cqu",
        "gpu has no a100",
        "more than 1,440 minutes",
        "has 16 cores, 64,000 MB and 5 GPUs",
    ):
        assert part in wrong
