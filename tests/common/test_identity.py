"""Results of earlier versions, which lack columns of the identity."""

from __future__ import annotations

import pandas as pd
import pytest
from report_cells import cell, identity, table_spec

from videossl.common.errors import UserError
from videossl.common.files import canonical_json, write_parquet
from videossl.common.identity import completed, stated
from videossl.common.intact import read_table
from videossl.common.results import METRICS_SCHEMA, read_metrics, read_predictions, write_metrics, write_predictions
from videossl.report.collect import collect
from videossl.stages.cells import Cell

TOP1 = {"split": "test", "metric": "top1", "value": 0.5, "n": 10}
VIDEO = {"split": "test", "video": "v", "label": 0, "prediction": 0, "probability_label": 0.9, "clips": 2}


def without(path, *columns):
    """The file as a version that did not know the columns wrote it."""
    write_parquet(path, read_table(path).drop_columns(list(columns)))
    return path


def test_files_without_a_later_column_are_read_with_its_default(tmp_path):
    write_metrics(tmp_path / "m.parquet", identity(), [TOP1])
    write_predictions(tmp_path / "p.parquet", identity(), [VIDEO])
    now = read_metrics(tmp_path / "m.parquet")
    before = read_metrics(without(tmp_path / "m.parquet", "labels"))
    pd.testing.assert_frame_equal(now, before)
    assert before["labels"].tolist() == [""] and list(before) == METRICS_SCHEMA.names
    assert read_predictions(without(tmp_path / "p.parquet", "labels"))["labels"].tolist() == [""]
    with pytest.raises(UserError, match="columns differ in seed"):
        read_metrics(without(tmp_path / "m.parquet", "seed"))


def test_a_table_shows_cells_of_a_record_of_an_earlier_version(tmp_path):
    cells = [cell(tmp_path, 60), cell(tmp_path, 24, task="scratch")]
    for one in cells:
        del one["labels"]
    results = collect(table_spec(paper_table=None), cells)
    assert [record.value for record in results.records if not record.is_baseline] == [0.5]


def test_what_snakemake_compares_of_a_cell_is_as_before():
    cell = Cell("finetune", "rotnet", "C3", "r2plus1d", "k400", "50k", 200, "ucf101", "finetune", 1)
    assert canonical_json(stated(cell.identity)) == (
        '{"against":"","backbone":"r2plus1d","complexity":"C3","epochs":200,"protocol":"finetune","seed":1,'
        '"source":"k400","stage":"finetune","subset":"50k","target":"ucf101","task":"rotnet","teachers":""}'
    )
    few = Cell("low_shot", "rotnet", "C3", "r2plus1d", "k400", "50k", 200, "ucf101", "low_shot", 1, labels="5")
    assert stated(few.identity)["labels"] == "5"
    assert completed(stated(cell.identity)) == cell.identity
