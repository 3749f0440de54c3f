"""Every stage is complete, plans without torch, and names its runs as ever."""

from __future__ import annotations

import re
import subprocess
import sys
from types import ModuleType

import pytest
from tiny import GRID, make_study, spec_of, table

from videossl.common.errors import UserError
from videossl.stages.base import METRICS, RECORD, Stage
from videossl.stages.cells import Cell, axes_of
from videossl.stages.jobs import job_of
from videossl.stages.registry import REQUIRED, names, protocols, stage, stage_of, stages
from videossl.study.config.experiments import PLOTS

NOISY = {"protocol": "robustness", "noise": "mean", "severity": 1}
ENTRIES = {
    "accuracies": table([GRID | {"task": "rspnet", "protocol": name} for name in ("finetune", "linear_probe")]),
    "searched": table(GRID | {"task": "rspnet", "protocol": "retrieval"}),
    "taught": table(GRID | {"task": "rotnet", "protocol": "distill", "teachers": [{"task": "rspnet"}]}),
    "few": table(GRID | {"task": "rspnet", "protocol": "low_shot", "labels": [1, 5, "all"]}, rows=["labels", "subset"]),
    "noisy": table(GRID | {"task": "rspnet", **NOISY}),
    "layers": table(GRID | {"task": "rspnet", "protocol": "cka"}),
}
HASHES = {
    "pretrain": "09e4f32fa1b9",
    "finetune": "37c8dad31f55",
    "distill": "2004e43d1acc",
    "features": "a96e9201bdeb",
    "linear_probe": "08b8535b7e8d",
    "retrieval": "6290619d2ca6",
    "robustness": "0153f7bc5684",
    "cka": "843b6524f0a1",
}
"""Of the first cell of each stage. One that changes trains everything again: a key of a specification was renamed or
left out, or a default was added. If a result does change, raise `recipe_version` and put the new hash here."""


@pytest.mark.parametrize("one", stages(), ids=lambda one: one.name)
def test_a_stage_is_complete(one):
    assert one.title and one.label and one.results and one.message
    assert set(re.findall(r"\{wildcards\.(\w+)\}", one.message)) <= set(axes_of(one.name))
    assert one.outputs[: len(one.results)] == one.results and (RECORD in one.outputs) == one.has_record
    assert one.makes_metrics == (METRICS in one.results)
    if one.is_protocol:
        assert (one.description and one.metrics) or one.name == "pretrain"
    if not one.makes_metrics:
        assert not one.is_protocol


def test_every_attribute_without_a_default_is_required():
    given = {"label": "title", "protocol": "name"}  # their defaults are taken from these
    without = {name for name in vars(Stage)["__annotations__"] if not hasattr(Stage, name)}
    assert {given.get(name, name) for name in without} == set(REQUIRED)


@pytest.mark.parametrize("attribute", REQUIRED)
def test_an_attribute_that_a_new_stage_forgets_is_named(attribute):
    complete = stage("robustness")
    values = {name: getattr(complete, name) for name in REQUIRED if name != attribute}
    methods = {"spec": lambda self, study, cell: None, "run": lambda self, job: None}
    module = ModuleType("mine")
    module.__file__, module.STAGE = "mine.py", type("Mine", (Stage,), values | methods)()
    with pytest.raises(UserError, match=rf"mine\.py does not set `{attribute}`, which every stage"):
        stage_of(module, "robustness")


def test_a_plot_that_draws_a_protocol_exists():
    assert {one.plot for one in stages()} - {""} <= set(PLOTS)
    assert all(one.plot for one in stages() if one.plot_alone)


def test_a_file_without_a_stage_or_with_another_name_is_refused():
    module = ModuleType("mine")
    module.__file__ = "mine.py"
    with pytest.raises(UserError, match=r"mine\.py defines no stage"):
        stage_of(module, "mine")
    module.STAGE = stage("robustness")
    with pytest.raises(UserError, match=r"mine\.py sets `name` to 'robustness', .*its file: 'mine'"):
        stage_of(module, "mine")
    assert stage_of(module, "robustness") is module.STAGE


def test_folders_differ_and_lead_back_to_the_cell(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    assert len({one.folder for one in stages()}) == len(stages())
    for cell in study.all_cells:
        assert study.find(cell.stage, cell.wildcards) == cell
        job = job_of(study, cell)
        assert [path.name for path in job.outputs] == list(stage(cell.stage).outputs)
        assert all(path.parent == study.results / cell.path for path in job.outputs)


def test_what_a_job_reads_is_what_others_make(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    made = {path for cell in study.all_cells for path in job_of(study, cell).outputs}
    for cell in study.all_cells:
        read = [path for path in job_of(study, cell).inputs if "data" not in path.relative_to(study.results).parts[:1]]
        assert set(read) <= made
        folders = {study.results / other.path for other in study.dependencies(cell)}
        assert {path.parent for path in read} == folders


def test_specifications_name_their_runs_as_ever(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    found = {name: spec_of(study, study.of_stage(name)[0]).hash for name in HASHES}
    assert found == HASHES


def test_a_specification_is_validated_when_it_is_read(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    for cell in study.all_cells:
        spec, one = spec_of(study, cell), stage(cell.stage)
        assert one.parse(spec.values) == spec
        with pytest.raises(UserError, match=f"stage {one.name} is not valid"):
            one.parse(spec.values | {"unknown": 1})


def test_an_unknown_stage_is_named_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown stage 'finetuning'.*finetune"):
        stage("finetuning")
    assert set(protocols()) == {one.protocol for one in stages() if one.is_protocol} and "features" in names()


def test_a_cell_of_another_stage_is_of_the_same_network():
    cell = Cell("finetune", "rotnet", "C3", "r2plus1d", "k400", "50k", 200, "ucf101", "finetune", 1)
    assert cell.of_stage("pretrain").identity == cell.identity | {"stage": "pretrain", "target": "", "protocol": ""}
    assert cell.of_stage("features").identity == cell.identity | {"stage": "features", "protocol": ""}


def test_all_stages_are_known_without_torch():
    code = "import sys; from videossl.stages.registry import stages; stages(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
