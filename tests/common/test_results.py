import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_cells import identity

from videossl.common.errors import UserError
from videossl.common.results import (
    IDENTITY,
    METRICS_SCHEMA,
    PREDICTIONS_SCHEMA,
    is_fraction,
    read_metrics,
    read_predictions,
    write_metrics,
    write_predictions,
)

TOP1 = {
    "split": "test",
    "metric": "top1",
    "value": 0.25,
    "n": 40,
    "chance": 0.1,
    "ci_low": 0.14,
    "ci_high": 0.4,
}
COUNT = {"split": "test", "metric": "videos_broken", "value": 3, "n": 40}
VIDEO = {"split": "test", "video": "v1", "label": 2, "prediction": 2, "probability_label": 0.5, "clips": 10}


def test_metrics_come_back_as_written(tmp_path):
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_metrics(first, identity(seed=1), [TOP1, COUNT])
    write_metrics(second, identity(task="scratch"), [TOP1])
    frame = read_metrics([first, second])
    assert list(frame.columns) == METRICS_SCHEMA.names
    assert frame["task"].tolist() == ["rspnet", "rspnet", "scratch"]
    assert frame["seed"].tolist() == [1, 1, 0]
    assert frame["value"].tolist() == [0.25, 3.0, 0.25]
    assert math.isnan(frame["chance"][1])
    assert pq.read_schema(first).equals(METRICS_SCHEMA)


def test_predictions_come_back_and_correct_is_computed(tmp_path):
    path = tmp_path / "p.parquet"
    write_predictions(path, identity(), [VIDEO, {**VIDEO, "video": "v2", "prediction": 0}])
    frame = read_predictions(path)
    assert list(frame.columns) == PREDICTIONS_SCHEMA.names
    assert frame["correct"].tolist() == [True, False]


def test_writing_twice_gives_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_metrics(tmp_path / name, identity(), [TOP1])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": float("nan")}, "value must not be empty or NaN"),
        ({"value": float("inf")}, "not a number"),
        ({"value": 25.0}, r"outside \[0, 1\]"),
        ({"ci_high": 40.0}, r"ci_high = 40.0 is outside"),
        ({"metric": "pretext_top1", "value": 1.5}, "outside"),
        ({"metric": "recall_at_5", "value": -0.1}, "outside"),
        ({"accuracy": 1.0}, r"unknown \['accuracy'\]"),
        ({"n": -1}, "n = -1"),
        ({"n": "many"}, "type"),
    ],
)
def test_wrong_metrics_are_refused_and_leave_no_file(tmp_path, change, message):
    path = tmp_path / "m.parquet"
    with pytest.raises(ValueError, match=message):
        write_metrics(path, identity(), [{**TOP1, **change}])
    assert not path.exists()


def test_missing_columns_rows_and_identity_are_refused(tmp_path):
    path = tmp_path / "m.parquet"
    with pytest.raises(ValueError, match=r"missing \['n'\]"):
        write_metrics(path, identity(), [{key: TOP1[key] for key in ("split", "metric", "value")}])
    with pytest.raises(ValueError, match="no rows"):
        write_metrics(path, identity(), [])
    with pytest.raises(ValueError, match=r"missing \['seed'\]"):
        write_metrics(path, {key: value for key, value in identity().items() if key != "seed"}, [TOP1])
    with pytest.raises(ValueError, match="target must not be empty"):
        write_metrics(path, identity(target=None), [TOP1])
    with pytest.raises(ValueError, match="occurs twice"):
        write_metrics(path, identity(), [TOP1, TOP1])


def test_contradicting_predictions_are_refused(tmp_path):
    path = tmp_path / "p.parquet"
    with pytest.raises(ValueError, match="contradicts"):
        write_predictions(path, identity(), [{**VIDEO, "correct": False}])
    with pytest.raises(ValueError, match="'v1' occurs twice"):
        write_predictions(path, identity(), [VIDEO, VIDEO])
    with pytest.raises(ValueError, match="probability_label"):
        write_predictions(path, identity(), [{**VIDEO, "probability_label": 1.2}])


def test_reading_names_the_file_at_fault(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*gone\.parquet"):
        read_metrics(tmp_path / "gone.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(UserError, match=r"text\.parquet is no Parquet file"):
        read_metrics(tmp_path / "text.parquet")
    pq.write_table(pa.table({"task": ["rotnet"]}), tmp_path / "other.parquet")
    with pytest.raises(UserError, match="its columns differ in"):
        read_metrics(tmp_path / "other.parquet")


def test_reading_nothing_gives_an_empty_frame():
    assert read_metrics([]).empty
    assert list(read_metrics([]).columns) == METRICS_SCHEMA.names


def test_identity_leads_both_schemas():
    assert METRICS_SCHEMA.names[: len(IDENTITY)] == PREDICTIONS_SCHEMA.names[: len(IDENTITY)] == list(IDENTITY)


@pytest.mark.parametrize("metric", ["top1", "top5", "pretext_top1", "speed_accuracy", "recall_at_1"])
def test_fractions_are_known_by_name(metric):
    assert is_fraction(metric)
    assert not is_fraction("loss")
    assert not is_fraction("videos_evaluated")
