"""Estimates of what jobs cost: each term by hand, and the committed table of operations."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import GRID, make_study, table

from videossl.stages.registry import stage
from videossl.study import costs, requests
from videossl.study.config import Config
from videossl.study.config.cluster import Cluster
from videossl.study.storage import read_mb
from videossl.study.study import Study, load_study

REPOSITORY = Path(__file__).parents[2]
HOUR = 3600


@pytest.fixture(scope="module")
def study(paper_study) -> Study:
    return paper_study


def changed(study: Study, **compute) -> Study:
    """The same cells, with other values of `compute`."""
    other = object.__new__(Study)
    other.__dict__ = dict(study.__dict__)
    values = study.config.model_dump(mode="json", exclude_unset=True)
    other.config = Config.parse({**values, "compute": {**values["compute"], **compute}}, "test")
    return other


def cell_of(study: Study, path: str):
    return next(cell for cell in study.all_cells if cell.path == path)


RSPNET = "pretrain/k400/50k/rspnet/r2plus1d/seed0/epochs{}"


def test_pretraining_is_epochs_times_videos_times_passes(study):
    seconds = costs.job_seconds(cell_of(study, RSPNET.format(100)), study)
    # 50 epochs of 50,000 videos, 5 forward passes each; and 2,000 held-out videos, a third of that each
    operations = (50 * 50_000 + 2_000 / 3) * 5 * 42.95e9
    assert seconds == pytest.approx(operations / 1e13)
    assert costs.gpu_seconds(cell_of(study, RSPNET.format(100)), study) == seconds  # one GPU


def test_each_milestone_costs_its_own_epochs(study):
    steps = [costs.job_seconds(cell_of(study, RSPNET.format(epochs)), study) for epochs in (50, 100, 150, 200)]
    assert steps == pytest.approx([steps[0]] * 4)


def test_complexity_and_decoders_count(study):
    path = "pretrain/k400/50k/{}/r2plus1d/seed0/epochs50"
    seconds = {name: costs.job_seconds(cell_of(study, path.format(name)), study) for name in ("rotnet-C1", "rotnet")}
    assert seconds["rotnet"] == pytest.approx(2 * seconds["rotnet-C1"])  # four rotations, two
    prp = costs.job_seconds(cell_of(study, path.format("prp")), study)
    assert prp == pytest.approx((50 * 50_000 + 2_000 / 3) * (3 * 42.95 + 153) * 1e9 / 1e13)


def test_finetuning_trains_and_tests_and_teachers_look_on(study):
    cell = next(
        c for c in study.all_cells if c.stage == "finetune" and (c.target, c.backbone) == ("ucf101", "r2plus1d")
    )
    operations = (100 * 9537 * 3 + 10 * 3783) * 42.95e9
    assert costs.job_seconds(cell, study) == pytest.approx(operations / 1e13)
    teachers = (cell, replace(cell, backbone="c3d"))
    student = replace(cell, stage="distill", partners=teachers)
    assert costs.job_seconds(student, study) == pytest.approx((operations + 100 * 9537 * (42.95e9 + 77.22e9)) / 1e13)


def test_models_as_teachers_cost_nothing_as_their_logits_are_written_beforehand(study):
    students = [cell for cell in study.all_cells if cell.stage == "distill"]
    student = next(cell for cell in students if all(one.stage == "class_logits" for one in cell.partners))
    assert costs.job_seconds(student, study) == costs.job_seconds(replace(student, partners=()), study) > 0


def test_small_networks_wait_for_the_loader(study):
    cell = cell_of(study, "pretrain/k400/50k/cvrl/shufflenet/seed0/epochs50")
    assert costs.job_seconds(cell, study) == pytest.approx((50 * 50_000 + 2_000) * 2 / (50 * 7))


def test_measured_speeds_take_the_place_of_the_assumed(study):
    cell, other = (
        cell_of(study, f"pretrain/k400/50k/rspnet/{name}/seed0/epochs50") for name in ("r2plus1d", "shufflenet")
    )
    measured = changed(study, speed={"flops_per_second": {"default": 1e13, "r2plus1d": 2e13}})
    assert costs.job_seconds(cell, measured) == pytest.approx(costs.job_seconds(cell, study) / 2)
    assert costs.job_seconds(other, measured) == costs.job_seconds(other, study)


def test_several_gpus_share_the_time_and_not_the_cost(study):
    cell = cell_of(study, RSPNET.format(50))
    two = changed(study, gpus=2)
    assert costs.job_seconds(cell, two) == pytest.approx(costs.job_seconds(cell, study) / 2)
    assert costs.gpu_seconds(cell, two) == pytest.approx(costs.gpu_seconds(cell, study))
    assert costs.gpu_seconds(cell, changed(study, gpus=0)) == 0


def test_limits_have_headroom_rise_and_end_at_the_longest(study):
    cell = cell_of(study, RSPNET.format(50))
    free = changed(study, limits={"headroom": 2, "start_minutes": 10})
    minutes = costs.job_seconds(cell, study) / 60 * 2 + 10
    limits = [costs.runtime_minutes(cell, free, out_of_time) for out_of_time in (0, 1, 2)]
    assert limits == pytest.approx([minutes, minutes * 1.5, minutes * 2], abs=1)
    short = changed(study)
    short.config = study.config.model_copy(update={"cluster": Cluster(longest_minutes=120)})
    assert costs.runtime_minutes(cell, short) == 120
    assert costs.data_minutes(study.config, 24_000, 1) == 2 * costs.data_minutes(study.config, 24_000) == 2 * 315


def test_memory_grows_with_loader_processes(study):
    one, more = (costs.memory_mb(changed(study, workers=n).config, trains=True) for n in (0, 4))
    assert more - one == 4 * study.config.compute.memory.worker


def test_the_frames_that_a_job_reads_count_into_its_memory(study):
    """A small subset with all its frames, a large one as far as `compute.memory.cache` goes."""
    small, large = (cell_of(study, f"pretrain/k400/{size}/rspnet/r2plus1d/seed0/epochs50") for size in ("10k", "100k"))
    frame = 128**2 * 4 / 3 * 0.345
    assert read_mb(study, small) == pytest.approx(10_000 * 300 * frame / 1e6, abs=1)
    assert read_mb(study, large) == pytest.approx(100_000 * 300 * frame / 1e6, abs=1)
    asked = {cell: requests.of_cell(study, stage("pretrain"), cell)["mem_mb"] for cell in (small, large)}
    processes = costs.memory_mb(study.config, trains=True)
    assert asked == {small: processes + read_mb(study, small), large: processes + study.config.compute.memory.cache}


def test_reduced_scale_counts_narrow_networks_and_small_clips(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    study = load_study(["config/config.yaml"])
    clip = study.config.finetune.clip
    expected = 42.95 / 64 * clip.frames * clip.size**2 / (16 * 112**2)  # an eighth of the width
    assert costs.clip_gflops(study.config, "r2plus1d", clip) == pytest.approx(expected)
    assert all(0 < costs.runtime_minutes(cell, study) <= 60 for cell in study.all_cells)


def test_a_decoder_is_as_narrow_as_its_network(monkeypatch):
    """At the reduced scale, for the task of which the decoder costs more than the network."""
    monkeypatch.chdir(REPOSITORY)
    study = load_study(["config/config.yaml"])
    prp = next(cell for cell in study.of_stage("pretrain") if (cell.task, cell.backbone) == ("prp", "r2plus1d"))
    share = 0.125**2 * (8 * 24**2) / (16 * 112**2)
    assert study.work_of_task(prp).gflops == pytest.approx((3 * 42.95 + 153) * share, rel=1e-3)


def test_backbone_that_is_not_in_the_table_counts_as_the_dearest(study):
    assert costs.clip_gflops(study.config, "a_new_one", costs.PAPER_CLIP) == max(costs.gflops_table().values())


def test_table_of_operations_is_up_to_date(study):
    from videossl.analysis.complexity import gflops_of_backbones, parameters_of_backbones

    counted = {name: round(value, 2) for name, value in gflops_of_backbones().items()}
    assert counted == costs.gflops_table(), "run `python -m videossl.study.costs`"
    numbers = {name: costs.parameters(study.config, name) for name in counted}
    assert numbers == pytest.approx(parameters_of_backbones(), abs=5e3), "run `python -m videossl.study.costs`"


def test_planning_imports_no_torch():
    code = "import sys; import videossl.study.costs, videossl.stages.jobs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_cell_that_only_copies_results_asks_for_no_gpu(tmp_path):
    """Low-shot finetuning with all labels takes over the results of the finetuning."""
    grid = GRID | {"task": "rspnet", "protocol": "low_shot", "labels": [1, "all"]}
    entries = {"few": table(grid, rows=["labels", "subset"])}
    study = make_study(tmp_path, entries, compute={"gpus": 2, "parallel": {"rspnet": {"gpus": 4}}})
    found = {cell.labels: study.devices(cell) for cell in study.cells_of["few"] if cell.task == "rspnet"}
    assert found == {"1": costs.Devices(2, 1, 2), "all": costs.Devices(0, 1, 1)}
    probe = make_study(
        tmp_path, {"probe": table(grid | {"protocol": "linear_probe", "labels": []})}, compute={"gpus": 2}
    )
    assert {probe.devices(cell).gpus for cell in probe.cells_of["probe"]} == {0}
