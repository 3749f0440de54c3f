"""`videossl doctor` on a cluster: each line of the site's file against what Slurm says."""

from __future__ import annotations

import subprocess

import pytest

from videossl.monitor import doctor_site
from videossl.monitor.doctor_site import judge, site
from videossl.monitor.finding import MISSING, OK, WARNING, Finding
from videossl.monitor.slurm_site import gpus_of, minutes_of, read_site
from videossl.study.config.cluster import Cluster
from videossl.study.study import Study

SINFO = """\
short|short*|4:00:00|(null)|64|256000|10/2/0/12
long|long|7-00:00:00|(null)|64|256000|3/0/0/3
gpu|gpu|1-00:00:00|gpu:a100:4(S:0-1)|64|512000|2/0/0/2
gpu|gpu|1-00:00:00|gpu:h100:8(S:0-1),shard:h100:32(S:0-1)|96|1024000+|1/0/0/1
old|old|2-00:00:00|gpu:2|16|64000|1/0/0/1
"""
ANSWERS = {
    "sinfo": SINFO,
    "sacctmgr": "lab\nlab\ndepartment\n",
    "config": "AccountingStorageType   = accounting_storage/slurmdbd\nSelectType              = select/cons_tres\n",
    "partition": "PartitionName=short PreemptMode=REQUEUE\nPartitionName=gpu AllowGroups=ALL PreemptMode=CANCEL\n",
}
GOOD = {"account": "lab", "cpu_partition": "short", "gpu_partition": "gpu", "gpu_model": "h100", "longest_minutes": 240}


def findings(study: Study, answers: dict[str, str] = {}, **cluster: object) -> list[Finding]:  # noqa: B006
    """What is found with a site's file and Slurm's answers."""
    said = ANSWERS | answers

    def answer(*command: str) -> str:
        return said[command[2] if command[0] == "scontrol" else command[0]]

    other = object.__new__(Study)
    other.__dict__ = dict(study.__dict__)
    other.config = study.config.model_copy(update={"cluster": Cluster.parse(cluster, "site.yaml")})
    return judge(other, read_site(answer))


def of(found: list[Finding], key: str, state: str) -> str:
    """The texts and remedies of the findings about a key in a state."""
    return "\n".join(f"{one.text} -> {one.remedy}" for one in found if one.subject.endswith(key) and one.state == state)


@pytest.fixture(scope="module")
def study(paper_study) -> Study:
    return paper_study


def test_a_site_that_fits(study):
    found = findings(study, {"partition": ""}, **GOOD)
    assert {one.state for one in found} == {OK}
    keys = {one.subject.rpartition(" ")[2] for one in found}
    assert keys == {*GOOD, "gpus_by"}
    assert "a job asks for up to 8 cores, 58,000 MB and 1 GPUs of a node" in of(found, "gpu_partition", OK)


@pytest.mark.parametrize(
    ("wrong", "key", "said"),
    [
        ({"account": "lap"}, "account", "lap is not one of yours -> one of department, lab"),
        ({"cpu_partition": "shrot"}, "cpu_partition", "no partition shrot -> one of short, long, gpu, old"),
        ({"gpu_partition": "long"}, "gpu_partition", "long has no GPUs -> one of gpu, old"),
        ({"gpu_partition": None}, "gpu_partition", "not set; the default partition short has no GPUs"),
        ({"gpu_partition": "old", "gpu_model": None}, "gpu_partition", "16 cores, 64,000 MB and 2 GPUs"),
        ({"gpu_model": "v100"}, "gpu_model", "partition gpu has no v100 -> one of a100, h100"),
        ({"gpu_partition": "old"}, "gpu_model", "partition old has no h100 -> leave it out"),
        ({"longest_minutes": 1440}, "longest_minutes", "partition short refuses jobs of more than 240 minutes"),
        ({"longest_minutes": None}, "longest_minutes", "not set; partition short refuses"),
        ({"share": {"shufflenet": "mps:25"}}, "share", "no node of gpu has the resource mps"),
    ],
)
def test_what_does_not_fit_is_told_with_the_remedy(study, wrong, key, said):
    more = {"sinfo": SINFO.replace("64000|", "50000|")} if "16 cores" in said else {}
    assert said.replace("64,000", "50,000") in of(findings(study, more, **{**GOOD, **wrong}), key, MISSING)


def test_notes(study):
    found = findings(
        study,
        {"config": "AccountingStorageType = accounting_storage/none\nSelectType = select/cons_res\n"},
        **{**GOOD, "gpu_model": None, "account": None},
    )
    assert "uncomment `slurm-status-command: squeue`" in of(found, "config.yaml", WARNING)
    assert "cancels preempted jobs" in of(found, "preemption", WARNING)
    assert "partition gpu has a100, h100" in of(found, "gpu_model", WARNING)
    assert "does not understand --gpus" in of(found, "gpus_by", MISSING)
    assert "yours: department, lab" in of(found, "account", WARNING)


def test_a_shared_gpu_that_there_is(study):
    assert not of(findings(study, **GOOD, share={"shufflenet": "shard:1"}), "share", MISSING)


def test_where_slurm_does_not_answer(study, monkeypatch):
    monkeypatch.setattr(doctor_site.shutil, "which", lambda name: None)
    assert site(study) == []

    def silent():
        raise subprocess.CalledProcessError(1, "sinfo", stderr="Unable to contact slurm controller")

    monkeypatch.setattr(doctor_site.shutil, "which", lambda name: name)
    monkeypatch.setattr(doctor_site, "read_site", silent)
    (found,) = site(study)
    assert found.state == MISSING and "Unable to contact slurm controller" in found.text


def test_slurms_ways_of_writing():
    limits = ("4:00:00", "30:00", "7-00:00:00", "1-12:30:00", "infinite")
    assert [minutes_of(limit) for limit in limits] == [240, 30, 10080, 2190, None]
    assert gpus_of("gpu:a100:4(S:0-1),shard:16") == {"a100": 4}
    assert gpus_of("gpu:2") == {"": 2} and gpus_of("gpu") == {"": 1} and gpus_of("(null)") == {}
    assert gpus_of("gpu:a100:2,gpu:h100:1,nvme:1") == {"a100": 2, "h100": 1}
