"""k-NN accuracy on frozen features."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tiny import GRID, make_study, spec_of, table

from videossl.common.errors import UserError
from videossl.common.intact import read_json
from videossl.common.results import read_metrics, read_predictions
from videossl.evaluation.knn import CHUNK, nearest_neighbours, vote

TRAIN = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
"""Cosines with (1, 0): 1, 0.6 and 0."""
LABELS = np.array([0, 1, 1])
QUERY = np.array([[2, 0]], np.float32)


def study_of(folder, **knn):
    grid = GRID | {"protocol": "knn", "task": "rspnet"}
    return make_study(folder, {"a": table(grid, rows="task", columns="target")}, knn=knn)


def written(folder, train, labels, test, test_labels):
    path = folder / "features.npz"
    arrays = {"train": train, "train_labels": labels, "validation": np.zeros(len(train), bool), "test": test}
    names = np.array([f"v{number}" for number in range(len(test))])
    np.savez(path, **arrays, test_labels=test_labels, test_videos=names, test_split="test", classes=np.array(3))
    return path


def test_the_shares_of_the_vote_by_hand():
    first, second = np.exp(1 / 0.5), np.exp(0.6 / 0.5)
    np.testing.assert_allclose(
        vote(QUERY, TRAIN, LABELS, 3, 2, 0.5), [[first / (first + second), second / (first + second), 0]]
    )
    third = np.exp(0.0)
    total = first + second + third
    np.testing.assert_allclose(vote(QUERY, TRAIN, LABELS, 3, 3, 0.5), [[first / total, (second + third) / total, 0]])
    np.testing.assert_allclose(vote(QUERY, TRAIN, LABELS, 3, 1, 0.5), [[1, 0, 0]])


def test_the_temperature_decides_between_the_nearest_and_the_many():
    assert vote(QUERY, TRAIN, LABELS, 2, 3, 0.07).argmax() == 0
    assert vote(QUERY, TRAIN, LABELS, 2, 3, 100.0).argmax() == 1
    assert np.isfinite(vote(QUERY, TRAIN, LABELS, 2, 3, 1e-4)).all()  # exp(1 / 1e-4) has no float


def test_length_means_nothing_and_zero_features_still_vote():
    rng = np.random.default_rng(0)
    train, queries = rng.normal(size=(30, 4)), rng.normal(size=(7, 4))
    labels = rng.integers(0, 3, 30)
    np.testing.assert_allclose(vote(queries, train, labels, 3, 5, 0.1), vote(9 * queries, 4 * train, labels, 3, 5, 0.1))
    nothing = vote(np.zeros((1, 4)), train, labels, 3, 30, 0.1)  # all similarities are 0: the shares of the classes
    np.testing.assert_allclose(nothing[0], np.bincount(labels, minlength=3) / 30)


def test_queries_of_all_chunks_are_answered_in_order():
    rng = np.random.default_rng(1)
    train, queries, labels = rng.normal(size=(20, 3)), rng.normal(size=(CHUNK + 5, 3)), np.arange(20) % 4
    found = vote(queries, train, labels, 4, 3, 0.1)
    assert found.shape == (CHUNK + 5, 4)
    for row in (0, CHUNK - 1, CHUNK, CHUNK + 4):
        np.testing.assert_allclose(found[row], vote(queries[[row]], train, labels, 4, 3, 0.1)[0])


def test_a_run_leaves_predictions_and_their_accuracy(tmp_path):
    study = study_of(tmp_path, neighbours=2, temperature=0.5)
    (cell,) = [one for one in study.of_stage("knn") if not one.is_scratch]
    test = np.array([[1, 0.1], [0, 1], [0.1, 1]], np.float32)
    path = written(tmp_path, TRAIN, LABELS, test, np.array([0, 1, 0]))
    nearest_neighbours(spec_of(study, cell), cell.identity, features=path, folder=tmp_path / "run")
    (row,) = read_metrics(tmp_path / "run/metrics.parquet").to_dict("records")
    assert (row["metric"], row["value"], row["n"], row["chance"]) == ("top1", pytest.approx(2 / 3), 3, 0.5)
    predictions = read_predictions(tmp_path / "run/predictions.parquet")
    assert predictions["prediction"].tolist() == [0, 1, 1] and predictions["video"].tolist() == ["v0", "v1", "v2"]
    shares = vote(test, TRAIN, LABELS, 3, 2, 0.5)
    np.testing.assert_allclose(predictions["probability_label"], shares[[0, 1, 2], [0, 1, 0]], rtol=1e-5, atol=1e-30)


def test_fewer_training_videos_than_neighbours_all_vote(tmp_path):
    study = study_of(tmp_path, neighbours=500)
    cell = study.of_stage("knn")[0]
    path = written(tmp_path, TRAIN, LABELS, QUERY, np.array([0]))
    nearest_neighbours(spec_of(study, cell), cell.identity, features=path, folder=tmp_path / "run")
    assert read_json(tmp_path / "run/run.json", {}, "record of a run")["samples"]["neighbours"] == 3


def test_the_stage_shares_its_features_and_has_a_baseline(tmp_path):
    study = study_of(tmp_path)
    assert {cell.stage for cell in study.all_cells} == {"pretrain", "features", "knn"}
    assert {cell.task for cell in study.of_stage("knn")} == {"rspnet", "scratch"}
    cell = study.of_stage("knn")[0]
    spec = spec_of(study, cell)
    assert (spec.neighbours, spec.temperature) == (20, 0.07)
    assert spec.features == spec_of(study, cell.of_stage("features"))
    assert spec.hash != spec_of(study_of(tmp_path, neighbours=5), cell).hash


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbours": 0}, "knn.neighbours"),
        ({"neighbours": 10_001}, "less than or equal to 10000"),
        ({"temperature": 0}, "greater than 0"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        study_of(tmp_path, **settings)


def test_voting_imports_no_torch():
    code = "import sys; import videossl.evaluation.knn; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
