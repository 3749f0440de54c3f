"""Detects values of a configuration that are valid by themselves but contradict each other, before the first job.

Jobs check the same, as they can be started by hand with other values; here nothing has been trained yet. Does not
import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from videossl.common.errors import UserError
from videossl.study.cells import Cell
from videossl.study.config.generated import SPLITS
from videossl.study.config.recipe import by_backbone
from videossl.study.costs import WORK, devices, job_seconds
from videossl.study.study import Study

LONGEST_PART = 200
"""Longest folder name in bytes; file systems allow 255, and some files beside it have longer names."""


def check_contradictions(study: Study) -> None:
    """Raise UserError for the first contradiction."""
    _paths_differ(study.all_cells)
    for cell in {(cell.stage, cell.task, cell.complexity, cell.backbone): cell for cell in study.all_cells}.values():
        _every_number_has_a_value(study, cell)
    for cell in study.all_cells:
        if cell.stage == "pretrain":
            _enough_is_generated(study, cell)
        if cell.stage in ("pretrain", "finetune", "distill"):
            _batches_divide(study, cell)
            _precision_fits_the_device(study, cell)
        if cell.stage == "distill":
            _teachers_fit(study, cell)
        if cell.stage == "linear_probe":
            _has_validation(study, cell)


def _paths_differ(cells: Iterable[Cell]) -> None:
    """Every cell has its own folder, with a name that file systems allow."""
    counts = Counter(cell.path.lower() for cell in set(cells))
    for path, count in counts.items():
        if count > 1:
            raise UserError(
                f"{count} different cells of the study would have the folder {path}: the names that it consists of"
                " are ambiguous when joined, or differ only in case. Rename one of the datasets, subsets or variants."
            )
        if long := [part for part in path.split("/") if len(part.encode()) > LONGEST_PART]:
            raise UserError(
                f"a cell's folder would be called {long[0]}, which has more than {LONGEST_PART} characters: choose"
                " shorter names of datasets, subsets or variants, or name fewer axes in `teachers` or `against`."
            )


def _every_number_has_a_value(study: Study, cell: Cell) -> None:
    """Settings that may differ by backbone have a value for the cell's backbone. Otherwise raises UserError with the
    key."""
    if cell.stage == "pretrain":
        study.recipes[cell.task].optimizer.of(cell.backbone)
    if cell.stage in ("finetune", "distill"):
        study.config.finetune.optimizer.of(cell.backbone)
    if cell.stage in WORK:
        job_seconds(cell, study)


def _enough_is_generated(study: Study, cell: Cell) -> None:
    """A subset is not larger than the generated training split of its source."""
    size, generated = study.config.subsets[cell.subset], study.config.datasets[cell.source].generated
    if generated is None or size == "all":
        return
    videos = generated.classes * generated.videos["train"]
    if size > videos:
        raise UserError(
            f"the configuration's `subsets.{cell.subset}` is {size}, but `datasets.{cell.source}.generated` has only"
            f" {videos} training videos ({generated.classes} classes x {generated.videos['train']}): set it to 1 to"
            f" {videos}, or generate more."
        )


def _batches_divide(study: Study, cell: Cell) -> None:
    """A batch can be divided by the processes of its job, and by the parts over which gradients are accumulated."""
    config = study.config
    if cell.stage == "pretrain":
        recipe = study.recipes[cell.task]
        where = f"the recipe of {cell.task} (with recipe_overrides)"
        batch = recipe.videos_a_step(cell.complexity, cell.backbone)
        parts = by_backbone(recipe.accumulate, cell.backbone, "accumulate")
        videos = config.subsets[cell.subset]
    else:
        where = "the configuration's `finetune`"
        batch = by_backbone(config.finetune.batch_size, cell.backbone, "finetune.batch_size")
        parts = by_backbone(config.finetune.accumulate, cell.backbone, "finetune.accumulate")
        videos = "all"
    _, nodes, processes = devices(config, cell)
    if isinstance(videos, int) and videos < batch:
        where, batch = f"{where}, of which `subsets.{cell.subset}` has no more videos", videos
    if batch % (nodes * processes * parts):
        raise UserError(
            f"{where}: a batch of {batch} videos (for {cell.backbone}) cannot be shared evenly by {nodes * processes}"
            f" processes in {parts} parts each. Set batch_size to a multiple of {nodes * processes * parts}, or change"
            " `accumulate`, `compute.gpus`, `compute.nodes` or `compute.processes`."
        )


def _precision_fits_the_device(study: Study, cell: Cell) -> None:
    """Training in bfloat16 needs a GPU."""
    config = study.config
    own = study.recipes[cell.task].precision if cell.stage == "pretrain" else config.finetune.precision
    if own == "bf16" and config.compute.device == "cpu":
        where = f"the recipe of {cell.task}" if cell.stage == "pretrain" else "the configuration's `finetune`"
        raise UserError(
            f"{where}: precision is bf16, which needs a GPU, but `compute.device` is cpu. Set precision to fp32, or"
            " compute.device to cuda or auto."
        )


def _teachers_fit(study: Study, cell: Cell) -> None:
    """Teachers' weights can sum to one, and the student sees the same crops as teachers that were run before it."""
    distillation, augment = study.config.distillation, study.config.finetune.augment
    least = 1 / len(cell.partners)
    if distillation.weighting == "aekd" and distillation.most_weight < least:
        raise UserError(
            f"the configuration's `distillation.most_weight` is {distillation.most_weight}, but a student has"
            f" {len(cell.partners)} teachers: set it to {least:.4g} (their mean) to 1."
        )
    looked_before = any(teacher.stage == "class_logits" for teacher in cell.partners)
    if looked_before and (augment.crop != "center" or augment.flip or augment.rotation):
        raise UserError(
            "the configuration's `finetune.augment` changes the crops, but video-language teachers have seen"
            " the centre crops of the training clips: set crop: center, flip: 0 and rotation: 0."
        )


def _has_validation(study: Study, cell: Cell) -> None:
    """A linear probe selects its regularisation on validation videos."""
    dataset = study.config.datasets[cell.target]
    if dataset.validation == 0 and "val" not in SPLITS.get(dataset.reader, ("val",)):
        raise UserError(
            f"the configuration's `datasets.{cell.target}.validation` is 0, but linear probing selects its"
            " regularisation on validation videos, which this dataset does not have: set it above 0 and below 1."
        )
