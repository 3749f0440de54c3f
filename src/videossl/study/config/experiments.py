"""Model of `config/experiments.yaml`: WHAT is run, one entry per table or figure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from videossl.common.names import WorkflowPath
from videossl.common.ranges import Count, Few, Once, Seed, Text
from videossl.common.strict import Strict
from videossl.data.settings import ALL_CORRUPTIONS, CORRUPTIONS, MEAN, NOISES
from videossl.stages.base import PRETRAINING
from videossl.stages.parts.networks import MODEL, PUBLISHED_NETWORK
from videossl.stages.registry import protocols


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Strings = Annotated[list[str], BeforeValidator(_as_list), Once]
Numbers = Annotated[list[Count], BeforeValidator(_as_list), Once]
CONDITIONS = (
    *(*NOISES, MEAN),
    *(kind for kinds in CORRUPTIONS.values() for kind in kinds),
    *(*CORRUPTIONS, ALL_CORRUPTIONS),
)
Kinds = Annotated[list[Literal[CONDITIONS]], BeforeValidator(_as_list), Once]  # type: ignore[valid-type]
Severities = Annotated[list[Annotated[int, Field(ge=0, le=5)]], BeforeValidator(_as_list), Once]
Labels = Annotated[list[Few | Literal["all"]], BeforeValidator(_as_list), Once]
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
    "labels",
    "noise",
    "severity",
    "metric",
]
Axes = Annotated[list[Axis], BeforeValidator(_as_list), Once]


Protocol = Literal[(*protocols(),)]  # type: ignore[valid-type]
Change = dict[Literal["task", "complexity", "backbone", "source", "subset", "epochs", "model", "published"], str | int]
WHOLE = (MODEL, PUBLISHED_NETWORK)
"""Keys of a change that name another network altogether, and stand alone."""


class Grid(Strict):
    """A product of axes; each has one value or a list of values."""

    protocol: Protocol = Field(  # type: ignore[valid-type]
        "finetune",
        description="what is evaluated. "
        + "; ".join(f"{name}: {one.description}" for name, one in protocols().items()),
    )
    task: Strings = Field([], description="pretext tasks; all: every task with a recipe; scratch: no pretraining")
    complexity: Strings = Field(
        [""], min_length=1, description="complexity variants of the task, such as C1; empty: the recipe's default"
    )
    backbone: Strings = Field([], description="files of src/videossl/backbones")
    model: Strings = Field([], description="vifm, zero_shot: video-language models")
    published: Strings = Field(
        [],
        description="networks of the configuration's `published`, instead of `task`, `backbone`, `source`, `subset` and"
        " `epochs`. With `baseline`, the networks that were trained with labels stand beside those that were not",
    )
    source: Strings = Field([], description="pretraining dataset")
    subset: Strings = Field([], description="names from `subsets`: the training videos of pretraining")
    epochs: Numbers = Field([], description="milestones: pretraining epochs after which networks are evaluated")
    target: Strings = Field([], description="evaluation dataset")
    teachers: list[Change] = Field(
        [],
        description="distill: teachers; each differs from the student in these axes, or is a `model`",
    )
    pairs: Strings = Field([], description="distill: instead of `teachers`, every pair of these models")
    against: Change = Field(
        {}, description="cka: axes in which the other network differs; empty: compare the network with itself"
    )
    labels: Labels = Field(
        [], description="low_shot: labelled training videos of each class, such as 1, 5 and 10; all: every one"
    )
    noise: Kinds = Field(
        [],
        description="robustness: kinds of noise; mean: the mean over them. corruption: kinds of corruption; blur,"
        " camera, digital, temporal, corruptions: means over a group, or over all",
    )
    severity: Severities = Field([], description="robustness, corruption: severities 1 to 5; 0: the mean over all")
    seed: Seeds = Field(
        [], description="random seeds: every network is trained once per seed; left out: 0 to `seeds` - 1 of the scale"
    )

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Grid:
        own = protocols()[self.protocol]
        needed = own.grid_axes
        if self.published:
            self._evaluates_published(needed)
            needed = tuple(axis for axis in needed if axis not in (*PRETRAINING, "backbone"))
        given = {axis for axis in type(self).model_fields if getattr(self, axis)}
        if "pairs" in given and "pairs" in own.further_axes:
            if "teachers" in given or len(self.pairs) < 2:
                raise ValueError("`pairs` needs at least two models, and replaces `teachers`")
            given.add("teachers")
        for axis in (*PRETRAINING, "backbone", "model", "target", "teachers", "labels", "noise", "severity"):
            if (axis in needed) != (axis in given):
                verb = "needs" if axis in needed else "has no"
                raise ValueError(f"a grid of protocol '{self.protocol}' {verb} `{axis}`")
        if idle := [kind for kind in self.noise if kind not in own.conditions]:
            valid = ", ".join(own.conditions)
            raise ValueError(f"a grid of protocol '{self.protocol}' has no `noise` {', '.join(idle)}. Valid: {valid}")
        for axis in ("against", "pairs"):
            if axis in given and axis not in own.further_axes:
                raise ValueError(f"a grid of protocol '{self.protocol}' has no `{axis}`")
        for change in [*self.teachers, self.against]:
            for whole in WHOLE:
                if whole in change and len(change) > 1:
                    raise ValueError(f"a teacher with `{whole}` must have no other axis")
            if self.published and change and not set(change) <= set(WHOLE):
                raise ValueError(
                    f"a published network has no {' and no '.join(f'`{axis}`' for axis in change)} to change: name"
                    " another network, such as `published: NAME`"
                )
        if MODEL in self.against:
            raise ValueError("a teacher with `model` must have no other axis")
        return self

    def _evaluates_published(self, needed: tuple[str, ...]) -> None:
        """Raise ValueError unless the protocol, which needs these axes, evaluates pretrained networks on a target."""
        if not {*PRETRAINING, "target"} <= set(needed):
            known = ", ".join(name for name, one in protocols().items() if {*PRETRAINING, "target"} <= {*one.grid_axes})
            raise ValueError(f"a grid of protocol '{self.protocol}' has no `published`. Protocols with it: {known}")
        if self.complexity != [""]:
            raise ValueError("a grid with `published` has no `complexity`: it names networks, not pretext tasks")

    @property
    def all_teachers(self) -> list[list[Change]]:
        """The teachers of each student."""
        pairs = itertools.combinations(self.pairs, 2)
        return [[{MODEL: first}, {MODEL: second}] for first, second in pairs] if self.pairs else [self.teachers]  # type: ignore[dict-item]

    @property
    def models(self) -> list[str]:
        """The video-language models that the grid names."""
        return [*self.model, *self.pairs, *(str(change[MODEL]) for change in self.teachers if MODEL in change)]


@dataclass(frozen=True)
class Layout:
    """Keys that lay out a kind of table or figure; its entries may have no others of these."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    max_panels: int = 1
    """Largest number of axes in `panels`."""

    @property
    def from_cells(self) -> bool:
        """Whether entries define their cells themselves, by `grid` or `cells_of`."""
        return not {"parts", "datasets"} & set(self.required)


TABLE = Layout(("rows", "columns"), optional=("average", "quoted", "chance", "gain", "rank"))
PUBLISHED = Layout(("published",))
"""Layout of a table that compares our networks with published ones."""
PLOTS = {
    "lines": Layout(("x", "series"), optional=("panels", "gain")),
    "bars": Layout(("x", "series"), optional=("panels",)),
    "scatter": Layout(("x_metric", "series"), optional=("panels",)),
    "distillation": Layout(("parts",)),
    "cka": Layout(("panels",), max_panels=2),
    "samples": Layout(("datasets",)),
    "noise_samples": Layout(("datasets",)),
}
"""Layout of each kind of plot."""
LAYOUT_KEYS = tuple(
    sorted({key for layout in (TABLE, PUBLISHED, *PLOTS.values()) for key in (*layout.required, *layout.optional)})
)
Plot = Literal[(*PLOTS,)]  # type: ignore[valid-type]


class Part(Strict):
    """One panel of a distillation figure: students beside their teachers."""

    title: Text = Field(description="title of the panel")
    cells_of: str = Field(description="entry that defines the students; their teachers are added")
    x: Axes = Field(
        min_length=1,
        max_length=2,
        description="axes in which the students differ; with two, values of the first form groups",
    )
    paper_table: str | None = Field(
        None,
        description="`table` of config/paper_values.csv to compare with; default: that of the entry with the students",
    )


class Presentation(Strict):
    """How a table or figure is laid out; which cells it shows is said beside it."""

    kind: Literal["table", "figure"] = Field(description="what the entry makes")
    title: Text = Field(description="title in print")
    caption: str = Field("", description="text that says what it shows and how to read it")
    section: str = Field(
        "",
        description="section of the paper, such as 4.1, used as chapter of the report; empty: the last chapter",
    )
    baseline: bool = Field(True, description="add the same networks without pretraining")
    gain: bool = Field(
        False,
        description="table, lines: show the difference to the same network from scratch, with a mark where its interval"
        " does not contain 0. The networks from scratch are added, and not shown themselves",
    )
    chance: bool = Field(False, description="table: print chance level beside each number")
    rows: Axes = Field([], description="table: axes of the rows")
    columns: Axes = Field([], description="table: axes of the columns")
    rank: Axes = Field(
        [],
        description="table: print the rank of each number among those that differ from it only in these axes, such as"
        " task, and the ranks that the intervals of the differences leave open. Networks from scratch have none",
    )
    average: bool = Field(False, description="table: add the mean over tasks as a further value of the axis `task`")
    quoted: bool = Field(False, description="table: add rows that the paper quotes from the publications of the tasks")
    published: WorkflowPath | None = Field(
        None,
        description="table: CSV file of published accuracies. The entry's own cells are below those of the same"
        " approach, else last",
    )
    plot: Plot = Field(
        "lines",
        description="figure: kind of plot. lines, bars; scatter: accuracy against cost of the network;"
        " distillation: students"
        " beside their teachers; cka: similarity maps of layers; samples: frames of datasets; noise_samples: one"
        " frame with every noise",
    )
    x: Axis | None = Field(None, description="lines, bars: axis shown along x")
    x_metric: Literal["gflops", "parameters_millions"] | None = Field(
        None, description="scatter: size or cost of the network shown along x"
    )
    series: Axis | None = Field(None, description="lines, bars, scatter: axis shown by colour")
    panels: Axes = Field(
        [],
        description="figure: axis with one panel per value; cka: one axis, or one for rows and one for columns of"
        " panels",
    )
    parts: list[Part] = Field([], description="distillation: the panels")
    datasets: Strings = Field([], description="samples, noise_samples: datasets whose videos are shown")
    columns_in_paper: Literal[1, 2] | None = Field(
        None,
        description="figure: width of its version for papers, in columns of a page; empty: one for a plot of a single"
        " panel with few lines or bars, else two",
    )
    paper_table: str | None = Field(
        None,
        description="`table` of config/paper_values.csv with the paper's values; cells that it leaves out are looked up"
        " in the paper's other tables. Empty: no comparison",
    )

    @model_validator(mode="after")
    def _complete(self) -> Presentation:
        layout, what = self._layout
        given = [key for key in LAYOUT_KEYS if getattr(self, key)]
        if self.kind == "table" and self.plot != type(self).model_fields["plot"].default:
            given.append("plot")
        if missing := [key for key in layout.required if key not in given]:
            raise ValueError(f"a {what} needs {' and '.join(f'`{key}`' for key in missing)}")
        if idle := [key for key in given if key not in (*layout.required, *layout.optional)]:
            raise ValueError(f"a {what} has no {' and no '.join(f'`{key}`' for key in idle)}")
        if len(self.panels) > layout.max_panels:
            raise ValueError(f"`panels` of a {what} name {layout.max_panels} at most, not {len(self.panels)} axes")
        if self.plot == "noise_samples" and len(self.datasets) > 1:
            raise ValueError(f"a {what} shows one dataset, not {len(self.datasets)}")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Presentation:
        if twice := [axis for axis in dict.fromkeys(self.axes) if self.axes.count(axis) > 1]:
            raise ValueError(f"an axis is named twice, {' and '.join(twice)}, among {', '.join(self.axes)}")
        if unseen := [axis for axis in self.rank if axis not in self.axes]:
            raise ValueError(f"`rank` names {' and '.join(unseen)}, which `rows` and `columns` do not show")
        if self.average and "task" not in self.axes:
            raise ValueError("`average` is over the tasks, so `rows` or `columns` must name `task`")
        if self.gain and (idle := [key for key in ("quoted", "chance") if getattr(self, key)]):
            raise ValueError(f"`gain` shows differences, which have no {' and no '.join(f'`{key}`' for key in idle)}")
        if self.quoted and not self.paper_table:
            raise ValueError("`quoted` rows are those of a `paper_table`; name one")
        return self

    @property
    def axes(self) -> tuple[str, ...]:
        """All axes that the layout shows."""
        if self.kind == "table":
            return (*self.rows, *self.columns)
        if self.plot == "distillation":
            return ("task", "complexity", "backbone", "source", "subset", "target", "teachers")
        points = ("backbone",) if self.plot == "scatter" else ()
        return tuple(axis for axis in (self.x, self.series, *points, *self.panels) if axis)

    @property
    def _layout(self) -> tuple[Layout, str]:
        if self.kind == "table":
            return (PUBLISHED, "table of published results") if self.published else (TABLE, "table")
        return PLOTS[self.plot], f"figure of plot '{self.plot}'"

    @property
    def has_cells(self) -> bool:
        """Whether the entry defines its cells; otherwise it consists of other entries, or of none."""
        return self._layout[0].from_cells


class Experiment(Presentation):
    """One table or figure: the cells it needs and its layout."""

    grid: Annotated[list[Grid], Field(min_length=1)] | Grid | None = Field(
        None, description="one grid, or a list of grids whose cells are combined"
    )
    cells_of: str | None = Field(None, description="name of another entry whose cells are used")
    metric: Strings = Field([], description="metrics to show; empty: the default metrics of the protocol")

    @model_validator(mode="after")
    def _has_cells(self) -> Experiment:
        layout, what = self._layout
        if layout.from_cells and (self.grid is None) == (self.cells_of is None):
            raise ValueError("give either `grid` or `cells_of`")
        if not layout.from_cells and (self.grid is not None or self.cells_of is not None):
            raise ValueError(f"a {what} has neither `grid` nor `cells_of`: `{layout.required[0]}` says all")
        return self

    @property
    def grids(self) -> list[Grid]:
        """The grids as a list; empty if the cells come from another entry."""
        return self.grid if isinstance(self.grid, list) else [self.grid] if self.grid else []
