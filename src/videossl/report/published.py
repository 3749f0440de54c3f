"""Published results, from `config/state_of_the_art.csv`: what our networks are set beside.

One row a network, as the paper's Tables 5 and 17 list them: group and approach, venue (in the file - for none), input
(frames x height), backbone, pretraining, and top-1 accuracy on UCF101 and HMDB51 after finetuning, in percent as
printed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from videossl.errors import UserError

LABELS = ("group", "approach", "venue", "input_NxWH", "backbone", "pretraining")
TARGETS = {"ucf101_top1": "ucf101", "hmdb51_top1": "hmdb51"}
ROW_LEVELS = ("Group", "Approach", "Venue", "Input", "Backbone", "Pretraining")


@dataclass(frozen=True)
class PublishedRow:
    """One published network, by its place in the file; accuracies are fractions by target."""

    number: int
    labels: tuple[str, ...]
    top1: Mapping[str, float] = field(compare=False)

    @property
    def approach(self) -> str:
        """What the network was trained by."""
        return self.labels[1]

    @property
    def backbone(self) -> str:
        """The network."""
        return self.labels[4]

    @property
    def pretraining(self) -> str:
        """What it was pretrained on."""
        return self.labels[5]


def read_published(path: str | Path) -> list[PublishedRow]:
    """All rows, in the order of the file."""
    try:
        with Path(path).open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        raise UserError(f"the file of published results, {path}, cannot be read ({error.strerror}).") from None
    if not rows or tuple(rows[0]) != (*LABELS, *TARGETS):
        raise UserError(f"{path}: the columns are {list(rows[0]) if rows else []}, expected {[*LABELS, *TARGETS]}.")
    return [
        PublishedRow(
            number,
            tuple("–" if row[name] == "-" else row[name] for name in LABELS),
            {target: round(float(row[name]) / 100, 6) for name, target in TARGETS.items() if row[name]},
        )
        for number, row in enumerate(rows)
    ]
