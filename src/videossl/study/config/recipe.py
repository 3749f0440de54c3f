"""Model of a pretext task's recipe: HOW it is trained, `config/recipes/<task>.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from videossl.common.errors import UserError, unknown_name
from videossl.common.names import Name, SameInAnyCase
from videossl.common.ranges import (
    Count,
    Few,
    NotNegative,
    Once,
    Place,
    Text,
    Version,
)
from videossl.common.strict import Strict, merge
from videossl.data.settings import Augment, ClipShape
from videossl.study.config.reading import read_yaml
from videossl.training.settings import Counts, Optimizer, Positives, Schedule, by_backbone

Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Marker = Literal["o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h", "d", "H", "8"]


class Cost(Strict):
    """Work per video, from which time limits are estimated. Does not affect results."""

    forward_passes: Positives = Field(
        3.0,
        description="forward passes of the backbone per clip in a training step; a backward pass counts as two; may"
        " differ by backbone",
    )
    times: Few | str = Field(
        1, description="clips per video that pass the backbone: a number, or the name of an option"
    )
    extra_gflops: NotNegative | Annotated[dict[str, NotNegative], Field(min_length=1)] = Field(
        0.0,
        description="GFLOPs besides the backbone's, at full width and for a clip of 16x112x112; may differ by backbone",
    )
    loaded: Few | str = Field(1, description="clips loaded per video: a number, or the name of an option")


class Recipe(Strict):
    """All settings of one pretext task except data and backbone."""

    task: Name = Field(description="name of the pretext task, equal to the name of the file")
    title: str = Field("", description="name in print; default: the task")
    place: Place | None = Field(
        None, description="in tables and legends tasks stand by this number; default: after those that have one"
    )
    colour: Colour | None = Field(
        None, description='in figures, such as "#E69F00"; default: one that no other task has'
    )
    marker: Marker | None = Field(None, description="in figures, one of matplotlib's; default likewise")
    recipe_version: Version = Field(1, description="increase it when a change in code should retrain")
    metrics: Annotated[list[Text], Once] = Field(
        min_length=1, description="metric of the task itself on held-out videos"
    )
    category: Literal["spatial", "temporal", "spatio-temporal"] = Field(
        description="what the task transforms: space, time or both"
    )
    objective: Literal["contrastive", "non-contrastive"] = Field(description="group of the task in tables")
    complexity: Annotated[dict[Name, dict[str, Any]], SameInAnyCase] = Field(
        {}, description="complexity variants: for each, options that override `options`"
    )
    complexity_batch_size: dict[str, Count] = Field(
        {}, description="batch sizes of complexity variants that differ from `batch_size`"
    )
    default_complexity: str = Field("", description="complexity variant to use if an experiment names none")
    options: dict[str, Any] = Field({}, description="options of the task; see the list of options below")
    source_options: dict[str, dict[str, Any]] = Field(
        {}, description="by source dataset: options that override `options`"
    )
    clip: ClipShape = ClipShape()
    augment: Augment
    optimizer: Optimizer
    batch_size: Counts = Field(
        description="global batch size: videos per step, over all processes; may differ by backbone"
    )
    accumulation_steps: Counts = Field(
        1,
        description="gradient accumulation: number of parts of a batch, to save memory. Batch normalisation and"
        " in-batch negatives"
        " use one part, so this affects results. May differ by backbone",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16: convolutions and matrix products in bfloat16 during training (GPU only)"
    )
    reference_batch_size: Count | None = Field(
        None,
        description="batch size that `lr` refers to; the rate is scaled linearly to `batch_size`. null: not scaled",
    )
    schedule: Schedule = Schedule()
    cost: Cost = Cost()

    @model_validator(mode="after")
    def _default_is_a_variant(self) -> Recipe:
        if self.default_complexity not in (self.complexity or {"": {}}):
            raise ValueError(f"default_complexity '{self.default_complexity}' is not in {list(self.complexity)}")
        return self

    @model_validator(mode="after")
    def _batch_sizes_are_of_variants(self) -> Recipe:
        if unknown := set(self.complexity_batch_size) - set(self.complexity):
            raise ValueError(f"complexity_batch_size names {sorted(unknown)}, not in {list(self.complexity)}")
        return self

    def task_options(self, complexity: str, source: str = "") -> dict[str, Any]:
        """`options`, overridden by those of the source dataset and of the complexity variant."""
        if complexity and complexity not in self.complexity:
            raise unknown_name("complexity", complexity, self.complexity, f"the recipe of {self.task}")
        return self.options | self.source_options.get(source, {}) | self.complexity.get(complexity, {})

    def videos_a_step(self, complexity: str, backbone: str) -> int:
        """The global batch size of a cell."""
        own = self.complexity_batch_size.get(complexity)
        return own or by_backbone(self.batch_size, backbone, "batch_size")


def _check_effect(recipe: Recipe, override: dict[str, Any]) -> None:
    """Raise UserError for an override of an option that the complexity variant overrides again."""
    variant = recipe.complexity.get(recipe.default_complexity, {})
    for key in override.get("options") or {}:
        if key in variant and recipe.options[key] != variant[key]:
            place = f"recipe_overrides.{recipe.task}"
            raise UserError(
                f"{place}.options.{key} has no effect, as the recipe's complexity '{recipe.default_complexity}' sets "
                f"{key} to {variant[key]!r}. Set {place}.complexity.{recipe.default_complexity}.{key}, or "
                f"{place}.default_complexity to one of {', '.join(recipe.complexity)}."
            )


def task_names(recipes_dir: str | Path) -> list[str]:
    """The pretext tasks: all with a recipe file."""
    return sorted(path.stem for path in Path(recipes_dir).glob("*.yaml"))


def load_recipe(recipes_dir: str | Path, task: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """The recipe of `task` with the scale's `overrides` (of `all` tasks, then of this one) on top."""
    names = task_names(recipes_dir)
    if task not in names:
        raise unknown_name("pretext task", task, names, str(recipes_dir))
    path = Path(recipes_dir) / f"{task}.yaml"
    values = read_yaml(path)
    for key in ("all", task):
        values = merge(values, (overrides or {}).get(key) or {})
    recipe = Recipe.parse(values, f"{path} (with recipe_overrides)")
    _check_effect(recipe, (overrides or {}).get(task) or {})
    if recipe.task != task:
        raise UserError(f"{path}: `task` is '{recipe.task}' but the file is named {path.name}")
    return recipe
