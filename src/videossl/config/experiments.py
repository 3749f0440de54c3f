"""The form of `config/experiments.yaml`: WHAT is run, one entry a table or figure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from videossl.config.base import Strict


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Strings = Annotated[list[str], BeforeValidator(_as_list)]
Numbers = Annotated[list[PositiveInt], BeforeValidator(_as_list)]
NOISES = ("gaussian", "shot", "impulse", "speckle")
MEAN = "mean"
"""The name of the mean over all kinds of noise."""
Kinds = Annotated[list[Literal[(*NOISES, MEAN)]], BeforeValidator(_as_list)]
Severities = Annotated[list[Annotated[int, Field(ge=0, le=5)]], BeforeValidator(_as_list)]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], BeforeValidator(_as_list)]
Axis = Literal[
    "task",
    "complexity",
    "backbone",
    "source",
    "subset",
    "epochs",
    "target",
    "protocol",
    "seed",
    "teachers",
    "against",
    "noise",
    "severity",
    "metric",
]
Axes = Annotated[list[Axis], BeforeValidator(_as_list)]


PRETRAINING = ("task", "source", "subset", "epochs")
NEEDS = {
    "finetune": (*PRETRAINING, "target"),
    "linear_probe": (*PRETRAINING, "target"),
    "retrieval": (*PRETRAINING, "target"),
    "robustness": (*PRETRAINING, "target", "noise", "severity"),
    "distill": (*PRETRAINING, "target", "teachers"),
    "cka": (*PRETRAINING, "target"),
    "pretext": PRETRAINING,
    "network": (),
}
"""The axes that a protocol's grid must give beside the backbone; it may give no others of these."""
Protocol = Literal["finetune", "linear_probe", "retrieval", "robustness", "distill", "cka", "pretext", "network"]
Change = dict[Literal["task", "complexity", "backbone", "source", "subset", "epochs"], str | int]


class Grid(Strict):
    """A product of axes; one value or a list of values each."""

    protocol: Protocol = Field(
        "finetune",
        description="finetune: accuracy on the target; linear_probe: the same with a frozen backbone; retrieval: of"
        " test videos among training videos by pretrained features; robustness: finetuned networks on noisy test"
        " videos; distill: finetuning with teachers; cka: similarity of the layers of two finetuned networks; pretext:"
        " the pretext task's own metrics on held-out videos; network: size and cost of the backbone",
    )
    task: Strings = Field([], description="pretext tasks; all: every task that has a recipe; scratch: none")
    complexity: Strings = Field([""], description="variants of the task; empty: the recipe's default")
    backbone: Strings
    source: Strings = Field([], description="dataset of the pretraining")
    subset: Strings = []
    epochs: Numbers = Field([], description="milestones of the pretraining")
    target: Strings = Field([], description="dataset of the evaluation")
    teachers: list[Change] = Field(
        [], description="distill: each a finetuned network that differs from the student in these axes"
    )
    against: Change = Field({}, description="cka: the other network differs in these axes; empty: the network itself")
    noise: Kinds = Field([], description="robustness: kinds of noise; mean: over all of them")
    severity: Severities = Field([], description="robustness: 1 to 5; 0: the mean over all")
    seed: Seeds = [0]

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Grid:
        needed = NEEDS[self.protocol]
        for axis in (*PRETRAINING, "target", "teachers", "noise", "severity"):
            if (axis in needed) != bool(getattr(self, axis)):
                verb = "needs" if axis in needed else "has no"
                raise ValueError(f"a grid of protocol '{self.protocol}' {verb} `{axis}`")
        if self.against and self.protocol != "cka":
            raise ValueError(f"a grid of protocol '{self.protocol}' has no `against`")
        return self


class Experiment(Strict):
    """One table or figure: the cells it needs and how they are laid out."""

    kind: Literal["table", "figure"]
    title: str
    caption: str = Field("", description="what it shows and how to read it")
    grid: list[Grid] | Grid | None = Field(None, description="a grid or several, whose cells are joined")
    cells_of: str | None = Field(None, description="use the cells of this other entry")
    baseline: bool = Field(True, description="add the same network without pretraining")
    metric: Strings = Field([], description="metrics of every cell; empty: those that its protocol is about")
    chance: bool = Field(False, description="table: print the level of chance beside each number")
    rows: Axes = Field([], description="table: axes down the side")
    columns: Axes = Field([], description="table: axes across the top")
    average: bool = Field(False, description="table: add the mean over the tasks, one more value of the axis `task`")
    quoted: bool = Field(False, description="table: add the rows that the paper quotes from the tasks' own papers")
    plot: Literal["lines"] = Field("lines", description="figure: kind of plot")
    x: Axis | None = Field(None, description="figure: the axis along x")
    series: Axis | None = Field(None, description="figure: the axis that makes the lines")
    panels: Axis | None = Field(None, description="figure: the axis that makes the panels; left out: one panel")
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
