"""Base class of all stages. A stage describes one kind of job; each stage is one file of this package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from videossl.common.specification import Specification
from videossl.common.strict import Strict

if TYPE_CHECKING:
    from videossl.data.settings import Augment, ClipShape
    from videossl.stages.cells import Cell
    from videossl.stages.parts.builds import Build
    from videossl.study.config import Grid
    from videossl.study.study import Study
    from videossl.training.session import Compute

S = TypeVar("S", bound=Specification)
PRETRAINING = ("task", "source", "subset", "epochs")
"""The axes that identify a pretrained network, besides its backbone."""
RUN = "{source}/{subset}/{variant}/{backbone}/seed{seed}/epochs{epochs}"
"""Folder of a pretrained network, relative to the folder of its stage."""
RunsOn = Literal["cpu", "one device", "all devices"]
METRICS, PREDICTIONS, WEIGHTS, RECORD = "metrics.parquet", "predictions.parquet", "weights.pt", "run.json"


class Work(NamedTuple):
    """Work of a job that runs a network: 10^9 operations, and number of loaded clips."""

    gflops: float
    clips: float


class Clips(NamedTuple):
    """The clips that a job cuts from stored videos."""

    shape: ClipShape
    augment: Augment | None
    """None: frames are enlarged where they are smaller than a clip."""
    dataset: str
    where: str
    """The setting of both, for messages: it has the keys `clip` and `augment`."""


@dataclass(frozen=True)
class Job(Generic[S]):
    """One job, as passed to `run`."""

    spec: S
    identity: dict[str, Any]
    """The cell's identity columns."""
    inputs: Mapping[str, list[Path]]
    """Input files by the names used in :meth:`Stage.inputs`."""
    folder: Path
    """The run folder for all results."""
    compute: Compute
    places: Mapping[str, Path] = field(default_factory=dict)
    """Folders and files outside the results, by the names used in :meth:`Stage.places`."""

    def file(self, name: str) -> Path:
        """The only input file with this name."""
        (path,) = self.inputs[name]
        return path

    def file_or_none(self, name: str) -> Path | None:
        """The only input file with this name; None if the job has none."""
        return next(iter(self.inputs.get(name, ())), None)

    def files(self, name: str) -> list[Path]:
        """All input files with this name."""
        return list(self.inputs.get(name, ()))


class Stage(ABC, Generic[S]):
    """One kind of job. Instances have no state: a job is fully determined by the study and the cell."""

    name: ClassVar[str]
    """Name in cells; also the name of the rule and of the module file."""
    title: ClassVar[str]
    """Title shown to users, such as "Finetuning"."""
    label: ClassVar[str]
    """Value of the axis `protocol` in tables; default: the title in lower case."""
    place: ClassVar[float | None] = None
    """Position of the protocol in tables, in ascending order; None: after the protocols that have one."""
    folder: ClassVar[str]
    """Folder of a cell relative to the results folder; braces contain the rule's wildcards."""
    results: ClassVar[tuple[str, ...]]
    """Result files of a run."""
    further_files: ClassVar[tuple[str, ...]] = ()
    """Files that a run leaves besides its results and `run.json`."""
    specification: ClassVar[type[Specification]]
    settings: ClassVar[type[Strict] | None] = None
    """Model of the settings of its own, all with defaults: they get a key of the configuration with the stage's
    name."""
    message: ClassVar[str]
    """Message that Snakemake prints when a job starts; Snakemake fills in the braces."""
    has_record: ClassVar[bool] = True
    """Whether a run writes a `run.json` next to its results."""
    runs_on: ClassVar[RunsOn] = "one device"
    """cpu: runs no network. one device: uses a GPU if the study uses GPUs. all devices: distributed training."""

    kind_of_time: ClassVar[str] = "other evaluations and analyses"
    """Heading under which the time of its jobs is summed up in docs/performance.md."""

    metrics: ClassVar[tuple[str, ...]] = ()
    """Metrics that an entry shows if it names none."""
    further_metrics: ClassVar[tuple[str, ...]] = ()
    """Further metrics that an entry may name."""
    is_tested: ClassVar[bool] = True
    """Whether the metrics are computed on test videos of a target."""

    axes: ClassVar[tuple[str, ...] | None]
    """Axes that a grid of this protocol must give, besides `backbone`. None: no protocol; its results are only inputs
    of other stages. Every stage sets it, as a protocol without axes would be missing among the valid names."""
    conditions: ClassVar[tuple[str, ...]] = ()
    """Values of the axis `noise` that grids of this protocol may name."""
    further_axes: ClassVar[tuple[str, ...]] = ()
    """Keys that only grids of this protocol may give: `against`, `pairs`."""
    allows_scratch: ClassVar[bool] = False
    """Whether grids may name the task `scratch`: networks without pretraining, not as a baseline."""
    protocol: ClassVar[str]
    """Protocol name in grids; default: the stage's name."""
    description: ClassVar[str] = ""
    """Description of the protocol in the configuration reference."""
    baseline: ClassVar[bool] = False
    """Whether the protocol is also run for networks without pretraining, as a baseline."""
    plot: ClassVar[str] = ""
    """Kind of figure that is drawn from cells of this protocol and needs some."""
    plot_alone: ClassVar[bool] = False
    """Whether that kind of figure draws no cells of other protocols."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "title" in own and "label" not in own:
            cls.label = cls.title[:1].lower() + cls.title[1:]
        if "name" in own and "protocol" not in own:
            cls.protocol = cls.name

    @property
    def is_protocol(self) -> bool:
        """Whether grids of `experiments.yaml` can use this stage."""
        return self.axes is not None

    @property
    def grid_axes(self) -> tuple[str, ...]:
        """All axes that a grid of this protocol must give; no others are allowed."""
        return (*(self.axes or ()), *(() if self.of_models else ("backbone",)))

    @property
    def makes_metrics(self) -> bool:
        """Whether a run writes metrics. Otherwise its results are only inputs of other stages."""
        return METRICS in self.results

    @property
    def of_models(self) -> bool:
        """Whether its cells are video-language models instead of pretrained networks."""
        return False

    @property
    def shown_files(self) -> tuple[str, ...]:
        """Files that show that a run has finished: metrics and `run.json`, which are written last; else its results."""
        return (METRICS, RECORD) if self.makes_metrics and self.has_record else self.results

    @property
    def outputs(self) -> tuple[str, ...]:
        """All files that a run writes."""
        return (*self.results, *((RECORD,) if self.has_record else ()))

    @abstractmethod
    def spec(self, study: Study, cell: Cell) -> S:
        """The job specification of a cell."""

    def settings_in(self, study: Study) -> Any:
        """The configuration's values of `settings`."""
        return getattr(study.config, self.name)

    def parse(self, values: dict[str, Any]) -> S:
        """The specification from plain values. Raises UserError if it is invalid."""
        return self.specification.parse(values, f"the specification of a job of stage {self.name}")  # type: ignore[return-value]

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        """The cells whose results this cell needs."""
        return []

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        """Input files of a job, by name."""
        return {}

    def places(self, study: Study, cell: Cell) -> dict[str, Path]:
        """Folders and files outside the results that a job reads. Their location does not affect any result."""
        return {}

    def outside_files(self, study: Study, cell: Cell) -> list[Path]:
        """Files outside the results that a job reads; a change of their content reruns the job.

        Raises UserError if one is missing.
        """
        return []

    def unavailable(self, study: Study, cell: Cell) -> str:
        """Reason why the cell itself cannot be run on this machine, such as missing weights; "" if it can."""
        return ""

    def cells(self, study: Study, grid: Grid) -> Iterator[Cell]:
        """The cells of a grid, in the grid's order."""
        from videossl.stages.parts.networks import cells_of_networks

        return cells_of_networks(self, study, grid)

    def with_partners(self, study: Study, grid: Grid, cell: Cell) -> Iterator[Cell]:
        """`cell` combined with the other networks that it involves: one cell for each set of them."""
        yield cell

    def metrics_of(self, study: Study, cell: Cell) -> tuple[list[str], list[str]]:
        """Metrics that an entry shows of a cell by default, and further metrics that it may name."""
        return list(self.metrics), list(self.further_metrics)

    def work(self, study: Study, cell: Cell) -> Work | None:
        """Work of the job, for time limits; None: a few seconds."""
        return None

    def clips(self, study: Study, cell: Cell) -> Clips | None:
        """The clips that the job cuts from stored videos, to check that they fit into them before the first job.

        None: no clips, or those with which a network was finetuned.
        """
        return None

    def videos_read(self, study: Study, cell: Cell) -> int:
        """Number of videos that the job decodes from video files, for time limits."""
        return 0

    def devices_of(self, cell: Cell) -> RunsOn:
        """What the cell's job runs on, where it differs from `runs_on` of the stage."""
        return self.runs_on

    def parallel_key(self, cell: Cell) -> str:
        """Key of `compute.parallel` that sets the devices of the cell's job."""
        return "finetune"

    def stop_epoch(self, study: Study, cell: Cell) -> int | None:
        """Epoch at which the cell's training ends; None: no training by epochs."""
        return None

    def check(self, study: Study, cell: Cell) -> None:
        """Raise UserError for contradictory configuration values, before the first job."""

    def build(self, study: Study, cell: Cell) -> Build | None:
        """What the job builds, to test it before the first job: see :mod:`videossl.monitor.buildable`."""
        return None

    def kind_of_work(self, study: Study, cell: Cell) -> dict[str, Any]:
        """Values that identify the kind of work. Cells with equal values differ only in the amount of work.

        Measured times of such cells predict each other.
        """
        return {"target": cell.target, "partners": [other.backbone for other in cell.partners]}

    @abstractmethod
    def run(self, job: Job[S]) -> None:
        """Run the job. Heavy modules are imported here."""
