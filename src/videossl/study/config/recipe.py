"""Model of a pretext task's recipe: HOW it is trained, `config/recipes/<task>.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from videossl.common.errors import UserError, unknown_name
from videossl.common.explain import explain
from videossl.common.names import Name, SameInAnyCase
from videossl.common.ranges import (
    Count,
    Few,
    Frames,
    InnerShare,
    NotNegative,
    Number,
    Once,
    Positive,
    PositiveShare,
    Range,
    Share,
    ShareBelowOne,
    Shares,
    Side,
    Text,
    Version,
    numbers,
)
from videossl.common.strict import Strict, merge
from videossl.study.config.reading import read_yaml

Counts = Count | Annotated[dict[str, Count], Field(min_length=1)]
"""A number, or a number per backbone with a `default`."""
Positives = Positive | Annotated[dict[str, Positive], Field(min_length=1)]
Colours = numbers(Number, 3)
ColourDivisors = numbers(Positive, 3)
Jitter = Annotated[NotNegative, Field(le=1000)]
UNRESIZED = ("random_resized", "whole")
"""Crops whose size is determined by the cropped part of the frame."""
LARGEST_HUE = 0.5
"""As fraction of the colour circle: half a turn in either direction covers it."""


class ClipShape(Strict):
    """Shape of the network's input: `frames` x `size` x `size` pixels."""

    frames: Frames = Field(16, description="number of frames of a clip")
    size: Side = Field(112, description="side of the square crop in pixels")


class Optimizer(Strict):
    """The optimiser. `lr`, or the whole block, may differ by backbone."""

    name: Literal["sgd", "adamw"] = Field("sgd", description="the optimiser")
    lr: Positives = Field(description="learning rate: a number, or {default: …, backbone: …}")
    momentum: ShareBelowOne = Field(0.9, description="sgd: momentum")
    nesterov: bool = Field(False, description="sgd: use Nesterov momentum")
    weight_decay: NotNegative = Field(0.0, description="weight decay; with adamw decoupled from the gradient")
    decayed: Literal["all", "matrices"] = Field(
        "all", description="parameters with weight decay; matrices: not biases, normalisation and single tokens"
    )
    betas: numbers(ShareBelowOne, 2) = Field((0.9, 0.999), description="adamw: decay rates of the moment estimates")
    grad_clip: Positive | None = Field(None, description="gradient clipping: largest norm of the gradient; null: none")
    by_backbone: dict[str, dict[str, Any]] = Field({}, description="by backbone: keys of this block to override")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Optimizer:
        if self.nesterov and self.momentum == 0:
            raise ValueError("`nesterov` needs a `momentum` above 0 and below 1")
        return self

    @model_validator(mode="after")
    def _every_backbone_is_valid(self) -> Optimizer:
        for backbone, keys in self.by_backbone.items():
            if unknown := set(keys) - set(Optimizer.model_fields) | {"by_backbone"} & set(keys):
                raise ValueError(f"by_backbone.{backbone}: unknown keys {sorted(unknown)}")
            try:
                Optimizer.model_validate(self.model_dump() | {"by_backbone": {}} | keys)
            except ValidationError as error:
                told = explain(error, Optimizer, keys, f"by_backbone.{backbone}")
                problems = "; ".join(line.strip() for line in told.splitlines()[1:])
                raise ValueError(f"by_backbone.{backbone}: {problems}") from None
        return self

    def of(self, backbone: str) -> Optimizer:
        """The optimiser settings of `backbone`."""
        values = self.model_dump() | {"by_backbone": {}} | self.by_backbone.get(backbone, {})
        return Optimizer.model_validate(values | {"lr": by_backbone(values["lr"], backbone, "optimizer.lr")})


class Schedule(Strict):
    """The learning rate over the whole training, after a warm-up."""

    name: Literal["cosine", "step", "constant"] = Field(
        "cosine", description="shape of the learning rate after warm-up"
    )
    warmup_epochs: NotNegative = Field(0, description="epochs of linear warm-up")
    final_lr_factor: Share = Field(0.0, description="cosine: final learning rate as a fraction of the base rate")
    milestones: Annotated[list[InnerShare], Once] = Field(
        [], description="step: when the rate drops, as rising fractions of the whole training"
    )
    gamma: PositiveShare = Field(0.1, description="step: factor on the rate at each milestone")

    @model_validator(mode="after")
    def _milestones_rise(self) -> Schedule:
        if self.milestones != sorted(self.milestones):
            raise ValueError(f"`milestones` should rise, such as {sorted(self.milestones)}, not {self.milestones}")
        return self


class Augment(Strict):
    """Augmentation of a clip, drawn once for all its frames. Names as in :mod:`videossl.data.augment`."""

    crop: Literal["random", "center", "random_resized", "whole"] = Field(
        "random",
        description="random, center: a square of `clip.size` pixels; random_resized: a part of the frame given by"
        " `scale` and"
        " `ratio`, resized to that square; whole: the whole frame, squeezed to that square",
    )
    resize_short: Side | None = Field(
        None, description="first resize frames to this short side in pixels; null: do not resize"
    )
    scale: Shares = Field(
        (0.08, 1.0), description="random_resized: smallest and largest area of the crop as a fraction of the frame"
    )
    ratio: Range = Field((3 / 4, 4 / 3), description="random_resized: smallest and largest aspect ratio of the crop")
    rotation: Annotated[NotNegative, Field(le=180)] = Field(
        0.0, description="largest angle of a random rotation, in degrees"
    )
    flip: Share = Field(0.0, description="probability of a horizontal flip")
    jitter: numbers(Jitter, 4) = Field(
        (0, 0, 0, 0), description="strengths of colour jitter: brightness, contrast, saturation, hue (at most 0.5)"
    )
    jitter_p: Share = Field(1.0, description="probability of colour jitter")
    gray_p: Share = Field(0.0, description="probability of converting a clip to grey")
    gamma: Range | None = Field(
        None, description="lowest and highest exponent of a random gamma correction; null: none"
    )
    blur_p: Share = Field(0.0, description="probability of Gaussian blur")
    blur_sigma: Range = Field((0.1, 2.0), description="smallest and largest standard deviation of the blur in pixels")
    mean: Colours = Field((0.485, 0.456, 0.406), description="normalisation: subtracted from RGB values in 0 to 1")
    std: ColourDivisors = Field(
        (0.229, 0.224, 0.225), description="normalisation: RGB values are then divided by these"
    )

    @model_validator(mode="after")
    def _fits_the_crop(self) -> Augment:
        if self.resize_short is not None and self.crop in UNRESIZED:
            raise ValueError(
                f"`resize_short` has no meaning for crop {self.crop}: leave it out, or set crop to random or center"
            )
        if self.jitter[3] > LARGEST_HUE:
            raise ValueError(f"`jitter` of hue, the fourth number, should be 0 to {LARGEST_HUE}, not {self.jitter[3]}")
        return self


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
        0.0, description="GFLOPs besides the backbone's for a clip of 16x112x112; may differ by backbone"
    )
    loaded: Few | str = Field(1, description="clips loaded per video: a number, or the name of an option")


class Recipe(Strict):
    """All settings of one pretext task except data and backbone."""

    task: Name = Field(description="name of the pretext task, equal to the name of the file")
    title: str = Field("", description="name in print; default: the task")
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
    accumulate: Counts = Field(
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


def by_backbone(value: Any, backbone: str, key: str) -> Any:
    """The value for `backbone` of a setting that may differ by backbone."""
    if not isinstance(value, dict):
        return value
    if backbone not in value and "default" not in value:
        raise UserError(f"{key} has no value for backbone '{backbone}' and no `default`: {value}")
    return value.get(backbone, value.get("default"))


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
