"""The form of `config/experiments.yaml`: WHAT is run, one entry a table or figure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from videossl.config.base import Strict


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Strings = Annotated[list[str], BeforeValidator(_as_list)]
Numbers = Annotated[list[PositiveInt], BeforeValidator(_as_list)]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], BeforeValidator(_as_list)]
Axis = Literal["task", "complexity", "backbone", "source", "subset", "epochs", "target", "protocol", "seed"]
Axes = Annotated[list[Axis], BeforeValidator(_as_list)]


class Grid(Strict):
    """A product of axes; one value or a list of values each."""

    task: Strings
    complexity: Strings = Field([""], description="variants of the task; empty: the recipe's default")
    backbone: Strings
    source: Strings = Field(description="dataset of the pretraining")
    subset: Strings
    epochs: Numbers = Field(description="milestones of the pretraining")
    target: Strings = Field(description="dataset of the evaluation")
    protocol: Annotated[list[Literal["finetune"]], BeforeValidator(_as_list)] = ["finetune"]
    seed: Seeds = [0]


class Experiment(Strict):
    """One table or figure: the cells it needs and how they are laid out."""

    kind: Literal["table", "figure"]
    title: str
    caption: str = Field("", description="what it shows and how to read it")
    grid: list[Grid] | Grid | None = Field(None, description="a grid or several, whose cells are joined")
    cells_of: str | None = Field(None, description="use the cells of this other entry")
    baseline: bool = Field(True, description="add the same network without pretraining")
    metric: str = "top1"
    rows: Axes = Field([], description="table: axes down the side")
    columns: Axes = Field([], description="table: axes across the top")
    plot: Literal["lines"] = Field("lines", description="figure: kind of plot")
    x: Axis | None = Field(None, description="figure: the axis along x")
    series: Axis | None = Field(None, description="figure: the axis that makes the lines")
    paper_table: str | None = Field(None, description="the `table` of config/paper_values.csv to compare with")

    @model_validator(mode="after")
    def _complete(self) -> Experiment:
        if (self.grid is None) == (self.cells_of is None):
            raise ValueError("give either `grid` or `cells_of`")
        needed = {"table": ("rows", "columns"), "figure": ("x", "series")}[self.kind]
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            raise ValueError(f"a {self.kind} needs {' and '.join(f'`{key}`' for key in missing)}")
        return self

    @property
    def grids(self) -> list[Grid]:
        """The grids as a list; empty when the cells are another entry's."""
        return self.grid if isinstance(self.grid, list) else [self.grid] if self.grid else []
