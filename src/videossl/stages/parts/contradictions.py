"""Checks for configuration values that are valid on their own but contradict each other in a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossl.common.errors import UserError
from videossl.data.generated import SPLITS

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.study import Study


def batches_divide(study: Study, cell: Cell, where: str, batch: int, steps: int, videos: int | str) -> None:
    """Raise UserError unless a batch can be divided among the job's processes and the batch's accumulation steps.

    where: the setting of `batch`, the batch size, and of `steps`, the accumulation steps. videos: number of training
    videos; "all" if unknown.
    """
    devices = study.devices(cell)
    shares = devices.nodes * devices.processes
    if isinstance(videos, int) and videos < batch:
        where, batch = f"{where}, of which `subsets.{cell.subset}` has no more videos", videos
    if batch % (shares * steps):
        raise UserError(
            f"{where}: a batch of {batch} videos (for {cell.backbone}) cannot be shared evenly by {shares}"
            f" processes in {steps} parts each. Set batch_size to a multiple of {shares * steps}, or change"
            " `accumulation_steps`, `compute.gpus`, `compute.nodes` or `compute.processes`."
        )


def precision_fits_the_device(study: Study, precision: str, where: str) -> None:
    """Raise UserError for bfloat16 training without a GPU."""
    if precision == "bf16" and study.config.compute.device == "cpu":
        raise UserError(
            f"{where}: precision is bf16, which needs a GPU, and `compute.device` is cpu. Set precision to fp32, or"
            " compute.device to cuda or auto."
        )


def has_validation(study: Study, cell: Cell, purpose: str) -> None:
    """Raise UserError unless the target has validation videos. purpose: what the protocol chooses on them."""
    dataset = study.config.datasets[cell.target]
    if dataset.validation == 0 and "val" not in SPLITS.get(str(dataset.reader), ("val",)):
        raise UserError(
            f"the configuration's `datasets.{cell.target}.validation` is 0, and {purpose} on validation videos, which"
            " this dataset does not have: set it above 0 and below 1."
        )
