"""Published results for comparison, such as those that the paper lists (`config/state_of_the_art.csv`; Tables 5, 17).

One row per network: group and approach, venue (in the file - for none), input (frames x height), backbone, pretraining,
and top-1 accuracy on UCF101 and HMDB51 after finetuning, in percent as printed.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from videossl.common.errors import UserError

LABELS = ("group", "approach", "venue", "input_NxWH", "backbone", "pretraining")
TARGETS = {"ucf101_top1": "ucf101", "hmdb51_top1": "hmdb51"}
MARKS = "*†"
"""Marks after an approach, as in the paper."""
ROW_LEVELS = ("Group", "Approach", "Venue", "Input", "Backbone", "Pretraining")


@dataclass(frozen=True)
class PublishedRow:
    """One published network. `number` is its position in the file; accuracies are fractions by target."""

    number: int
    labels: tuple[str, ...]
    top1: Mapping[str, float] = field(compare=False)

    @property
    def approach(self) -> str:
        """The pretraining approach."""
        return self.labels[1]

    @property
    def backbone(self) -> str:
        """The backbone."""
        return self.labels[4]

    @property
    def pretraining(self) -> str:
        """The pretraining dataset."""
        return self.labels[5]


def read_published(path: str | Path) -> list[PublishedRow]:
    """All rows, in the order of the file. Raises UserError with the line of an unreadable row."""
    try:
        with Path(path).open(newline="", encoding="utf-8") as handle:
            reader = csv.reader(handle, strict=True)
            head, *lines = [(reader.line_num, line) for line in reader if line] or [(1, [])]
    except OSError as error:
        raise UserError(f"the file of published results, {path}, cannot be read ({error.strerror}).") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"the file of published results, {path}, is no CSV file in UTF-8 ({error}).") from None
    if tuple(head[1]) != (*LABELS, *TARGETS):
        raise UserError(f"{path}: the columns are {head[1]}, expected {[*LABELS, *TARGETS]}.")
    if not lines:
        raise UserError(
            f"{path} has no rows: a table of published results prints this study's results below at least one published"
            " one. Add a row, or leave `published` out of the entry."
        )
    return [_row(number, line, f"{path}, line {place}") for number, (place, line) in enumerate(lines)]


def _row(number: int, line: list[str], where: str) -> PublishedRow:
    if len(line) != len(LABELS) + len(TARGETS):
        expected = len(LABELS) + len(TARGETS)
        raise UserError(f"{where}: {len(line)} columns, expected {expected}. Put quotes around a text with a comma.")
    labels, numbers = line[: len(LABELS)], line[len(LABELS) :]
    top1 = {}
    for name, text in zip(TARGETS, numbers, strict=True):
        if text.strip():
            top1[TARGETS[name]] = _fraction(text, f"{where}: {name}")
    return PublishedRow(number, tuple("–" if label == "-" else label for label in labels), top1)


def _fraction(text: str, where: str) -> float:
    """Percent as printed, converted to a fraction."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise UserError(f"{where} is '{text}', expected a number from 0 to 100 (percent), or nothing.")
    return round(value / 100, 6)
