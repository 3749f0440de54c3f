"""Stages of video-language models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.evaluation.specs import FrameCut
from videossl.stages import registry
from videossl.stages.base import WEIGHTS, S, Stage
from videossl.stages.cells import VIDEO_LANGUAGE, Cell
from videossl.stages.parts.files import manifest, run_folder
from videossl.stages.parts.networks import short_count

if TYPE_CHECKING:
    from videossl.study.config import Grid
    from videossl.study.config.videolanguage import ModelRecipe
    from videossl.study.study import Study

MODEL_FOLDER = "{source}/{subset}/{backbone}/seed{seed}"


class ModelStage(Stage[S]):
    """A stage whose cells are video-language models."""

    kind_of_time = "video-language models"

    @property
    def of_models(self) -> bool:
        return True

    def cells(self, study: Study, grid: Grid) -> Iterator[Cell]:
        targets = grid.target if "target" in (self.axes or ()) else [""]
        for model, target, seed in itertools.product(grid.model, targets, grid.seed):
            yield model_cell(study, self.name, model, target, seed)


class ModelTest(ModelStage[S]):
    """A stage that runs a video-language model on the videos of a target."""

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        return [cell.of_stage("vifm")]

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        (model,) = self.dependencies(study, cell)
        return {"manifest": [manifest(study, cell.target)], "weights": [run_folder(study, model) / WEIGHTS]}

    def videos_read(self, study: Study, cell: Cell) -> int:
        return study.videos(cell.target).all


def model_cell(study: Study, stage: str, model: str, target: str, seed: int) -> Cell:
    """A cell of a video-language model. Its source and subset name the training data of the published model."""
    data = study.models[model].data
    protocol = stage if target and registry.stage(stage).is_protocol else ""
    return Cell(stage, VIDEO_LANGUAGE, "", model, data.name, short_count(data.videos), 0, target, protocol, seed)


def view_values(study: Study, cell: Cell) -> dict[str, Any]:
    """Specification fields that define how a video-language model sees a video and is prompted for classes."""
    recipe: ModelRecipe = study.models[cell.backbone]
    return {
        "recipe_version": recipe.recipe_version,
        "clip": recipe.clip,
        "sampling": recipe.sampling,
        "augment": FrameCut(crop=recipe.crop, resize_short=recipe.resize_short, mean=recipe.mean, std=recipe.std),
        "prompts": recipe.prompts,
        "batch_size": study.config.vifm.batch_size,
        "seed": cell.seed,
    }
