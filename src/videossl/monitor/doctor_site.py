"""Checks of `videossl doctor` for the site's cluster: each line of its file, against what Slurm says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from videossl.common.places import SITE
from videossl.monitor.finding import MISSING, OK, WARNING, Finding
from videossl.monitor.slurm_site import Nodes, Partition, Site, read_site
from videossl.stages.registry import stage
from videossl.study import requests
from videossl.study.study import Study


def site(study: Study) -> list[Finding]:
    """The site's cluster; nothing where there is no Slurm."""
    if not shutil.which("sbatch"):
        return []
    try:
        found = read_site()
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip()
        return [Finding(MISSING, "slurm", f"does not answer: {said}", "ask on a login node of the cluster")]
    return judge(study, found)


def judge(study: Study, found: Site) -> list[Finding]:
    """Every line of the site's file, and what the jobs ask for."""
    return [*_account(study, found), *_partitions(study, found), *_how_gpus(study, found), *_settings(study, found)]


def _finding(state: str, key: str, text: str, remedy: str = "") -> Finding:
    return Finding(state, f"{SITE}: {key}", text, remedy)


def _account(study: Study, found: Site) -> Iterator[Finding]:
    account, valid = study.config.cluster.account, found.accounts
    if valid is None:
        yield _finding(
            OK, "account", f"{account or 'not set'}; Slurm lists no accounts of this user to compare it with"
        )
    elif account is None:
        state = OK if len(valid) == 1 else WARNING
        remedy = "" if state == OK else f"`account: {valid[0]}`, unless the first of them is the right one by default"
        yield _finding(state, "account", f"not set; yours: {', '.join(valid)}", remedy)
    elif account.lower() not in [name.lower() for name in valid]:
        yield _finding(MISSING, "account", f"{account} is not one of yours", f"one of {', '.join(valid)}")
    else:
        yield _finding(OK, "account", account)


def _partitions(study: Study, found: Site) -> Iterator[Finding]:
    cluster = study.config.cluster
    with_gpus = [one.name for one in found.partitions.values() if one.gpus]
    for key, name, needs_gpu in (
        ("cpu_partition", cluster.cpu_partition, False),
        ("gpu_partition", cluster.gpu_partition, bool(study.config.compute.gpus)),
    ):
        if key == "gpu_partition" and not needs_gpu:
            continue
        partition = found.partitions.get(name) if name else found.default
        valid = ", ".join(with_gpus if needs_gpu else found.partitions)
        if partition is None:
            what = f"there is no partition {name}" if name else "not set, and the cluster has no default partition"
            yield _finding(MISSING, key, what, f"one of {valid}")
        elif needs_gpu and not partition.gpus:
            yield _finding(MISSING, key, f"{_named(partition, name)} has no GPUs", f"one of {valid or '(none has)'}")
        else:
            yield _finding(OK, key, f"{_named(partition, name)}, {_limit(partition)}")
            yield from _limits(study, partition, key)
            yield from _largest(study, partition, key, needs_gpu)


def _named(partition: Partition, name: str | None) -> str:
    return partition.name if name else f"not set; the default partition {partition.name}"


def _limit(partition: Partition) -> str:
    return "no time limit" if partition.minutes is None else f"at most {partition.minutes:,} minutes"


def _limits(study: Study, partition: Partition, key: str) -> Iterator[Finding]:
    longest, allowed = study.config.cluster.longest_minutes, partition.minutes
    if allowed is not None and (longest is None or longest > allowed):
        text = f"{longest or 'not set'}; partition {partition.name} refuses jobs of more than {allowed:,} minutes"
        yield _finding(MISSING, "longest_minutes", text, f"`longest_minutes: {allowed}`")
    elif key == "gpu_partition" and longest is not None and (allowed is None or allowed > longest):
        text = f"{longest:,}, and partition {partition.name} has {_limit(partition)}"
        yield _finding(OK, "longest_minutes", f"{text}: with more, trainings are cut into fewer jobs")


def _largest(study: Study, partition: Partition, key: str, needs_gpu: bool) -> Iterator[Finding]:
    """Whether a node of the partition has what the largest job asks for on each node: one that trains, or decodes."""
    data = int(requests.of_data(study.config, videos=1)["mem_mb"])
    asked = {"cores": study.config.compute.data_processes, "memory_mb": data, "gpus": 0}
    if needs_gpu:
        asked = dict.fromkeys(asked, 0)
    for cell in study.all_cells if needs_gpu else ():
        if stage(cell.stage).devices_of(cell) != "cpu":
            devices = study.devices(cell)
            asked["cores"] = max(asked["cores"], study.config.compute.threads * devices.processes)
            asked["memory_mb"] = max(
                asked["memory_mb"], int(requests.of_cell(study, stage(cell.stage), cell)["mem_mb"])
            )
            asked["gpus"] = max(asked["gpus"], devices.gpus)
    text = f"a job asks for up to {asked['cores']} cores, {asked['memory_mb']:,} MB and {asked['gpus']} GPUs of a node"
    if any(_fits(asked, nodes) for nodes in partition.nodes):
        yield _finding(OK, key, text)
        return
    largest = max(partition.nodes, key=lambda nodes: (sum(nodes.gpus.values()), nodes.memory_mb))
    has = f"{largest.cores} cores, {largest.memory_mb:,} MB and {sum(largest.gpus.values())} GPUs"
    remedy = "lower `compute.threads` with `compute.workers`, `compute.memory.cache`, or `compute.gpus` in an overlay"
    yield _finding(MISSING, key, f"{text}; the largest node of {partition.name} has {has}", remedy)


def _fits(asked: dict[str, int], nodes: Nodes) -> bool:
    enough = nodes.cores >= asked["cores"] and nodes.memory_mb >= asked["memory_mb"]
    return enough and sum(nodes.gpus.values()) >= asked["gpus"]


def _how_gpus(study: Study, found: Site) -> Iterator[Finding]:
    """The kind of GPU, and how it is asked for."""
    cluster = study.config.cluster
    partition = found.partitions.get(cluster.gpu_partition) if cluster.gpu_partition else found.default
    if partition is None or not partition.gpus or not study.config.compute.gpus:
        return
    models = sorted(partition.models - {""})
    if cluster.gpu_model and cluster.gpu_model not in models:
        remedy = f"one of {', '.join(models)}" if models else "leave it out: Slurm knows no types of GPUs here"
        yield _finding(MISSING, "gpu_model", f"partition {partition.name} has no {cluster.gpu_model}", remedy)
    elif not cluster.gpu_model and len(models) > 1:
        text = f"not set; partition {partition.name} has {', '.join(models)}, and a job gets any of them"
        yield _finding(WARNING, "gpu_model", text, "name the one that the speeds in `compute.speed` are of")
    elif cluster.gpu_model:
        yield _finding(OK, "gpu_model", cluster.gpu_model)
    select = found.settings.get("SelectType", "")
    if cluster.gpus_by == "gpus" and select and "cons_tres" not in select:
        yield _finding(MISSING, "gpus_by", f"this Slurm does not understand --gpus ({select})", "`gpus_by: gres`")
    else:
        yield _finding(OK, "gpus_by", cluster.gpus_by)
    known = {name for nodes in partition.nodes for name in nodes.resources}
    for backbone, wanted in cluster.share.items():
        name = wanted.partition(":")[0]
        if name not in known:
            text = f"{backbone} asks for {wanted}, and no node of {partition.name} has the resource {name}"
            yield _finding(MISSING, "share", text, "ask the site for it, or leave it out")


def _settings(study: Study, found: Site) -> Iterator[Finding]:
    if found.settings.get("AccountingStorageType", "").endswith("/none"):
        text = "Slurm keeps no accounts, so `sacct` never tells that a job has ended"
        yield Finding(WARNING, "profiles/slurm/config.yaml", text, "uncomment `slurm-status-command: squeue` there")
    cluster = study.config.cluster
    for name in dict.fromkeys((cluster.cpu_partition, cluster.gpu_partition)):
        if name and found.preemption.get(name) == "CANCEL":
            text = f"partition {name} cancels preempted jobs; Snakemake would wait for them for ever"
            yield Finding(WARNING, "preemption", text, "take a partition that requeues, or see docs/cluster.md")
