"""`metrics.parquet` of the study: the metrics of all finished runs in one file, for further analysis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.results import METRICS_SCHEMA, read_cell
from videossl.data.notes import tell
from videossl.report.collect import OK
from videossl.report.record import read_record
from videossl.report.site.run_list import find_runs

SCHEMA = pa.schema([pa.field("run", pa.string(), nullable=False), *METRICS_SCHEMA])
"""Columns: `run`, the run folder relative to the results folder, and the columns of a run's own metrics file."""


def write_all_metrics(records: Sequence[Path], results: Path, output: Path) -> tuple[int, list[str]]:
    """Write the metrics of the runs named by the records, sorted by run folder.

    Returns the number of runs, and an error message for each run that was skipped because its files cannot be used.

    Args:
        records: `<name>.record.json` of tables and figures.
        results: the results folder.
        output: the Parquet file.

    Raises:
        UserError: no run has finished, or a run's file is invalid.
    """
    runs = find_runs(read_record(path) for path in records)
    left_out = [run.problem for run in runs.values() if run.problem]
    for problem in left_out:
        tell(f"left out, as its files cannot be used: {problem}")
    done = [run.folder for run in runs.values() if run.status == OK]
    if not done:
        raise UserError(f"none of the {len(runs)} runs of the {len(records)} records has finished.")
    tables = []
    for folder in done:
        frame = read_cell(folder / "metrics.parquet")
        frame = frame.assign(run=folder.relative_to(results).as_posix())
        tables.append(pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False).replace_schema_metadata(None))
    write_parquet(output, pa.concat_tables(tables).combine_chunks())
    return len(done), left_out
