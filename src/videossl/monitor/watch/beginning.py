"""What the display is told before the first job: the estimated time of each job, and which jobs wait for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from videossl.monitor.estimate import Estimator
from videossl.monitor.watch.notes import Beginning
from videossl.stages.cells import Cell
from videossl.study.study import Study


def beginning(
    study: Study,
    rules: Mapping[int, str],
    cells: Mapping[int, Cell],
    needs: Mapping[int, Sequence[int]],
    log: str,
) -> Beginning:
    """The note of a run.

    Args:
        rules: the rule of each planned job, by Snakemake's number of the job.
        cells: the cells of those that train or evaluate.
        needs: the jobs that each waits for.
        log: path of the full log; "" if there is none.
    """
    estimator = Estimator(study)
    hours = {number: estimator.of(cell).hours for number, cell in cells.items()}
    seconds = {number: 3600 * found for number, found in hours.items() if found is not None}
    return Beginning(seconds, {number: tuple(found) for number, found in needs.items()}, dict(rules), log)
