"""The scale for one GPU: its plan within a day, its published numbers, and a run of it with tiny networks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from workflow_copy import copy_workflow

from videossl.data.synthetic import generate
from videossl.monitor.gpu_types import with_gpus
from videossl.report.published import read_published
from videossl.study.contradictions import check_contradictions
from videossl.study.costs import gpu_seconds
from videossl.study.study import Study, load_study

OVERLAY = "config/one_gpu.yaml"
# One task and network, in seconds on a CPU; the data are where real ones are linked to.
TINY = """
scale: {reduced: true, note: a test}
restrict: {task: [vcop], backbone: [r2plus1d], target: [ucf101]}
datasets: {ucf101: {validation: 0.4, shards: 1}}
backbones: {r2plus1d: {width: 0.05}}
epochs: {50: 1, 100: 2, 150: 3, 200: 4}
store: {short_side: 24}
recipe_overrides:
  all: {clip: {frames: 4, size: 16}, batch_size: 4, reference_batch_size: null}
  vcop: {augment: {resize_short: 24}}
finetune: {epochs: 1, batch_size: 4, clip: {frames: 4, size: 16}, test_clips: 2, augment: {resize_short: 24}}
compute: {device: cpu, threads: 1, workers: 0, gpus: 0, data_processes: 1}
"""


@pytest.fixture
def study(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(repository)
    return load_study(["config/config.yaml", OVERLAY])


def test_everything_is_pretrained_on_ucf101_and_takes_a_day_at_most(study):
    check_contradictions(study)
    assert study.datasets == ["ucf101", "hmdb51"]
    assert {(cell.source, cell.subset) for cell in study.pretraining} == {("ucf101", "all")}
    assert {cell.task for cell in study.pretraining} == {"rotnet", "vcop", "prp", "cvrl", "tdl", "rspnet", "videomae"}
    assert {cell.backbone for cell in study.pretraining} == {"shufflenet", "r2plus1d"}
    assert {cell.target for cell in study.of_stage("retrieval")} == {"ucf101", "hmdb51"}
    faster = Study(with_gpus(study.config, "h100")[0])
    hours = sum(gpu_seconds(cell, faster) for cell in faster.all_cells) / 3600
    assert 12 < hours <= 24


def test_published_numbers_stand_beside_networks_of_their_task(study):
    rows = read_published(study.entries["one_gpu_finetuning"].published)
    titles = {recipe.title for recipe in study.recipes.values()}
    assert {row.approach for row in rows} <= titles and {row.pretraining for row in rows} == {"UCF101"}
    assert {row.approach: dict(row.top1) for row in rows if row.backbone == "R(2+1)D"} == {
        "VCOP": {"ucf101": 0.724, "hmdb51": 0.309},
        "PRP": {"ucf101": 0.721, "hmdb51": 0.35},
    }


def test_a_run_with_tiny_networks(repository, tmp_path):
    workflow = copy_workflow(repository, tmp_path / "copy")
    root = workflow.root / "data/ucf101"
    generate(
        "ucf101", root, videos={"train": 5, "test": 3}, classes=3, frames=(40, 48), size=(40, 30), fps=12, seed=0,
        progress=False,
    )  # fmt: skip
    (workflow.root / "tiny.yaml").write_text(TINY)
    workflow.run("--configfile", OVERLAY, "tiny.yaml", "--cores", "2", "--quiet", "rules", warm=True)
    tables = workflow.root / "results/one_gpu/tables"
    for name in ("one_gpu_finetuning", "one_gpu_gains", "one_gpu_retrieval", "one_gpu_pretext"):
        frame = pd.read_parquet(tables / f"{name}.parquet")
        assert set(frame["status"]) <= {"ok", "published"} and (frame["status"] == "ok").any(), name
    text = (tables / "one_gpu_finetuning.md").read_text()
    lines = [line for line in text.splitlines() if "VCOP" in line]
    assert "72.4" in lines[0] and "Measured here" in lines[1]  # ours is below the published one
    assert "published.csv; not measured here" in text and "Tables 5 and 17" not in text
