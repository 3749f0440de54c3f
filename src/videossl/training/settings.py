"""Settings of a training: the optimiser, the schedule of the learning rate. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from videossl.common.errors import UserError
from videossl.common.explain import explain
from videossl.common.ranges import (
    Count,
    CountOrNone,
    InnerShare,
    NotNegative,
    Once,
    Positive,
    PositiveShare,
    Share,
    ShareBelowOne,
    numbers,
)
from videossl.common.strict import Strict

Counts = Count | Annotated[dict[str, Count], Field(min_length=1)]
"""A number, or a number per backbone with a `default`."""
CountsOrNone = CountOrNone | Annotated[dict[str, CountOrNone], Field(min_length=1)]
Positives = Positive | Annotated[dict[str, Positive], Field(min_length=1)]


class _OptimizerFields(Strict):
    name: Literal["sgd", "adamw"] = "sgd"
    momentum: ShareBelowOne = Field(0.9, description="sgd")
    nesterov: bool = Field(False, description="sgd: Nesterov's momentum")
    weight_decay: NotNegative = Field(0.0, description="weight decay; with adamw decoupled from the gradient")
    decayed: Literal["all", "matrices"] = Field(
        "all",
        description="parameters with weight decay; matrices: kernels and weights of layers, not biases, normalisation,"
        " tokens, embeddings and positions",
    )
    betas: numbers(ShareBelowOne, 2) = Field((0.9, 0.999), description="adamw")  # type: ignore[valid-type]
    grad_clip: Positive | None = Field(None, description="gradient clipping: largest norm of the gradient; null: none")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("`nesterov` needs a `momentum` above 0 and below 1")
        return self


class OptimizerSettings(_OptimizerFields):
    """The optimiser of one backbone."""

    lr: Positive = Field(description="learning rate: a number, or {default: …, backbone: …}")


class Optimizer(_OptimizerFields):
    """The optimiser. `lr`, or the whole block, may differ by backbone."""

    lr: Positives = Field(description="learning rate: a number, or {default: …, backbone: …}")
    by_backbone: dict[str, dict[str, Any]] = Field({}, description="by backbone: keys of this block to override")

    @model_validator(mode="after")
    def _every_backbone_is_valid(self) -> Self:
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

    def of(self, backbone: str) -> OptimizerSettings:
        """The optimiser settings of `backbone`."""
        values = self.model_dump(exclude={"by_backbone"}) | self.by_backbone.get(backbone, {})
        return OptimizerSettings.model_validate(values | {"lr": by_backbone(values["lr"], backbone, "optimizer.lr")})


class Schedule(Strict):
    """The learning rate over the whole training, after a warm-up."""

    name: Literal["cosine", "step", "constant"] = "cosine"
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


def by_backbone(value: Any, backbone: str, key: str) -> Any:
    """The value for `backbone` of a setting that may differ by backbone."""
    if not isinstance(value, dict):
        return value
    if backbone not in value and "default" not in value:
        raise UserError(f"{key} has no value for backbone '{backbone}' and no `default`: {value}")
    return value.get(backbone, value.get("default"))
