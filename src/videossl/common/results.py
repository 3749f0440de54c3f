"""The two result tables of every run, both Parquet: metrics (long form) and predictions per video.

Values are stored as measured: accuracies are fractions in [0, 1] and become percent only in print. A quantity that was
not measured has no row; there are no placeholder values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from videossl.common.files import write_parquet
from videossl.common.identity import LATER, completed
from videossl.common.intact import damaged, frame_of, read_table

_IDENTITY_FIELDS = [
    pa.field("stage", pa.string(), nullable=False),  # pretrain, finetune, ...
    pa.field("task", pa.string(), nullable=False),  # "scratch": no pretraining
    pa.field("complexity", pa.string(), nullable=False),  # "" if no variant is given
    pa.field("backbone", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),  # dataset of the pretraining
    pa.field("subset", pa.string(), nullable=False),
    pa.field("epochs", pa.int32(), nullable=False),  # name of the milestone; 0 for scratch
    pa.field("target", pa.string(), nullable=False),  # dataset of the evaluation; "" for pretraining
    pa.field("protocol", pa.string(), nullable=False),  # "" for pretraining
    pa.field("teachers", pa.string(), nullable=False),  # of a distillation; else ""
    pa.field("against", pa.string(), nullable=False),  # the other network of a CKA comparison; else ""
    pa.field("labels", pa.string(), nullable=False),  # labelled videos a class of low-shot finetuning, or all; else ""
    pa.field("seed", pa.int32(), nullable=False),
]
_CONDITION_FIELDS = [
    pa.field("noise", pa.string(), nullable=False),  # of the evaluated videos; "" for none
    pa.field("severity", pa.int32(), nullable=False),  # 1 to 5; 0 for no noise, or the mean over all
]
CONDITION: dict[str, Any] = {"noise": "", "severity": 0}
"""Condition of the evaluated videos, with the defaults for rows that do not give them."""
IDENTITY: tuple[str, ...] = tuple(field.name for field in _IDENTITY_FIELDS)

METRICS_SCHEMA = pa.schema(
    [
        *_IDENTITY_FIELDS,
        *_CONDITION_FIELDS,
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("n", pa.int32(), nullable=False),  # number of samples that the value is a mean over
        pa.field("chance", pa.float64()),
        pa.field("ci_low", pa.float64()),  # of the 95 % confidence interval
        pa.field("ci_high", pa.float64()),
    ]
)
PREDICTIONS_SCHEMA = pa.schema(
    [
        *_IDENTITY_FIELDS,
        *_CONDITION_FIELDS,
        pa.field("split", pa.string(), nullable=False),
        pa.field("video", pa.string(), nullable=False),
        pa.field("label", pa.int32(), nullable=False),
        pa.field("prediction", pa.int32(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("probability_label", pa.float32(), nullable=False),  # softmax probability of `label`
        pa.field("clips", pa.int32(), nullable=False),  # number of clips averaged
    ]
)

OWN_VIDEO = "own_video_in_queue"
"""Metric of a training with a queue of keys: the fraction of the last epoch's queries for which the queue held a key of
the same video."""

_FRACTION = re.compile(r"(^|_)top\d+$|accuracy|recall|relative_decrease")
Rows = Iterable[Mapping[str, Any]] | pd.DataFrame
Problem = Callable[[pd.DataFrame], str]


def is_fraction(metric: str) -> bool:
    """Whether `metric` is a fraction that is printed in percent (top1, pretext_top1, recall_at_5, ...)."""
    return _FRACTION.search(metric) is not None


def write_metrics(path: str | Path, identity: Mapping[str, Any], rows: Rows) -> None:
    """Write the metrics of one run.

    Args:
        path: the Parquet file, replaced atomically.
        identity: exactly the columns of :data:`IDENTITY`; those that earlier versions did not have may be left out.
        rows: each has split, metric, value and n; optionally chance, ci_low, ci_high, noise and severity.

    Raises:
        ValueError: a column is unknown or missing, a value is not a number, or a fraction is not in [0, 1].
    """
    frame = _assemble(identity, rows, METRICS_SCHEMA, optional=("chance", "ci_low", "ci_high"))
    write_parquet(path, _checked(frame, METRICS_SCHEMA, _metrics_problem, f"metrics for {path}"))


def read_metrics(paths: str | Path | Sequence[str | Path]) -> pd.DataFrame:
    """Concatenate the metrics of one or several runs. Raises UserError with the name of an invalid file."""
    return _read(paths, METRICS_SCHEMA, _metrics_problem)


def read_cell(path: str | Path) -> pd.DataFrame:
    """The metrics of one run (:func:`read_metrics`), cached while the file does not change: many tables show the same
    run. Must not be modified."""
    state = Path(path).stat()
    return _read_once(str(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4096)
def _read_once(path: str, changed: int, size: int) -> pd.DataFrame:
    return read_metrics(path)


def write_predictions(path: str | Path, identity: Mapping[str, Any], rows: Rows) -> None:
    """Write one row per video; `correct` is computed if it is not given.

    Raises:
        ValueError: a column is unknown or missing, a video occurs twice, or `correct` contradicts the labels.
    """
    frame = _assemble(identity, rows, PREDICTIONS_SCHEMA, optional=("correct",))
    if frame["correct"].isna().all():
        frame["correct"] = frame["prediction"] == frame["label"]
    write_parquet(path, _checked(frame, PREDICTIONS_SCHEMA, _predictions_problem, f"predictions for {path}"))


def read_predictions(paths: str | Path | Sequence[str | Path]) -> pd.DataFrame:
    """Concatenate the predictions of one or several runs, validated like :func:`read_metrics`."""
    return _read(paths, PREDICTIONS_SCHEMA, _predictions_problem)


def _assemble(identity: Mapping[str, Any], rows: Rows, schema: pa.Schema, optional: Sequence[str]) -> pd.DataFrame:
    """Identity and rows as one frame in the order of the schema. ValueError for unknown or missing columns."""
    identity = completed(identity)
    if set(identity) != set(IDENTITY):
        missing, unknown = set(IDENTITY) - set(identity), set(identity) - set(IDENTITY)
        raise ValueError(f"identity: missing {sorted(missing)}, unknown {sorted(unknown)}; it is {IDENTITY}")
    records = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else [dict(row) for row in rows]
    if not records:
        raise ValueError("no rows: a run that measured nothing must not write a results file")
    own = [name for name in schema.names if name not in IDENTITY]
    for record in records:
        unknown = {str(name) for name in record} - set(own)
        missing = set(own) - set(record) - set(optional) - set(CONDITION)
        if unknown or missing:
            raise ValueError(f"row: missing {sorted(missing)}, unknown {sorted(unknown)}; columns are {own}")
    frame = pd.DataFrame([CONDITION | record for record in records]).reindex(columns=own)
    return pd.concat([pd.DataFrame([dict(identity)] * len(frame)), frame], axis=1)[schema.names]


def _checked(frame: pd.DataFrame, schema: pa.Schema, problem_of: Problem, what: str) -> pa.Table:
    """The frame as an Arrow table with `schema`, after all checks."""
    if empty := [field.name for field in schema if not field.nullable and frame[field.name].isna().any()]:
        raise ValueError(f"{what}: {', '.join(empty)} must not be empty or NaN")
    try:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{what}: a column has the wrong type: {error}") from error
    if problem := problem_of(frame_of(table)):
        raise ValueError(f"{what}: {problem}")
    return table


def _read(paths: str | Path | Sequence[str | Path], schema: pa.Schema, problem_of: Problem) -> pd.DataFrame:
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    frames = []
    for file in map(Path, files):
        table = read_table(file, schema=schema, later=LATER)
        if not table.num_rows:
            raise damaged(file, "has no rows")
        frame = frame_of(table.select(schema.names))
        if problem := problem_of(frame):
            raise damaged(file, f"holds what no run measures: {problem}")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else frame_of(schema.empty_table())


def _metrics_problem(frame: pd.DataFrame) -> str:
    """The first problem of a metrics frame; "" if there is none."""
    for row in frame.to_dict("records"):
        name = f"metric '{row['metric']}' of split '{row['split']}'"
        if not math.isfinite(row["value"]):
            return f"{name} has the value {row['value']}, which is not a number"
        if row["n"] < 0:
            return f"{name} is a mean over n = {row['n']} samples"
        if not is_fraction(row["metric"]) or "relative" in row["metric"]:
            continue  # losses and counts have no range; a relative decrease is negative if noise helps
        for column in ("value", "chance", "ci_low", "ci_high"):
            value = row[column]
            if value is not None and not math.isnan(value) and not 0 <= value <= 1:
                return f"{name}: {column} = {value} is outside [0, 1] (fractions, not percent)"
    keys = [*IDENTITY, *CONDITION, "split", "metric"]
    if frame.duplicated(keys).any():
        return (
            f"metric '{frame.loc[frame.duplicated(keys), 'metric'].iloc[0]}' occurs twice for one split and condition"
        )
    return ""


def _predictions_problem(frame: pd.DataFrame) -> str:
    """The first problem of a predictions frame; "" if there is none."""
    keys = [*IDENTITY, *CONDITION, "split", "video"]
    if frame.duplicated(keys).any():
        return f"video '{frame.loc[frame.duplicated(keys), 'video'].iloc[0]}' occurs twice"
    if not ((frame["prediction"] == frame["label"]) == frame["correct"]).all():
        return "`correct` contradicts label and prediction"
    if not frame["probability_label"].between(0, 1).all():
        return "probability_label is outside [0, 1] or NaN"
    return ""
