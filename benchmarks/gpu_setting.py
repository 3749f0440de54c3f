"""What the checks of a GPU share: sizes, time, and what a check finds."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.settings import PAPER, REPOSITORY
from videossl.data.settings import ClipShape
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.study import Study, load_study
from videossl.training.session import Compute
from videossl.training.specs import PretrainSpec

NETWORKS = ("r2plus1d", "shufflenet")


@dataclass(frozen=True)
class Finding:
    """What one check found in one case."""

    check: str
    case: str
    passed: bool | None
    """None: not judged."""
    values: dict[str, float]
    wanted: str = ""
    """The condition, in words."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Setting:
    """The machine and the sizes: on a GPU those of the paper; in a rehearsal on a CPU the smallest that run."""

    device: torch.device
    folder: Path
    workers: int
    threads: int
    ends: float
    """`time.monotonic()` at which no further case is begun."""
    precision: str = field(init=False)
    study: Study = field(init=False)

    def __post_init__(self) -> None:
        self.precision = "fp32" if self.rehearsal else "bf16"
        self.study = load_study([REPOSITORY / "config/config.yaml", *([] if self.rehearsal else [PAPER])])

    @property
    def rehearsal(self) -> bool:
        """Whether nothing is judged that only a GPU can show."""
        return self.device.type == "cpu"

    @property
    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()

    @property
    def small_clip(self) -> ClipShape:
        """For comparisons with the CPU, which would take minutes with the paper's clips."""
        return ClipShape(frames=8, size=24 if self.rehearsal else 56)

    def compute(self, **options: Any) -> Compute:
        return Compute(device=self.device.type, threads=self.threads, workers=self.workers, **options)

    def spec(self, task: str, backbone: str, **changes: Any) -> PretrainSpec:
        """The specification of a task's pretraining, without parts of batches, with some fields changed."""
        complexity, milestone = self.study.recipes[task].default_complexity, max(self.study.config.epochs)
        cell = Cell("pretrain", task, complexity, backbone, "k400", "50k", milestone, "", "", 0)
        found = stage("pretrain").spec(self.study, cell)
        return found.model_copy(update={"accumulation_steps": 1, "precision": "fp32", **changes})

    def judged(self, passed: bool) -> bool | None:
        """`passed`, where a GPU was seen."""
        return None if self.rehearsal else passed
