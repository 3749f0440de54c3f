"""Video foundation models from captioned videos to their two tables, at the smallest scale; and without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from workflow_copy import Workflow, copy_workflow

MODELS = ("vificlip", "viclip")
MINE = f"""
only: [names, pairs]
experiments:
  names:
    kind: table
    title: Zero-shot
    grid:
      - {{protocol: vifm, model: [{", ".join(MODELS)}]}}
      - {{protocol: zero_shot, model: [{", ".join(MODELS)}], target: ucf101}}
    baseline: false
    rows: backbone
    columns: [target, metric]
  pairs:
    kind: table
    title: Pairs
    grid: {{protocol: distill, task: scratch, backbone: r2plus1d, source: k400, subset: 10k, epochs: 50, target: ucf101,
      pairs: [{", ".join(MODELS)}]}}
    baseline: false
    rows: teachers
    columns: target
"""
SMOKE = ("--configfile", "config/smoke.yaml", "mine.yaml")
RESULTS = "results/smoke"


@pytest.fixture(scope="module")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which two models were trained, tested and have taught a student."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("foundation") / "copy")
    (workflow.root / "mine.yaml").write_text(MINE)
    workflow.run(*SMOKE, "--cores", "2", "--quiet", "rules", warm=True)
    return workflow


def test_both_tables_are_complete(finished):
    frames = {name: pd.read_parquet(finished.root / RESULTS / f"tables/{name}.parquet") for name in ("names", "pairs")}
    for frame in frames.values():
        assert set(frame["status"]) == {"ok"} and frame["reduced_scale"].all()
    videos = frames["names"][frames["names"]["metric"] == "training_videos"].set_index("backbone")["value"]
    assert videos.to_dict() == {"vificlip": 8, "viclip": 12}
    assert frames["pairs"]["teachers"].tolist() == ["vificlip+viclip"]


def test_zero_shot_is_over_all_official_test_sets(finished):
    data = finished.root / RESULTS / "data/ucf101/manifest.parquet"
    manifest = pd.read_parquet(data).set_index("id")
    folder = finished.root / RESULTS / "zero_shot/ucf101/k400/240k/vificlip/seed0"
    predictions = pd.read_parquet(folder / "predictions.parquet").set_index("video")
    metrics = pd.read_parquet(folder / "metrics.parquet").set_index("metric")["value"]
    lists = finished.root / RESULTS / "generated/ucf101/annotations"
    means = []
    for number in (1, 2, 3):
        listed = (lists / f"testlist{number:02d}.txt").read_text().split()
        ids = [Path(name).stem for name in listed]
        assert all(manifest.loc[ids, "status"] == "ok")
        means.append(predictions.loc[ids, "correct"].mean())
        assert metrics[f"split{number}_top1"] == pytest.approx(means[-1])
    assert metrics["top1"] == pytest.approx(np.mean(means))


def test_no_class_of_a_target_was_a_caption(finished):
    import torch

    saved = torch.load(finished.root / RESULTS / "vifm/clip/seed0/weights.pt", weights_only=True)
    words = set(saved["tokenizer"]["words"])
    assert "disc" in words  # captions of the source are there
    names = set(pd.read_parquet(finished.root / RESULTS / "data/captions/manifest.parquet")["label_name"])
    targets = {"striped square", "checkered square", "striped triangle"}
    assert targets & names, "the corpus has videos of the targets' classes, which must be left out"
    log = (finished.root / RESULTS / "vifm/k400/240k/vificlip/seed0/run.json").read_text()
    assert '"videos": 8' in log


def test_teachers_looked_once_for_all_students(finished):
    folder = finished.root / RESULTS / "class_logits/ucf101/k400/240k/vificlip/seed0"
    with np.load(folder / "logits.npz") as arrays:
        manifest = pd.read_parquet(finished.root / RESULTS / "data/ucf101/manifest.parquet")
        train = manifest[manifest["split"].isin(["train", "val"]) & (manifest["status"] == "ok")]
        assert arrays["logits"].shape == (len(train), 2, 3)
        assert arrays["videos"].tolist() == train["id"].tolist()
    history = next((finished.root / RESULTS / "distill").rglob("train.jsonl")).read_text()
    assert '"divergence"' in history


def test_a_second_run_has_nothing_to_do(finished):
    done = finished.run(*SMOKE, "--cores", "2", "--quiet", "rules")
    assert "Nothing to be done" in done.stdout


def test_without_weights_cells_are_pending_and_the_rest_is_planned(finished):
    """At the paper's scale no weights are named here: the tables need no model's job, and say why."""
    jobs = finished.plan("table_vifm_zero_shot", "table_vifm_distill_pairs", "--configfile", "config/paper.yaml")
    assert not {"vifm", "zero_shot", "class_logits", "distill", "small_clip"} & set(jobs)
    assert jobs["finetune"] == 1 and jobs["table"] == 2
    path = "results/paper/vifm/k400/240k/xclip/seed0/weights.pt"
    done = finished.run(path, "-n", "--configfile", "config/paper.yaml", check=False)
    assert done.returncode != 0
    assert "weights not provided" in done.stdout and "hf download microsoft/xclip" in done.stdout
