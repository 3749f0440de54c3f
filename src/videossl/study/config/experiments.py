"""The form of `config/experiments.yaml`: WHAT is run, one entry a table or figure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from videossl.common.names import WorkflowPath
from videossl.common.ranges import Count, Once, Seed, Text
from videossl.common.strict import Strict


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Strings = Annotated[list[str], BeforeValidator(_as_list), Once]
Numbers = Annotated[list[Count], BeforeValidator(_as_list), Once]
NOISES = ("gaussian", "shot", "impulse", "speckle")
SEVERITIES = (1, 2, 3, 4, 5)
NOISELESS = "none"
"""In the place of a noise, with severity 0: test videos stored as the noisy ones are, which are compared with them."""
MEAN = "mean"
"""The name of the mean over all kinds of noise."""
Kinds = Annotated[list[Literal[(*NOISES, MEAN)]], BeforeValidator(_as_list), Once]
Severities = Annotated[list[Annotated[int, Field(ge=0, le=5)]], BeforeValidator(_as_list), Once]
Seeds = Annotated[list[Seed], BeforeValidator(_as_list), Once, Field(min_length=1)]
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
Axes = Annotated[list[Axis], BeforeValidator(_as_list), Once]


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
    "vifm": ("model",),
    "zero_shot": ("model", "target"),
}
"""The axes that a protocol's grid must give; it may give no others of these. All but those of video-language models
also need the backbone."""
WITHOUT_BACKBONE = ("vifm", "zero_shot")
MODEL = "model"
"""In a teacher: a video-language model instead of a finetuned network."""
Protocol = Literal[(*NEEDS,)]
Change = dict[Literal["task", "complexity", "backbone", "source", "subset", "epochs", "model"], str | int]


class Grid(Strict):
    """A product of axes; one value or a list of values each."""

    protocol: Protocol = Field(
        "finetune",
        description="finetune: accuracy on the target; linear_probe: the same with a frozen backbone; retrieval: of"
        " test videos among training videos by pretrained features; robustness: finetuned networks on noisy test"
        " videos; distill: finetuning with teachers; cka: similarity of the layers of two finetuned networks; pretext:"
        " the pretext task's own metrics on held-out videos; network: size and cost of the backbone; vifm: frames and"
        " training data of video-language models; zero_shot: their accuracy on a target without training on it",
    )
    task: Strings = Field([], description="pretext tasks; all: every task that has a recipe; scratch: none")
    complexity: Strings = Field([""], min_length=1, description="variants of the task; empty: the recipe's default")
    backbone: Strings = Field([], description="files of src/videossl/backbones")
    model: Strings = Field([], description="vifm, zero_shot: video-language models")
    source: Strings = Field([], description="dataset of the pretraining")
    subset: Strings = Field([], description="names under `subsets`: the training videos of the pretraining")
    epochs: Numbers = Field([], description="milestones of the pretraining")
    target: Strings = Field([], description="dataset of the evaluation")
    teachers: list[Change] = Field(
        [],
        description="distill: each a finetuned network that differs from the student in these axes, or a `model`",
    )
    pairs: Strings = Field([], description="distill: instead of `teachers`: any two of these models together")
    against: Change = Field({}, description="cka: the other network differs in these axes; empty: the network itself")
    noise: Kinds = Field([], description="robustness: kinds of noise; mean: over all of them")
    severity: Severities = Field([], description="robustness: 1 to 5; 0: the mean over all")
    seed: Seeds = Field([0], description="several: each trains all networks of the grid anew; tables show the mean")

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Grid:
        needed = (*NEEDS[self.protocol], *(() if self.protocol in WITHOUT_BACKBONE else ("backbone",)))
        given = {axis for axis in type(self).model_fields if getattr(self, axis)}
        if "pairs" in given and self.protocol == "distill":
            if "teachers" in given or len(self.pairs) < 2:
                raise ValueError("`pairs` are two models at least, and take the place of `teachers`")
            given.add("teachers")
        for axis in (*PRETRAINING, "backbone", "model", "target", "teachers", "noise", "severity"):
            if (axis in needed) != (axis in given):
                verb = "needs" if axis in needed else "has no"
                raise ValueError(f"a grid of protocol '{self.protocol}' {verb} `{axis}`")
        for axis, protocol in (("against", "cka"), ("pairs", "distill")):
            if axis in given and self.protocol != protocol:
                raise ValueError(f"a grid of protocol '{self.protocol}' has no `{axis}`")
        if (
            any(MODEL in change and len(change) > 1 for change in [*self.teachers, self.against])
            or MODEL in self.against
        ):
            raise ValueError("`model` is a teacher by itself: it stands beside no other axis")
        return self

    @property
    def all_teachers(self) -> list[list[Change]]:
        """The teachers of each student of a distillation."""
        pairs = itertools.combinations(self.pairs, 2)
        return [[{MODEL: first}, {MODEL: second}] for first, second in pairs] if self.pairs else [self.teachers]

    @property
    def models(self) -> list[str]:
        """The video-language models that the grid names."""
        return [*self.model, *self.pairs, *(change[MODEL] for change in self.teachers if MODEL in change)]


@dataclass(frozen=True)
class Layout:
    """The keys of an entry that a kind of table or figure is laid out by; it may give no other of these."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    max_panels: int = 1
    """Axes that `panels` may name."""

    @property
    def from_cells(self) -> bool:
        """Whether the entry says itself which cells it is of, by `grid` or `cells_of`."""
        return not {"parts", "datasets"} & set(self.needs)


TABLE = Layout(("rows", "columns"), may=("average", "quoted", "chance"))
PUBLISHED = Layout(("published",))
"""Of a table that sets our networks below published ones."""
PLOTS = {
    "lines": Layout(("x", "series"), may=("panels",)),
    "bars": Layout(("x", "series"), may=("panels",)),
    "scatter": Layout(("x_metric", "series"), may=("panels",)),
    "distillation": Layout(("parts",)),
    "cka": Layout(("panels",), max_panels=2),
    "samples": Layout(("datasets",)),
    "noise_samples": Layout(("datasets",)),
}
"""The kinds of plot."""
LAYOUT_KEYS = tuple(
    sorted({key for layout in (TABLE, PUBLISHED, *PLOTS.values()) for key in (*layout.needs, *layout.may)})
)
Plot = Literal[(*PLOTS,)]


class Part(Strict):
    """One panel of a distillation figure: students beside their teachers."""

    title: Text
    cells_of: str = Field(description="the entry with the students; their teachers are added")
    x: Axes = Field(
        min_length=1, max_length=2, description="what tells the students apart; two: the first one's values group"
    )
    paper_table: str | None = Field(None, description="default: that of the entry with the students")


class Experiment(Strict):
    """One table or figure: the cells it needs and how they are laid out."""

    kind: Literal["table", "figure"]
    title: Text
    caption: str = Field("", description="what it shows and how to read it")
    section: str = Field(
        "",
        description="the paper's section that it belongs to, such as 4.1: its chapter in the report; empty: the last",
    )
    grid: Annotated[list[Grid], Field(min_length=1)] | Grid | None = Field(
        None, description="a grid or several, whose cells are joined"
    )
    cells_of: str | None = Field(None, description="use the cells of this other entry")
    baseline: bool = Field(True, description="add the same network without pretraining")
    metric: Strings = Field([], description="metrics of every cell; empty: those that its protocol is about")
    chance: bool = Field(False, description="table: print the level of chance beside each number")
    rows: Axes = Field([], description="table: axes down the side")
    columns: Axes = Field([], description="table: axes across the top")
    average: bool = Field(False, description="table: add the mean over the tasks, one more value of the axis `task`")
    quoted: bool = Field(False, description="table: add the rows that the paper quotes from the tasks' own papers")
    published: WorkflowPath | None = Field(
        None, description="table: a CSV file of published accuracies, below which the entry's own cells stand"
    )
    plot: Plot = Field(
        "lines",
        description="figure: lines or bars; scatter: accuracy over the cost of the network; distillation: students"
        " beside their teachers; cka: maps of the similarity of layers; samples: frames of datasets; noise_samples: one"
        " frame under every noise",
    )
    x: Axis | None = Field(None, description="lines, bars: the axis along x")
    x_metric: Literal["gflops", "parameters_millions"] | None = Field(
        None, description="scatter: the size or cost of the network along x"
    )
    series: Axis | None = Field(None, description="lines, bars, scatter: the axis that the colours stand for")
    panels: Axes = Field([], description="figure: the axis that makes the panels; cka: one, or one down and one across")
    parts: list[Part] = Field([], description="distillation: the panels")
    datasets: Strings = Field([], description="samples, noise_samples: the datasets whose videos are shown")
    paper_table: str | None = Field(None, description="the `table` of config/paper_values.csv to compare with")

    @model_validator(mode="after")
    def _complete(self) -> Experiment:
        layout, what = self._layout
        given = [key for key in LAYOUT_KEYS if getattr(self, key)]
        if self.kind == "table" and self.plot != type(self).model_fields["plot"].default:
            given.append("plot")
        if missing := [key for key in layout.needs if key not in given]:
            raise ValueError(f"a {what} needs {' and '.join(f'`{key}`' for key in missing)}")
        if idle := [key for key in given if key not in (*layout.needs, *layout.may)]:
            raise ValueError(f"a {what} has no {' and no '.join(f'`{key}`' for key in idle)}")
        if len(self.panels) > layout.max_panels:
            raise ValueError(f"`panels` of a {what} name {layout.max_panels} at most, not {len(self.panels)} axes")
        if self.plot == "noise_samples" and len(self.datasets) > 1:
            raise ValueError(f"a {what} shows one dataset, not {len(self.datasets)}")
        return self

    @model_validator(mode="after")
    def _has_cells(self) -> Experiment:
        layout, what = self._layout
        if layout.from_cells and (self.grid is None) == (self.cells_of is None):
            raise ValueError("give either `grid` or `cells_of`")
        if not layout.from_cells and (self.grid is not None or self.cells_of is not None):
            raise ValueError(f"a {what} has neither `grid` nor `cells_of`: `{layout.needs[0]}` says all")
        return self

    @property
    def _layout(self) -> tuple[Layout, str]:
        if self.kind == "table":
            return (PUBLISHED, "table of published results") if self.published else (TABLE, "table")
        return PLOTS[self.plot], f"figure of plot '{self.plot}'"

    @property
    def has_cells(self) -> bool:
        """Whether the entry says which cells it is of; else it is made of other entries' or of none."""
        return self._layout[0].from_cells

    @property
    def grids(self) -> list[Grid]:
        """The grids as a list; empty when the cells are another entry's."""
        return self.grid if isinstance(self.grid, list) else [self.grid] if self.grid else []
