"""A note on finetunings whose training curve had not flattened: their accuracies may rise with more epochs."""

from __future__ import annotations

from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.results import read_cell
from videossl.report.collect import OK, Results, describe
from videossl.training.flattening import FLATTENED, TOLERANCE


def flattening_notes(results: Results) -> list[str]:
    """How many of the runs had not flattened, and the first of them; nothing if all had, or none says."""
    known: dict[str, bool] = {}
    names: dict[str, str] = {}
    for record in results.records:
        for run in record.runs if record.status == OK and record.is_cell else ():
            if run not in known and (found := _flattened(Path(run))) is not None:
                known[run], names[run] = found, describe(results.spec, record)
    open_ones = [names[run] for run, flat in known.items() if not flat]
    if not open_ones:
        return []
    shown = "; ".join(dict.fromkeys(open_ones[:3])) + ("; ..." if len(open_ones) > 3 else "")
    return [
        f"The training curve of {len(open_ones)} of {len(known)} finetunings had not flattened ({shown}): the loss of"
        f" the last quarter was more than {100 * TOLERANCE:.0f} % of the whole drop below that of the quarter before."
        " Longer training may change these numbers."
    ]


def _flattened(run: Path) -> bool | None:
    """Whether the curve of a run has flattened; None if the run does not say."""
    try:
        metrics = read_cell(run / "metrics.parquet")
    except (OSError, UserError):
        return None
    found = metrics.loc[metrics["metric"] == FLATTENED, "value"]
    return None if found.empty else bool(found.iloc[0])
