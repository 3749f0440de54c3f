"""Every protocol from videos to its table or figure at the smallest scale, with jobs as `make demo` runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from workflow_copy import Workflow, copy_workflow

from videossl.common.results import read_metrics, read_predictions
from videossl.stages.registry import stage
from videossl.study.study import load_study
from videossl.training.flattening import CURVE_METRICS

TABLES = ("probe_vs_finetune", "noise_types", "retrieval_sources", "distill_datasets", "corruption", "attentive")
FIGURES = ("decrease_over_severity", "cka_sources", "samples_of_two", "samples_noise", "retrieval_summary")
MINE = f"""
only: [{", ".join(TABLES + FIGURES)}]
restrict: {{task: [vcop], backbone: [r2plus1d]}}
experiments:
  attentive:
    kind: table
    title: Attentive probe
    grid: {{protocol: attentive_probe, task: vcop, backbone: r2plus1d, source: k400, subset: 50k, epochs: 200,
      target: ucf101}}
    rank: task
    rows: task
    columns: target
  samples_of_two: {{kind: figure, plot: samples, title: Samples, datasets: [k400, ucf101]}}
"""
RESULTS = "results/smoke"


@pytest.fixture(scope="module")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which all protocols have run for one task and network."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("protocols") / "copy")
    (workflow.root / "mine.yaml").write_text(MINE)
    workflow.run("--configfile", "config/smoke.yaml", "mine.yaml", "--cores", "2", "--quiet", "rules", warm=True)
    return workflow


def test_every_table_and_figure_is_there_and_complete(finished):
    for name in TABLES:
        frame = pd.read_parquet(finished.root / RESULTS / f"tables/{name}.parquet")
        measured = frame[~frame["status"].isin(["quoted", "published"])]
        assert set(measured["status"]) <= {"ok", "undefined"}, name
    for name in FIGURES:
        assert (finished.root / RESULTS / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG"), name
        assert (finished.root / RESULTS / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF"), name


def test_an_entry_may_name_whatever_is_measured_and_nothing_else(finished, monkeypatch):
    monkeypatch.chdir(finished.root)
    study = load_study(["config/config.yaml", "config/smoke.yaml", "mine.yaml"])
    stages = set()
    for cell in study.all_cells:
        if stage(cell.stage).makes_metrics:
            measured = set(read_metrics(f"{RESULTS}/{cell.path}/metrics.parquet")["metric"])
            stages.add(cell.stage)
            # there is no top-5 of five classes or fewer, no ratio to an accuracy of zero, no curve of three epochs
            undefined = {"top5", "gamma_r", "relative_decrease", *CURVE_METRICS}
            assert measured - undefined == set(study.metrics_of(cell)) - undefined, cell.path
    assert stages >= {
        "pretrain",
        "finetune",
        "linear_probe",
        "retrieval",
        "robustness",
        "distill",
        "cka",
        "corruption",
        "attentive_probe",
    }


def test_noisy_videos_are_the_clean_ones_and_worse_to_see(finished):
    data = finished.root / RESULTS / "data/ucf101"
    clean = pd.read_parquet(data / "manifest.parquet")
    expected = clean[(clean["split"] == "test") & (clean["status"] == "ok")]["id"].tolist()
    manifests = sorted((data / "noisy").glob("*/*/manifest.parquet"))
    assert len(manifests) == 4 * 5 + 1
    for path in manifests:
        assert pd.read_parquet(path)["id"].tolist() == expected


def test_scores_follow_from_the_predictions(finished):
    (folder,) = (finished.root / RESULTS / "robustness/ucf101/k400").glob("50k/vcop/r2plus1d/seed0/epochs200")
    predictions = read_predictions(folder / "predictions.parquet")
    clean, noisy = predictions[predictions["noise"] == ""], predictions[predictions["noise"] != ""]
    assert len(clean) and (clean["severity"] == 0).all()
    metrics = read_metrics(folder / "metrics.parquet")
    a_c = clean["correct"].mean()
    for (noise, severity), part in noisy.groupby(["noise", "severity"]):
        rows = metrics[(metrics["noise"] == noise) & (metrics["severity"] == severity)].set_index("metric")["value"]
        assert rows["top1"] == pytest.approx(part["correct"].mean())
        assert rows["gamma_a"] == pytest.approx(1 - (a_c - part["correct"].mean()))
        assert ("relative_decrease" in rows) == (a_c > 0)


def test_the_student_is_told_apart_from_its_teachers(finished):
    frame = pd.read_parquet(finished.root / RESULTS / "tables/distill_datasets.parquet")
    pretrained = frame[frame["task"] == "vcop"]
    assert sorted(zip(pretrained["stage"], pretrained["source"], pretrained["teachers"], strict=True)) == [
        ("distill", "k400", "k400+ssv2"),
        ("finetune", "k400", ""),
        ("finetune", "ssv2", ""),
    ]


def test_layer_maps_are_square_with_ones_where_defined(finished):
    maps = list((finished.root / RESULTS / "cka").rglob("cka.parquet"))
    assert len(maps) == 2
    for path in maps:
        frame = pd.read_parquet(path)
        matrix = frame.pivot(index="row", columns="column", values="cka").to_numpy()
        assert matrix.shape[0] == matrix.shape[1] > 20
        diagonal = np.diag(matrix)
        np.testing.assert_allclose(diagonal[np.isfinite(diagonal)], 1, atol=1e-9)


def test_a_second_run_has_nothing_to_do(finished):
    done = finished.run("--configfile", "config/smoke.yaml", "mine.yaml", "--cores", "2", "--quiet", "rules")
    assert "Nothing to be done" in done.stdout
