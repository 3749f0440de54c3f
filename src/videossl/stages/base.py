"""What a stage is: all that is known about one kind of job. A stage is one file of this package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from videossl.common.specification import Specification

if TYPE_CHECKING:
    from videossl.stages.cells import Cell
    from videossl.study.config import Grid
    from videossl.study.study import Study
    from videossl.training.session import Compute

S = TypeVar("S", bound=Specification)
PRETRAINING = ("task", "source", "subset", "epochs")
"""The axes that identify a pretrained network, besides its backbone."""
RUN = "{source}/{subset}/{variant}/{backbone}/seed{seed}/epochs{epochs}"
"""Folder of a pretrained network below that of its stage."""
METRICS, PREDICTIONS, WEIGHTS, RECORD = "metrics.parquet", "predictions.parquet", "weights.pt", "run.json"


class Work(NamedTuple):
    """The work of a job that runs a network: 10^9 operations, and clips that are loaded."""

    gflops: float
    clips: float


@dataclass(frozen=True)
class Job(Generic[S]):
    """One job as `run` is given it."""

    spec: S
    identity: dict[str, Any]
    """The cell's identity columns."""
    inputs: Mapping[str, list[Path]]
    """Files by the names that :meth:`Stage.inputs` gave them."""
    folder: Path
    """The run folder, which all results go into."""
    compute: Compute
    places: Mapping[str, Path] = field(default_factory=dict)
    """Folders and files outside the results, by the names that :meth:`Stage.places` gave them."""

    def file(self, name: str) -> Path:
        """The one input of this name."""
        (path,) = self.inputs[name]
        return path

    def file_or_none(self, name: str) -> Path | None:
        """The one input of this name; None where the job has none."""
        return next(iter(self.inputs.get(name, ())), None)

    def files(self, name: str) -> list[Path]:
        """All inputs of this name."""
        return list(self.inputs.get(name, ()))


class Stage(ABC, Generic[S]):
    """One kind of job. Instances have no state: everything about a job follows from the study and the cell."""

    name: ClassVar[str]
    """As in the cells, and the name of the rule and of the module file."""
    title: ClassVar[str]
    """For people, such as "Finetuning"."""
    label: ClassVar[str]
    """As the value of the axis `protocol` in tables; default: the title, lower case."""
    place: ClassVar[float | None] = None
    """In tables, protocols stand by this number; None: after those that have one."""
    folder: ClassVar[str]
    """Folder of a cell below the results; the braces are the rule's wildcards."""
    results: ClassVar[tuple[str, ...]]
    """Files of a run that hold results."""
    specification: ClassVar[type[Specification]]
    message: ClassVar[str]
    """What Snakemake prints when a job starts; the braces are filled in by Snakemake."""
    has_record: ClassVar[bool] = True
    """Whether a run has a `run.json` beside its results."""
    runs_on: ClassVar[Literal["cpu", "one device", "all devices"]] = "one device"
    """cpu: runs no network. one device: a GPU if the study uses any. all devices: a distributed training."""

    metrics: ClassVar[tuple[str, ...]] = ()
    """What an entry shows of a cell unless it names metrics."""
    further_metrics: ClassVar[tuple[str, ...]] = ()
    """What an entry may name besides."""
    is_tested: ClassVar[bool] = True
    """Whether the metrics are about videos of a target that were tested on."""

    axes: ClassVar[tuple[str, ...] | None] = None
    """The axes that a grid of this protocol must give (with `backbone`); None: no grid can ask for it."""
    protocol: ClassVar[str]
    """What a grid calls it; default: the name."""
    description: ClassVar[str] = ""
    """Of the protocol, for the documentation of the configuration."""
    baseline: ClassVar[bool] = False
    """Whether a network without pretraining can go through it for comparison."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "title" in own and "label" not in own:
            cls.label = cls.title[:1].lower() + cls.title[1:]
        if "name" in own and "protocol" not in own:
            cls.protocol = cls.name

    @property
    def is_protocol(self) -> bool:
        """Whether a grid of `experiments.yaml` can ask for it."""
        return self.axes is not None

    @property
    def grid_axes(self) -> tuple[str, ...]:
        """All axes that a grid of this protocol must give; it may give no others."""
        return (*(self.axes or ()), *(() if self.of_models else ("backbone",)))

    @property
    def makes_metrics(self) -> bool:
        """Whether a run has metrics; else its results are only for other stages."""
        return METRICS in self.results

    @property
    def of_models(self) -> bool:
        """Whether its cells are of video-language models instead of pretrained networks."""
        return False

    @property
    def shown_files(self) -> tuple[str, ...]:
        """What tells that a run has finished: its metrics and `run.json`, which are written last; else its results."""
        return (METRICS, RECORD) if self.makes_metrics and self.has_record else self.results

    @property
    def outputs(self) -> tuple[str, ...]:
        """All files that a run leaves."""
        return (*self.results, *((RECORD,) if self.has_record else ()))

    @abstractmethod
    def spec(self, study: Study, cell: Cell) -> S:
        """The job specification of a cell."""

    def parse(self, values: dict[str, Any]) -> S:
        """The specification from plain values; UserError for one that is not valid."""
        return self.specification.parse(values, f"the specification of a job of stage {self.name}")  # type: ignore[return-value]

    def dependencies(self, study: Study, cell: Cell) -> list[Cell]:
        """The cells whose results this one starts from."""
        return []

    def inputs(self, study: Study, cell: Cell) -> dict[str, list[Path]]:
        """The files that a job reads, by name."""
        return {}

    def places(self, study: Study, cell: Cell) -> dict[str, Path]:
        """Folders and files outside the results that a job reads; where they are changes no result."""
        return {}

    def outside_files(self, study: Study, cell: Cell) -> list[Path]:
        """Files outside the results that a job reads, a change of which runs it again. UserError if one is missing."""
        return []

    def unavailable(self, study: Study, cell: Cell) -> str:
        """Why a cell itself cannot be run on this machine, such as weights that are not there; "" if it can."""
        return ""

    def cells(self, study: Study, grid: Grid) -> Iterator[Cell]:
        """The cells that a grid asks for, in the grid's order."""
        from videossl.stages.parts.networks import cells_of_networks

        return cells_of_networks(self, study, grid)

    def with_partners(self, study: Study, grid: Grid, cell: Cell) -> Iterator[Cell]:
        """`cell` with the other networks that it is about: once for every set of them."""
        yield cell

    def metrics_of(self, study: Study, cell: Cell) -> tuple[list[str], list[str]]:
        """The metrics that an entry shows of a cell by default, and those that it may name besides."""
        return list(self.metrics), list(self.further_metrics)

    def work(self, study: Study, cell: Cell) -> Work | None:
        """What the job computes, for time limits; None: moments."""
        return None

    def videos_read(self, study: Study, cell: Cell) -> int:
        """Videos that the job decodes from their files, for time limits."""
        return 0

    def parallel_key(self, cell: Cell) -> str:
        """The key of `compute.parallel` with the devices of its jobs."""
        return "finetune"

    def stop_epoch(self, study: Study, cell: Cell) -> int | None:
        """The epoch at which its training ends; None: it trains no network by epochs."""
        return None

    def check(self, study: Study, cell: Cell) -> None:
        """UserError for values of the configuration that contradict one another, before the first job."""

    def build(self, study: Study, cell: Cell) -> dict[str, Any] | None:
        """What the job builds, so that it can be tried before the first job: see :mod:`videossl.monitor.buildable`."""
        return None

    def kind_of_work(self, study: Study, cell: Cell) -> dict[str, Any]:
        """Cells of the same kind differ in the amount of work alone: measured times of some tell those of others."""
        return {"target": cell.target, "partners": [other.backbone for other in cell.partners]}

    @abstractmethod
    def run(self, job: Job[S]) -> None:
        """Run the job. The heavy code is imported here."""
