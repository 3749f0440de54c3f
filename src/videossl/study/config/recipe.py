"""The recipe of a pretext task: HOW it is trained, `config/recipes/<task>.yaml`."""

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
    Place,
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
"""A number, or numbers by backbone with a `default`."""
Positives = Positive | Annotated[dict[str, Positive], Field(min_length=1)]
Colours = numbers(Number, 3)
ColourDivisors = numbers(Positive, 3)
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Marker = Literal["o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h", "d", "H", "8"]
Jitter = Annotated[NotNegative, Field(le=1000)]
UNRESIZED = ("random_resized", "whole")
"""Crops whose part of the frame decides the size."""
LARGEST_HUE = 0.5
"""Of the circle of colours: half a turn either way is all of it."""


class ClipShape(Strict):
    """What the network sees: `frames` x `size` x `size` pixels."""

    frames: Frames = Field(16, description="frames of a clip")
    size: Side = Field(112, description="side of the square crop, pixels")


class Optimizer(Strict):
    """The optimiser; `lr` may differ by backbone, and so may all of it."""

    name: Literal["sgd", "adamw"] = "sgd"
    lr: Positives = Field(description="a number, or {default: …, backbone: …}")
    momentum: ShareBelowOne = Field(0.9, description="sgd")
    nesterov: bool = Field(False, description="sgd: Nesterov's momentum")
    weight_decay: NotNegative = Field(0.0, description="adamw: decoupled from the gradient")
    decayed: Literal["all", "matrices"] = Field(
        "all", description="matrices: no weight decay for biases, normalisation and single tokens"
    )
    betas: numbers(ShareBelowOne, 2) = Field((0.9, 0.999), description="adamw")
    grad_clip: Positive | None = Field(None, description="largest norm of the gradient")
    by_backbone: dict[str, dict[str, Any]] = Field({}, description="keys of this block to replace, by backbone")

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
        """The optimiser of `backbone`."""
        values = self.model_dump() | {"by_backbone": {}} | self.by_backbone.get(backbone, {})
        return Optimizer.model_validate(values | {"lr": by_backbone(values["lr"], backbone, "optimizer.lr")})


class Schedule(Strict):
    """The learning rate over the whole training, warm-up first."""

    name: Literal["cosine", "step", "constant"] = "cosine"
    warmup_epochs: NotNegative = Field(0, description="epochs of linear warm-up")
    final_lr_factor: Share = Field(0.0, description="cosine: ends at this times the base rate")
    milestones: Annotated[list[InnerShare], Once] = Field(
        [], description="step: where, as rising shares of the whole training"
    )
    gamma: PositiveShare = Field(0.1, description="step: factor at each milestone")

    @model_validator(mode="after")
    def _milestones_rise(self) -> Schedule:
        if self.milestones != sorted(self.milestones):
            raise ValueError(f"`milestones` should rise, such as {sorted(self.milestones)}, not {self.milestones}")
        return self


class Augment(Strict):
    """Augmentation of a clip, drawn once for all its frames. Names as in :mod:`videossl.data.augment`."""

    crop: Literal["random", "center", "random_resized", "whole"] = Field(
        "random",
        description="random, center: a square of `clip.size`; random_resized: a part of the frame by `scale` and"
        " `ratio`, resized to it; whole: the frame, squeezed to it",
    )
    resize_short: Side | None = Field(None, description="resize the short side first, pixels")
    scale: Shares = Field((0.08, 1.0), description="random_resized: area of the crop, share of the frame")
    ratio: Range = Field((3 / 4, 4 / 3), description="random_resized: aspect ratio of the crop")
    rotation: Annotated[NotNegative, Field(le=180)] = Field(0.0, description="degrees either way")
    flip: Share = Field(0.0, description="probability of a horizontal flip")
    jitter: numbers(Jitter, 4) = Field((0, 0, 0, 0), description="brightness, contrast, saturation, hue (0.5 at most)")
    jitter_p: Share = Field(1.0, description="probability of the jitter")
    gray_p: Share = Field(0.0, description="probability of grey pictures")
    gamma: Range | None = Field(None, description="lowest and highest exponent of a gamma correction; null: none")
    blur_p: Share = Field(0.0, description="probability of Gaussian blur")
    blur_sigma: Range = Field((0.1, 2.0), description="its standard deviation, pixels")
    mean: Colours = Field((0.485, 0.456, 0.406), description="subtracted from RGB in 0 to 1")
    std: ColourDivisors = Field((0.229, 0.224, 0.225), description="by which RGB is then divided")

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
    """Work for one video, from which time limits are estimated; decides no result."""

    forward_passes: Positives = Field(
        3.0, description="of the backbone with one clip; a backward pass counts two; may differ by backbone"
    )
    times: Few | str = Field(1, description="as many times; a number, or the name of an option")
    extra_gflops: NotNegative | Annotated[dict[str, NotNegative], Field(min_length=1)] = Field(
        0.0, description="10^9 operations beside the backbone's with a clip of 16x112x112; may differ by backbone"
    )
    loaded: Few | str = Field(1, description="clips that are loaded; a number, or the name of an option")


class Recipe(Strict):
    """All that one pretext task needs besides data and backbone."""

    task: Name = Field(description="the pretext task; the file has the same name")
    title: str = Field("", description="name as printed; default: the task")
    place: Place | None = Field(
        None, description="in tables and legends tasks stand by this number; default: after those that have one"
    )
    colour: Colour | None = Field(
        None, description='in figures, such as "#E69F00"; default: one that no other task has'
    )
    marker: Marker | None = Field(None, description="in figures, one of matplotlib's; default likewise")
    recipe_version: Version = Field(1, description="raise it when a change in code should retrain")
    metrics: Annotated[list[Text], Once] = Field(
        min_length=1, description="how the task itself is measured on held-out videos"
    )
    category: Literal["spatial", "temporal", "spatio-temporal"] = Field(description="what is transformed")
    objective: Literal["contrastive", "non-contrastive"] = Field(description="groups the tasks in tables")
    complexity: Annotated[dict[Name, dict[str, Any]], SameInAnyCase] = Field(
        {}, description="variants: values that replace `options`"
    )
    complexity_batch_size: dict[str, Count] = Field({}, description="variants with a `batch_size` of their own")
    default_complexity: str = Field("", description="the variant meant when none is asked for")
    options: dict[str, Any] = Field({}, description="options of the task itself")
    source_options: dict[str, dict[str, Any]] = Field(
        {}, description="values that replace `options`, by source dataset"
    )
    clip: ClipShape = ClipShape()
    augment: Augment
    optimizer: Optimizer
    batch_size: Counts = Field(description="videos a step; may differ by backbone")
    accumulate: Counts = Field(
        1,
        description="parts that a batch is trained in, for memory; batch normalisation and the negatives of one batch"
        " are those of a part, so it is part of the recipe. May differ by backbone",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16: training computes convolutions and matrix products in bfloat16"
    )
    reference_batch_size: Count | None = Field(None, description="learning rate is for this batch size")
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
        """`options` with those of the source dataset and of the complexity variant on top."""
        if complexity and complexity not in self.complexity:
            raise unknown_name("complexity", complexity, self.complexity, f"the recipe of {self.task}")
        return self.options | self.source_options.get(source, {}) | self.complexity.get(complexity, {})

    def videos_a_step(self, complexity: str, backbone: str) -> int:
        """The batch size of a cell."""
        own = self.complexity_batch_size.get(complexity)
        return own or by_backbone(self.batch_size, backbone, "batch_size")


def by_backbone(value: Any, backbone: str, key: str) -> Any:
    """The value for `backbone` of a number that may differ by backbone."""
    if not isinstance(value, dict):
        return value
    if backbone not in value and "default" not in value:
        raise UserError(f"{key} has no value for backbone '{backbone}' and no `default`: {value}")
    return value.get(backbone, value.get("default"))


def _check_effect(recipe: Recipe, override: dict[str, Any]) -> None:
    """UserError for an override of an option that the complexity would replace again."""
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
    """The pretext tasks: those with a recipe file."""
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
